"""Small truths that every room builds on: values, errors, files, processes."""
