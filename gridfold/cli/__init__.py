"""The commands a person types: their options, what they call, what they print, and their exit codes."""
