"""Who may run, and how much of it. Pure: no I/O, no clock."""
