"""The service's settings, from the configuration of the Jupyter server that starts it."""

from __future__ import annotations

from typing import Any

from traitlets import TraitError
from traitlets.config import Config

from ..config import ZoeConfig, check_names
from ..model.errors import InvalidRequest

SECTION = ZoeConfig.__name__


def settings_in(config: Config) -> dict[str, Any]:
    """Those that are set, as JSON has them. Raises InvalidRequest for a value that the service would not take."""
    section = config.get(SECTION, {})
    check_names(Config({SECTION: section}), [ZoeConfig])
    try:
        settings = ZoeConfig(config=Config({SECTION: section}))
        return {name: getattr(settings, name) for name in section}
    except TraitError as error:
        raise InvalidRequest(f"A setting of c.{SECTION} is not as it should be: {error}") from error
