"""Set-up and start of the demo hub. Needs nothing but Python's standard library."""
