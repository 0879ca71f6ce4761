"""What other tools read: tables of results as CSV, JSON lines, Parquet and data frames."""
