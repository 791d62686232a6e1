"""Imports as jobs: files that were sent, a queue that survives its process, and what became of each load."""
