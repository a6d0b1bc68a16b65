"""Faults that crash tests found, and that are mended. For the documentation."""

FOUND: tuple[str, ...] = (
    "A submission that was repeated with its key after the execution had been scaled was refused as another request.",
    "Somebody who caught up with the events while new ones came could be sent the newest of them twice.",
    "Where the first instance of a process had been given up, scaling down to the core failed a cluster whose other "
    "instances lived.",
    "An instance whose port another program had taken while it was down came back to that port, and failed.",
    "A home folder with a question mark in its name kept its database elsewhere.",
    "A service that was taking a cluster away when another one took the lead told that as an error, with a traceback.",
    "A cluster that was asked to be smaller just before the service was killed stayed as large as it was.",
    "An engine that was killed in the middle of an event's text was not watched any more by the service that followed.",
)
