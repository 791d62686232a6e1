"""Points to line protocol."""
