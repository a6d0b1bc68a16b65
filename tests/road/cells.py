"""The cells of a page of the documentation, as a reader would copy them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_CELL = re.compile(r"^```python\n(.*?)^```\n(?:\s*```text\n(.*?)^```)?", re.MULTILINE | re.DOTALL)


def cells(page: str) -> list[tuple[str, str]]:
    """Code and what its output must hold, line by line."""
    return [(code, shown) for code, shown in _CELL.findall((ROOT / page).read_text()) if "configure(c)" not in code]
