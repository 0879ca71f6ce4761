"""A search: what it will do, what is left of it to do, and how it is executed."""
