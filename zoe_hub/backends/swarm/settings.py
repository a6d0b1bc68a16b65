"""Settings of a swarm, beyond those of the Docker engine that manages it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from traitlets import Float, List, TraitError, Unicode, validate
from traitlets.config import Configurable

_CONSTRAINT = re.compile(
    r"\s*(node\.[a-z]+(?:\.[A-Za-z0-9_.-]+)?|engine\.labels\.[A-Za-z0-9_.-]+)\s*(==|!=)\s*(\S+)\s*"
)


@dataclass(frozen=True)
class SwarmSettings:
    """What only a swarm has."""

    constraints: tuple[str, ...] = ()
    gpu_kind: str = "gpu"
    poll: float = 1.0


class ZoeSwarm(Configurable):
    """The swarm on which clusters run, where `c.ZoeConfig.engine` is 'swarm'.

    The engine that manages it, images, users, mounts and addresses are those of c.ZoeDocker.
    """

    constraints = List(
        Unicode(),
        help="Machines on which clusters may run, as Docker's own constraints such as 'node.labels.zoe == yes' or "
        "'node.role == worker'. What other machines have is not counted as capacity. Default: all machines.",
    ).tag(config=True)
    gpu_kind = Unicode(
        "gpu",
        help="Name under which machines offer graphics processors to the swarm, as `node-generic-resources` in their "
        "engine's daemon.json has it, such as 'NVIDIA-GPU'.",
    ).tag(config=True)
    poll = Float(
        1.0,
        min=0.1,
        help="Seconds between two lists of all tasks: a swarm has no events of them. Less notices ends earlier and "
        "costs the manager more.",
    ).tag(config=True)

    @validate("constraints")
    def _constraints_are_understood(self, proposal: dict[str, list[str]]) -> list[str]:
        for text in proposal["value"]:
            parse_constraint(text)
        return proposal["value"]

    def settled(self) -> SwarmSettings:
        """As plain values."""
        return SwarmSettings(tuple(self.constraints), self.gpu_kind, self.poll)


def parse_constraint(text: str) -> tuple[str, bool, str]:
    """What is compared, whether it has to be equal, and with what. Raises TraitError."""
    match = _CONSTRAINT.fullmatch(text)
    if match is None:
        raise TraitError(
            f"ZoeSwarm.constraints: {text!r} is not of the form 'node.labels.NAME == VALUE'; 'node.hostname', "
            "'node.role' and 'node.id' can be compared, too, with == and !=."
        )
    return match[1], match[2] == "==", match[3]
