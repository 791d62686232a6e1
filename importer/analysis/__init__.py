"""What a bucket holds, in figures: asked of the server, shown as a table, JSON or an HTML page."""
