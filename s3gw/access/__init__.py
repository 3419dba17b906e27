"""May they?  Pure: takes facts, gives a verdict."""
