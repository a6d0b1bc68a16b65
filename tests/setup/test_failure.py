from __future__ import annotations

from pathlib import Path

from scripts import hub


def test_the_reason_is_not_buried_under_the_proxys_complaints(tmp_path: Path) -> None:
    demo = hub.Demo({"ZOE_HOME": str(tmp_path)})
    demo.log.parent.mkdir()
    noise = "2025-01-01T00:00:00.000Z [ConfigProxy] error: 404 GET /\n    at TCPConnectWrap\n  errno: -111,\n}\n"
    demo.log.write_text("Traceback:\n  File x\nValueError: the reason\n" + noise * 20)
    assert demo._failure("The hub ended.").splitlines() == [
        "Traceback:",
        "  File x",
        "ValueError: the reason",
        f"The hub ended. All that it said is in {demo.log}.",
    ]
