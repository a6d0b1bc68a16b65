"""Style and scripts of the pages: the same for everybody, so that nobody need say who they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from tornado.web import stream_request_body

from ..handlers import BaseHandler
from ..problems import Refused

_FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_FILES: Mapping[str, bytes] = {path.name: path.read_bytes() for path in _FOLDER.iterdir() if path.suffix in _TYPES}
_TAGS = {name: f'"{hashlib.sha256(content).hexdigest()[:16]}"' for name, content in _FILES.items()}


@stream_request_body
class Asset(BaseHandler):
    """One file."""

    async def get(self, name: str) -> None:
        if name not in _FILES:
            raise Refused(404, "There is nothing at this address.")
        self.set_header("Cache-Control", "public, max-age=0, must-revalidate")
        self.set_header("ETag", _TAGS[name])
        self.set_header("Content-Type", _TYPES[Path(name).suffix])
        if self.check_etag_header():
            self.set_status(304)
            return
        self.finish(_FILES[name])

    def compute_etag(self) -> str | None:
        """The one that was set already."""
        return self._headers.get("ETag")
