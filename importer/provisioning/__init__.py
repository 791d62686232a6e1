"""Buckets from a file, and what there is to know of each: listed, shown, deleted by id."""
