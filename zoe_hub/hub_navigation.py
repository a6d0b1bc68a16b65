"""What the Hub tells Zoe's service: its navigation, as its own pages show it to a user.

Which services there are, who may see them and what an administrator added to the template, only the Hub knows.
"""

from __future__ import annotations

import re
from typing import Any

from jupyterhub import orm, scopes  # type: ignore[import-untyped]
from jupyterhub.handlers import BaseHandler  # type: ignore[import-untyped]
from tornado.web import HTTPError

PATH = "zoe/navigation"
"""Below the Hub's prefix."""
_TEMPLATE = "zoe_navigation.html"
_NAVIGATION = re.compile("<!--zoe:navigation-->(.*)<!--/zoe:navigation-->", re.DOTALL)
"""As the template marks it."""


class NavigationHandler(BaseHandler):  # type: ignore[misc]
    """`?user=NAME`: the navigation of that user's pages, in HTML. For the token of Zoe's service only."""

    _accept_token_auth = True
    _accept_cookie_auth = False
    service = "zoe"

    async def get(self) -> None:
        caller: Any = self.current_user
        if not isinstance(caller, orm.Service) or caller.name != self.service:
            raise HTTPError(403)
        user = self.find_user(self.get_query_argument("user"))
        if user is None:
            raise HTTPError(404)
        # From here on it is the user's page, with all that the user may see.
        self._jupyterhub_user = user
        self.expanded_scopes = scopes.get_scopes_for(user.orm_user)
        self.parsed_scopes = scopes.parse_scopes(self.expanded_scopes)
        found = _NAVIGATION.search(await self.render_template(_TEMPLATE))
        if found is None:
            raise HTTPError(404)
        self.set_header("Cache-Control", "no-store")
        self.finish(found[1])
