"""ZoeSpawner: what a JupyterHub spawner must add so that a server's choice is a ZApp of the shop."""
