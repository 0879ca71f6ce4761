"""What a search says: tables, live progress."""
