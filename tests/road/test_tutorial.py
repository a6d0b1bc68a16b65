"""Runs the cells of the tutorial and of the README, as a reader would copy them."""

from __future__ import annotations

import pytest

from .cells import cells
from .lab import Notebook

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.spark, pytest.mark.dask, pytest.mark.slow]


@pytest.mark.parametrize("page", ["docs/tutorial/first-cluster.md", "README.md"])
async def test_a_reader_copies_the_cells(notebook: Notebook, page: str) -> None:
    found = cells(page)
    assert len(found) > 5
    for code, shown in found:
        result = await notebook.run(code)
        for line in shown.splitlines():
            assert line in result.text, f"after\n{code}\nexpected {line!r}, got\n{result.text}"
