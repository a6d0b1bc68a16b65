from __future__ import annotations

import base64

from cryptography.fernet import Fernet

from zoe_hub.web import logins
from zoe_hub.web.logins import Logins

KEY, OTHER = (base64.urlsafe_b64encode(bytes([number]) * 32).decode().rstrip("=") for number in (1, 2))


def test_who_has_the_key_opens_what_was_sealed() -> None:
    sealed = Logins(KEY).seal({"next_url": "/services/zoe/", "code_verifier": "the verifier"})
    assert "verifier" not in base64.urlsafe_b64decode(sealed + "==").decode(errors="replace")
    assert Logins(KEY).open(sealed) == {"next_url": "/services/zoe/", "code_verifier": "the verifier"}
    assert Logins(OTHER).open(sealed) == {}


def test_what_is_old_or_changed_is_nothing() -> None:
    old = Fernet(f"{KEY}=").encrypt_at_time(b"{}", 0).decode().rstrip("=")
    fresh = Logins(KEY).seal({"next_url": "/"})
    for text in (old, fresh[:-1], f"{fresh}A", "", "é", "=" * 9):
        assert Logins(KEY).open(text) == {}


def test_a_long_address_is_left_out_so_that_browsers_keep_the_cookie() -> None:
    sealed = Logins(KEY).seal({"next_url": "/" * (logins.LONGEST + 1), "code_verifier": "v" * 43})
    assert Logins(KEY).open(sealed) == {"next_url": None, "code_verifier": "v" * 43}
    longest = Logins(KEY).seal({"next_url": "/" * logins.LONGEST, "code_verifier": "v" * 43})
    assert len(longest) < 2000
