"""What is read out of a bucket: which part of it, in what shape, into a frame or a file."""
