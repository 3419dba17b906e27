"""The Swift API. Not a word of S3."""
