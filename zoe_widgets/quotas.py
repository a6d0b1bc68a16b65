"""How quotas look."""

from __future__ import annotations

import html

from zoe_hub.client.quotas import HEAD, NO_LIMIT, OwnQuotaView

from . import style


class Quota:
    """What one may have, what of it is used, and by what. Shows itself as a table."""

    def __init__(self, view: OwnQuotaView) -> None:
        self.view = view

    def __repr__(self) -> str:
        lines = [
            f"{whose}, {what}: {used}{', not limited' if limit == NO_LIMIT else f' of {limit}'}"
            + (f"; {by}" if by else "")
            for whose, what, used, limit, by in self.view.rows()
        ]
        return "\n".join(lines) or "nothing is used, and nothing is limited"

    def _repr_html_(self) -> str:
        return style.table(HEAD, [tuple(html.escape(cell) for cell in row) for row in self.view.rows()])
