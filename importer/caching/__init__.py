"""Answers kept for a while: in the process, or in Redis; forgotten as soon as what they are about is written to."""
