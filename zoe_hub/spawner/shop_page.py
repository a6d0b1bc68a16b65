"""The shop as the page on which a server is chosen, and what was chosen there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from traitlets import default

from ..client import ZAppView, ZoeClient
from ..client.views import PreviewView
from ..model.commands import Submit
from ..model.errors import InvalidParameter, ZoeError
from ..model.execution import Attachment
from ..translations import known_language, languages_of
from . import options, overlay
from .form import render_away, render_shop
from .refusals import refuse_for
from .settings import ZoeSettings
from .start import server_process

_SERVICE = "zoe"
"""Its name at the Hub."""
PATIENCE = 2.0
"""Seconds for which the service may be away before somebody who looks at a page is told so."""
_FORETOLD = 12
"""ZApps of the shop about which the form says whether they would start now: each costs a request."""


class ShopPage(ZoeSettings):
    """Makes the shop the options form."""

    _zoe_refused: options.Choice | None = None

    @default("options_form")
    def _zoe_default_form(self) -> Callable[..., Any]:
        return type(self).zoe_options_form

    @default("options_from_form")
    def _zoe_default_from_form(self) -> Callable[..., Any]:
        return self.zoe_options_from_form

    @default("apply_user_options")
    def _zoe_default_apply(self) -> Callable[..., Any]:
        # `start` reads them; without a hook the Hub warns that nobody does.
        return _leave_to_start

    async def zoe_options_form(self) -> str:
        """The shop as HTML for `options_form`. With the service away it says so, and how to go on."""
        choice = self._zoe_refused or self._zoe_last_choice()
        self._zoe_refused = None
        try:
            async with self.zoe_client(PATIENCE) as client:
                zapps = await self._zoe_shop(client)
                previews = await self._zoe_previews(client, zapps, choice)
                service, owner = self._zoe_service_address(), self.user.name
                return render_shop(
                    zapps,
                    choice.zapp,
                    choice.parameters,
                    previews,
                    service=service,
                    owner=owner,
                    language=self._zoe_language(),
                )
        except ZoeError as error:
            self.log.warning("The shop cannot be shown: %s", error)
            return render_away(error, choice.zapp, choice.parameters, self._zoe_language())

    def zoe_options_from_form(self, form_data: Mapping[str, Any]) -> dict[str, Any] | Awaitable[dict[str, Any]]:
        """`user_options` from the submitted form, in the parameters' own types.

        Raises a refusal that names what is wrong.
        """
        return self._zoe_options_from_form(form_data)

    async def _zoe_options_from_form(self, form_data: Mapping[str, Any]) -> dict[str, Any]:
        choice = options.choice_from_form(form_data, self.default_zapp)
        try:
            async with self.zoe_client(PATIENCE) as client:
                plan = await client.plan(self._zoe_submit(choice))
            server_process(plan, choice.zapp)
        except ZoeError as error:
            self._zoe_refused = choice
            raise refuse_for(error) from error
        typed = {name: plan.parameters.get(name, value) for name, value in choice.parameters.items()}
        return {"zapp": choice.zapp, "parameters": typed, "profile": plan.title or choice.zapp}

    async def _zoe_shop(self, client: ZoeClient) -> list[ZAppView]:
        """The ZApps that have a Jupyter server; the others can only be attached from one."""
        shop = await client.shop(self.user.name)
        return [zapp for zapp in shop.zapps if zapp.server]

    async def _zoe_previews(
        self, client: ZoeClient, zapps: Sequence[ZAppView], choice: options.Choice
    ) -> dict[str, PreviewView]:
        """What they cost and whether they would start now, with the parameters that the form proposes."""

        async def ask(zapp: ZAppView) -> PreviewView:
            proposed = choice if zapp.name == choice.zapp else options.Choice(zapp.name)
            try:
                return (await client.plan(self._zoe_submit(proposed))).preview or PreviewView()
            except ZoeError:
                # The form says what is wrong when it is sent.
                return PreviewView()

        asked = zapps[:_FORETOLD]
        return dict(zip((zapp.name for zapp in asked), await asyncio.gather(*map(ask, asked)), strict=True))

    def _zoe_language(self) -> str:
        """Of those that the browser prefers, the first that there is."""
        request = getattr(getattr(self, "handler", None), "request", None)
        header = request.headers.get("Accept-Language", "") if request is not None else ""
        return known_language(tuple(languages_of(header)))

    def _zoe_service_address(self) -> str:
        """Where browsers find the service: a path at the Hub, or an address where services have hosts of their own."""
        handler = getattr(self, "handler", None)
        if handler is None:
            return ""
        path = f"{str(self.hub.base_url).removesuffix('hub/')}services/{_SERVICE}/"
        settings = handler.settings
        if not settings.get("subdomain_host"):
            return path
        hub = urlsplit(settings["subdomain_host"])
        host = settings["subdomain_hook"](_SERVICE, hub.hostname, kind="service")
        return f"{hub.scheme}://{host}{f':{hub.port}' if hub.port else ''}{path}"

    def _zoe_choice(self) -> options.Choice:
        """What `user_options` say. Raises InvalidParameter, which names the key."""
        return options.choice_from_options(self.user_options or {}, self.default_zapp, self._zoe_other_options())

    def _zoe_other_options(self) -> frozenset[str] | None:
        """Keys of `user_options` that the administrator's own hooks read; None: any."""
        if isinstance(self.apply_user_options, dict):
            return frozenset(self.apply_user_options)
        own = overlay.is_set(self, "options_from_form") or overlay.is_set(self, "apply_user_options")
        return None if own else frozenset()

    def _zoe_last_choice(self) -> options.Choice:
        stored = self.user_options or (self.orm_spawner.user_options if self.orm_spawner else None) or {}
        try:
            return options.choice_from_options(stored, self.default_zapp, None)
        except InvalidParameter:
            return options.Choice(self.default_zapp)

    def _zoe_submit(self, choice: options.Choice) -> Submit:
        return Submit(
            zapp=choice.zapp,
            parameters=choice.parameters,
            attachment=Attachment(server=self.zoe_server),
            owner=self.user.name,
        )


def _leave_to_start(spawner: Any, user_options: Any) -> None:
    """Stands for the hook that the administrator did not set."""
