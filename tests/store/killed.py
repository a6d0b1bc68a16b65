"""Children that die before the first, the second, … statement of an audited change, until one lives to make it.

``python -m tests.store.killed URL`` prints how many died. The child N submits for the owner ``aliceN``.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from zoe_hub.store.sql import SQLStore

from .auditing import an_entry
from .examples import a_submission

DIED, LIVED = 9, 0


async def submit(url: str, last: int) -> None:
    store = SQLStore(url)
    await store.open()
    begun = 0

    def count(*_: Any) -> None:
        nonlocal begun
        begun += 1
        if begun == last:
            os._exit(DIED)

    event.listen(Engine, "before_cursor_execute", count)
    event.listen(Engine, "commit", count)
    await store.audited(an_entry(), lambda: None).submit(a_submission(owner=f"alice{last}"))
    # Not even closing: what was committed has to be there.
    os._exit(LIVED)


def main(url: str) -> None:
    for last in itertools.count(1):
        child = os.fork()
        if child == 0:
            try:
                asyncio.run(submit(url, last))
            finally:
                os._exit(1)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status == LIVED:
            print(last - 1)
            return
        if status != DIED:
            sys.exit(f"child {last} ended with {status}")


if __name__ == "__main__":
    main(sys.argv[1])
