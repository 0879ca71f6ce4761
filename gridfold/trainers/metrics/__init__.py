"""The numbers of a program: read from what it prints and writes, one module a format, and what their names say."""
