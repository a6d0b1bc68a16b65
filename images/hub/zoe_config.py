"""Zoe's service of compose.yaml."""

import socket
from pathlib import Path

c = get_config()  # noqa: F821
c.ZoeConfig.engine = "docker"
c.ZoeConfig.database = f"postgresql+psycopg://zoe:{Path('/secrets/database').read_text().strip()}@database/zoe"
# Docker gives a container its identifier as its name.
c.ZoeDocker.service_container = socket.gethostname()
c.ZoeDocker.allowed_images = ["zoe/*"]
c.ZoeDocker.mounts = [{"source": "jupyterhub-user-{owner}", "target": "/home/jovyan/work"}]
