"""Tests of the S3 wire protocol."""
