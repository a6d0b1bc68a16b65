"""What all tests share."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Machines are noisy: how long one example takes says nothing.
settings.register_profile("zoe", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("zoe")
