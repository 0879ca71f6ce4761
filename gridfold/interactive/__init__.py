"""A search as a call in Python: in a notebook, in a script, at the prompt."""
