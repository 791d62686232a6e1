"""The input: opened, cut into blocks of whole records, read into columns of text."""
