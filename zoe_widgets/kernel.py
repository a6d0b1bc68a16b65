"""Which kernel this is."""

from __future__ import annotations

import os
import re
import sys


def kernel_id() -> str | None:
    """The identifier in the name of this kernel's connection file; None outside of kernels."""
    if "ipykernel" not in sys.modules:
        return None
    from ipykernel.connect import get_connection_file

    try:
        path = get_connection_file()
    except RuntimeError:
        return None
    match = re.fullmatch(r"kernel-(.+)\.json", os.path.basename(path))
    return match[1] if match else None
