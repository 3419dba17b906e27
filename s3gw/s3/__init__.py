"""The S3 wire protocol. Sans-I/O: knows neither Swift nor Starlette nor the event loop."""
