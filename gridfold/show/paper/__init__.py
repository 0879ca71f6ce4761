"""The figures of the report for print, and its table for LaTeX."""
