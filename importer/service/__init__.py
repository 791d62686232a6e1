"""The HTTP service: requests become calls of the importer's public functions, and what they give becomes answers."""
