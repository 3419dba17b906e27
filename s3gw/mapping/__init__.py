"""S3 ↔ Swift, pure functions; the only place that knows both."""
