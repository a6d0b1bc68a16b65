"""Who is admitted, and who is granted how much."""
