"""What is in a dataset, and how it is best mapped: profiles of its columns, and a proposal."""
