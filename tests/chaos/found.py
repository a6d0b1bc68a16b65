"""Faults that crash tests found, and that are mended. For the documentation."""

FOUND: tuple[str, ...] = (
    "A submission that was repeated with its key after the execution had been scaled was refused as another request.",
    "Somebody who caught up with the events while new ones came could be sent the newest of them twice.",
)
