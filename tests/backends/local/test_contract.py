from __future__ import annotations

from tests.backends.contract import ProgramContract


class TestLocalBackend(ProgramContract):
    pass
