"""The numbers behind an answer: what won, how sure that is, what mattered, what to run next. Nothing is drawn here."""
