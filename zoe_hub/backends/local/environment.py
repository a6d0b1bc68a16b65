"""The environment of an instance: little of the service's own, and none of its tokens."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

MARK = "ZOE_INSTANCE"
"""In the environment of everything an instance starts: EXECUTION/PROCESS/ORDINAL/TOKEN."""

_PASSED_ON = frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "JAVA_HOME", "LD_LIBRARY_PATH",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS",
        "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
    }
)  # fmt: skip


def make_environment(
    own: Mapping[str, str], template: Mapping[str, str], *, python: str, temporary: Path, mark: str
) -> dict[str, str]:
    """Of the service's `own` environment what the machine needs; then what the template says."""
    environment = {k: v for k, v in own.items() if k in _PASSED_ON or k.startswith("LC_")}
    folder = str(Path(python).parent)
    path = environment.get("PATH", os.defpath).split(os.pathsep)
    environment["PATH"] = os.pathsep.join([folder, *(entry for entry in path if entry != folder)])
    environment["TMPDIR"] = str(temporary)
    environment.update(template)
    environment[MARK] = mark
    return environment
