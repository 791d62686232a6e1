"""Ask the server whether all of it arrived."""
