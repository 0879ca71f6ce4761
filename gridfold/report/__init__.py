"""What people see: progress, tables, data formats, figures, the page."""
