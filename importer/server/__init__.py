"""The server's side: which one to talk to, and a local one to start."""
