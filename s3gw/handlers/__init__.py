"""One coroutine an operation, one module a family."""
