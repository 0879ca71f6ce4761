"""What people see: progress, tables, figures, the report."""
