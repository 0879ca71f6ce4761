"""What won, how sure that is, what mattered, what to run next: as numbers and in words, nothing is drawn."""
