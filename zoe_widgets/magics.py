"""The line magic `%zoe`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from zoe_hub.model.errors import InvalidRequest, UnknownName

from . import tasks
from .api import Zoe
from .errors import shorten

HELP = """\
%zoe attach ZAPP [NAME=VALUE …]        start a cluster and connect: %zoe attach spark workers=2 memory=2GiB
%zoe scale [CLUSTER] NUMBER            change the number of workers, also while a job runs
%zoe adapt [CLUSTER] MIN MAX [hold=TIME]
                                       let the number follow the load; %zoe adapt off ends that
%zoe swap [CLUSTER] [ZAPP] [NAME=VALUE …]
                                       a new cluster takes over, then the old one goes
%zoe keep [CLUSTER] TIME               keep it, though idle: %zoe keep 2h
%zoe detach [CLUSTER]                  disconnect; the cluster lives on
%zoe connect CLUSTER                   connect to a cluster that lives
%zoe terminate [CLUSTER …]             end it
%zoe ls [all]                          your executions; all: also what has ended
%zoe shop                              what there is to start
%zoe show [CLUSTER]                    one cluster
%zoe logs [CLUSTER] [PROCESS] [ORDINAL]
                                       what it wrote
%zoe progress on|off                   show below cells what clusters compute for them, or not

CLUSTER may be left out when one is attached. The same in Python: from zoe_widgets import Zoe; help(Zoe)"""


def run(line: str) -> Any:
    """Carry out one line; what it returns is shown as the cell's value."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise shorten(InvalidRequest(f"%zoe: {error} in {line!r}.")) from None
    if not words or words[0] in ("help", "-h", "--help"):
        print(HELP)
        return None
    verb, rest = words[0], words[1:]
    if verb not in _VERBS:
        raise shorten(UnknownName("command of %zoe", verb, _VERBS))
    positional = [word for word in rest if "=" not in word]
    values = dict(word.split("=", 1) for word in rest if "=" in word)
    return _VERBS[verb](Zoe(), positional, values)


def _attach(zoe: Zoe, words: Sequence[str], values: dict[str, str]) -> Any:
    (zapp,) = _exactly(words, 1, "attach ZAPP [NAME=VALUE …]")
    return zoe.attach(zapp, name=values.pop("name", None), parameters=values)


def _scale(zoe: Zoe, words: Sequence[str], values: dict[str, str]) -> Any:
    if not words or not words[-1].isdecimal() or len(words) > 2 or values:
        raise shorten(InvalidRequest("Write: %zoe scale [CLUSTER] NUMBER"))
    zoe._cluster(words[0] if len(words) == 2 else None).scale(int(words[-1]))


def _adapt(zoe: Zoe, words: Sequence[str], values: dict[str, str]) -> Any:
    hold = values.pop("hold", None)
    off = bool(words) and words[-1] == "off"
    rest = words[:-1] if off else words[:-2]
    numbers = [] if off else [int(word) for word in words[len(rest) :] if word.isdecimal()]
    if len(rest) > 1 or values or (off and hold) or (not off and len(numbers) != 2):
        raise shorten(InvalidRequest("Write: %zoe adapt [CLUSTER] MIN MAX [hold=TIME], or %zoe adapt [CLUSTER] off"))
    cluster = zoe._cluster(rest[0] if rest else None)
    if off:
        cluster.stop_adapting()
        print(f"{cluster.name} stays at {cluster.view.number}.")
    else:
        cluster.adapt(numbers[0], numbers[1], hold=hold)
        print(f"{cluster.name} follows its load: {cluster.adaptation}.")


def _swap(zoe: Zoe, words: Sequence[str], values: dict[str, str]) -> Any:
    if len(words) > 2:
        raise shorten(InvalidRequest("Write: %zoe swap [CLUSTER] [ZAPP] [NAME=VALUE …]"))
    attached = {cluster.name for cluster in zoe.attachments}
    named = bool(words) and (words[0] in attached or len(words) == 2)
    zapp = words[1] if len(words) == 2 else (words[0] if words and not named else None)
    return zoe._cluster(words[0] if named else None).swap(zapp, name=values.pop("name", None), parameters=values)


def _keep(zoe: Zoe, words: Sequence[str], values: dict[str, str]) -> Any:
    if not words or values:
        raise shorten(InvalidRequest("Write: %zoe keep [CLUSTER] TIME, such as %zoe keep spark-1 2h"))
    attached = {cluster.name for cluster in zoe.attachments}
    # A span may be two words, as in 90 min; a cluster's name begins with a letter, a span with a digit.
    named = words[0] in attached or not words[0][0].isdigit()
    cluster = zoe._cluster(words[0] if named else None).keep(" ".join(words[1:] if named else words))
    until = cluster.view.life.kept_until
    print(f"{cluster.name} is {f'kept until {until.astimezone():%Y-%m-%d %H:%M}' if until else 'not kept any more'}.")


def _detach(zoe: Zoe, words: Sequence[str], values: dict[str, str]) -> Any:
    _at_most(words, values, 1, "detach [CLUSTER]")
    cluster = zoe._cluster(words[0] if words else None)
    cluster.detach()
    print(f"{cluster.name} lives on; %zoe connect {cluster.name} connects to it again.")


def _connect(zoe: Zoe, words: Sequence[str], values: dict[str, str]) -> Any:
    _at_most((), values, 0, "connect CLUSTER")
    (name,) = _exactly(words, 1, "connect CLUSTER")
    return zoe.connect(name)


def _terminate(zoe: Zoe, words: Sequence[str], values: dict[str, str]) -> Any:
    _at_most(words, values, len(words), "terminate [CLUSTER …]")
    for cluster in [zoe._cluster(name) for name in words] or [zoe._cluster(None)]:
        cluster.terminate()
        print(f"{cluster.name} is terminated.")


def _ls(zoe: Zoe, words: Sequence[str], values: dict[str, str]) -> Any:
    _at_most([word for word in words if word not in ("all", "--all")], values, 0, "ls [all]")
    return zoe.executions(live=None if "all" in words or "--all" in words else True)


def _progress(zoe: Zoe, words: Sequence[str], values: dict[str, str]) -> Any:
    (wish,) = _exactly(words, 1, "progress on|off")
    if wish not in ("on", "off") or values:
        raise shorten(InvalidRequest("Write: %zoe progress on, or %zoe progress off"))
    tasks.switch.on = wish == "on"


def _shop(zoe: Zoe, words: Sequence[str], values: dict[str, str]) -> Any:
    _at_most(words, values, 0, "shop")
    return zoe.shop()


def _show(zoe: Zoe, words: Sequence[str], values: dict[str, str]) -> Any:
    _at_most(words, values, 1, "show [CLUSTER]")
    return zoe._cluster(words[0] if words else None)


def _logs(zoe: Zoe, words: Sequence[str], values: dict[str, str]) -> Any:
    usage = "logs [CLUSTER] [PROCESS] [ORDINAL]"
    _at_most(words, values, 3, usage)
    name = words[0] if words else zoe._cluster(None).name
    if len(words) > 2 and not words[2].isdecimal():
        raise shorten(InvalidRequest(f"Write: %zoe {usage}"))
    ordinal = int(words[2]) if len(words) > 2 else None
    return zoe.logs(name, words[1] if len(words) > 1 else None, ordinal)


def _exactly(words: Sequence[str], number: int, usage: str) -> Sequence[str]:
    if len(words) != number:
        raise shorten(InvalidRequest(f"Write: %zoe {usage}"))
    return words


def _at_most(words: Sequence[str], values: Mapping[str, str], number: int, usage: str) -> None:
    """What would be left out is refused: `terminate name=old` must not end the only one that is attached."""
    if len(words) > number or values:
        raise shorten(InvalidRequest(f"Write: %zoe {usage}"))


_VERBS: Mapping[str, Callable[[Zoe, Sequence[str], dict[str, str]], Any]] = {
    "attach": _attach,
    "scale": _scale,
    "adapt": _adapt,
    "swap": _swap,
    "keep": _keep,
    "detach": _detach,
    "connect": _connect,
    "terminate": _terminate,
    "ls": _ls,
    "shop": _shop,
    "show": _show,
    "logs": _logs,
    "progress": _progress,
}
