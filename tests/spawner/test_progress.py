"""The story of a start: its stages, as the Hub's page shows them."""

from __future__ import annotations

from zoe_hub.spawner import story
from zoe_hub.spawner.progress import ProgressLog


def test_stages_have_their_newest_message_and_the_time_at_which_they_began() -> None:
    time = [100.0]
    log = ProgressLog(lambda: time[0])
    assert [stage.status for stage in log.stages()] == ["now", "next", "next"]
    assert log.seconds == 0
    log.add("Asking for Spark", 5)
    time[0] = 102.0
    log.add("Waits for 2 CPU", story.QUEUED)
    time[0] = 110.5
    log.add("Admitted: there is room for it", story.ADMITTED)
    log.add("Spark master is starting")
    waiting, starting, ready = log.stages()
    assert (waiting.status, waiting.since, waiting.message) == ("done", 0.0, "Waits for 2 CPU")
    assert (starting.status, starting.since, starting.message) == ("now", 10.5, "Spark master is starting")
    assert (ready.status, ready.since, ready.message) == ("next", None, "")
    time[0] = 112.0
    log.add("All of it is ready", story.READY)
    assert [stage.status for stage in log.stages()] == ["done", "done", "now"]
    assert log.seconds == 12.0
