from __future__ import annotations

import pytest

from tests.backends.contract import ProgramContract


@pytest.mark.docker
@pytest.mark.long
class TestSwarmBackend(ProgramContract):
    pass
