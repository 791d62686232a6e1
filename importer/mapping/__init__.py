"""Columns of text to points: by a mapping, or by a person's own function."""
