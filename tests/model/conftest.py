"""Property tests here have no deadline: how fast the machine is just now, is no property of the code."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("zoe", deadline=None)
settings.load_profile("zoe")
