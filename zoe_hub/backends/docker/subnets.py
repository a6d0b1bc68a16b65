"""Which addresses an execution's network has, and which its instances have. Pure.

Docker's own pools end at some thirty networks, and an address that it chooses is another one after a restart,
whereupon all who were told the earlier one would have to be started anew. So both are chosen here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from ...model.errors import LaunchFailed


@dataclass(frozen=True)
class Subnet:
    """The addresses of one network: the first for its gateway, then instances, the last quarter for who joins."""

    network: IPv4Network

    @property
    def gateway(self) -> str:
        return str(self.network.network_address + 1)

    @property
    def joining(self) -> IPv4Network:
        """From here the engine chooses for containers for which nobody else did."""
        return list(self.network.subnets(prefixlen_diff=2))[3]

    def free(self, taken: Collection[str]) -> str:
        """An address for one more instance. Raises LaunchFailed."""
        for address in self._for_instances():
            if str(address) not in taken:
                return str(address)
        raise LaunchFailed(
            f"The network {self.network} of this execution has no address left; a smaller "
            "c.ZoeDocker.subnet_prefix makes larger networks."
        )

    def ipam(self) -> dict[str, object]:
        """As the engine wants it."""
        return {
            "Driver": "default",
            "Config": [{"Subnet": str(self.network), "Gateway": self.gateway, "IPRange": str(self.joining)}],
        }

    def _for_instances(self) -> Iterator[IPv4Address]:
        first = int(self.network.network_address) + 2
        for number in range(first, int(self.joining.network_address)):
            yield IPv4Address(number)


def candidates(pool: str, prefix: int, taken: Iterable[str]) -> Iterator[Subnet]:
    """Parts of the pool that overlap with none of the networks `taken`, in order."""
    whole = IPv4Network(pool)
    others = [IPv4Network(each, strict=False) for each in taken if ":" not in each]
    for network in whole.subnets(new_prefix=max(prefix, whole.prefixlen)):
        if not any(network.overlaps(other) for other in others):
            yield Subnet(network)


def routed(table: str) -> list[str]:
    """Networks to which a machine has a route, as ``/proc/net/route`` says; the default route is none."""
    found = []
    for line in table.splitlines()[1:]:
        words = line.split()
        if len(words) > 7 and words[1] != "00000000":
            address, mask = (int.from_bytes(bytes.fromhex(words[n]), "little") for n in (1, 7))
            found.append(f"{IPv4Address(address)}/{mask.bit_count()}")
    return found
