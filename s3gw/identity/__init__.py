"""Who is calling: from a signed request to a caller with a Swift token."""
