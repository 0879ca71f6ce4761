"""The layout that the documented import path needs."""
