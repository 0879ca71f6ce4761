"""One process of the system: who it is, when it ends, and what it does or shares behind the back of the code in it."""
