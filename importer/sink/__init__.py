"""Where lines go: a bucket, or standard output."""
