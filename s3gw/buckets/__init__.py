"""What is this bucket: cached facts of a container."""
