"""Zoe as it was shipped in 2018: the flexible policy, as it met real machines.

Source: `ZoeElasticScheduler.loop_start_th` in `zoe_master/scheduler/elastic_scheduler.py` and `SimulatedPlatform` in
`zoe_master/scheduler/simulated_platform.py`, release 2018.12 (Apache License 2.0). It goes through the line as
`flexible` does. What it calls free resources is the memory of all nodes together: processors fill up unseen. Where an
instance fits is looked at node by node, in processors and memory. It takes nothing back.

Its orders are FIFO, SIZE (a number that its user writes: `sjf` here, where that number has a unit) and DYNSIZE
(`dynsize`).

Differences from the published one:

- On machines of which no memory is declared, all else counts. There nothing would ever start.
- An instance may use the last byte of a node; there it must leave one.
- Nodes are tried in the order in which they were given. There they are chosen at random, or by the number of containers
  on them, as configured.
- Processors that nobody reserved are not shared out among what runs: that is the engine's part.
- A core that would not fit on empty nodes is passed over, and core instances that lost their node are placed again.
  There a running application of which a core process died is ended.
- An application that lost an elastic instance keeps its place in the order. There it goes to the end of the line.
"""

from __future__ import annotations

from ..shapes import Shape
from .flexible import Flexible


class Zoe2018(Flexible):
    """Flexible, with an eye on memory alone."""

    name = "zoe-2018"

    @staticmethod
    def weights(total: Shape) -> Shape:
        """Memory counts, and nothing else does, where there is any."""
        return Shape(memory=1) if total.memory else Flexible.weights(total)
