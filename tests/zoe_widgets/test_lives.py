from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from zoe_hub.client.views import ExecutionView
from zoe_hub.model.errors import InvalidParameter
from zoe_widgets import lives

SETUP = "from zoe_widgets import Zoe; zoe = Zoe()"


def test_what_a_notebook_asks_for(notebook, zoe):
    notebook.run(SETUP)
    notebook.run('cluster = zoe.attach("spark", outlive=True, lifetime={"idle": "2h"})')
    body = next(json.loads(body) for method, path, _, body in zoe.requests if (method, path) == ("POST", "/executions"))
    assert body["attachment"]["outlive"] is True
    assert body["lifetime"] == {"idle": 7200}
    refused = notebook.run('zoe.attach("spark", lifetime={"idle": "soon"})')
    assert "InvalidParameter" in refused.error
    assert "lifetime.idle: 'soon' is no span of time; write a number and a unit" in refused.error


def test_a_notebook_hears_that_its_cluster_ends_and_keeps_it(notebook, zoe):
    notebook.run(SETUP)
    notebook.run('cluster = zoe.attach("spark")')
    notebook.run("from zoe_widgets import notices; said = []; notices.say = lambda sentence, *_: said.append(sentence)")
    zoe.wait_for_follower()
    zoe.soon(lambda: zoe.warn("spark-1", 299))
    told = notebook.run(
        "import time\nwhile cluster.view.life.expires is None: time.sleep(0.01)\ntime.sleep(0.3)\ncluster"
    )
    assert "ends in 4 minutes: idle for 60 minutes" in told.value
    assert "idle for 60 minutes" in told.pages[-1]
    assert "ends in 4 minutes: idle for 60 minutes (use it" in notebook.value("said")
    assert notebook.value("len(said)") == "1"
    kept = notebook.run("%zoe keep 2h")
    assert "spark-1 is kept until" in kept.stdout
    assert "ends in" not in notebook.value("cluster.refresh()")
    again = notebook.run('print(cluster.keep("90 min") is cluster)\n%zoe keep spark-1 90 min')
    assert (again.error, again.stdout.count("True"), again.stdout.count("is kept until")) == ("", 1, 1)
    refused = notebook.run('cluster.keep("2 days")')
    assert "at most 24 hours" in refused.error
    assert "is not kept any more" in notebook.run("%zoe keep 0").stdout


def a_view(**life) -> ExecutionView:
    plan = {"lifetime": {"detached_idle": 3600, "keep": 86_400}}
    return ExecutionView(id="1", owner="alice", name="spark-1", zapp="spark", state="running", plan=plan, life=life)


def test_the_line_says_when_why_and_what_to_do():
    soon = datetime.now(timezone.utc) + timedelta(seconds=305)
    view = a_view(expires=soon, why="idle for 60 minutes", advice="use it, or keep it for up to 24 hours")
    assert lives.announcement(view) == (
        "spark-1 ends in 5 minutes: idle for 60 minutes (use it, or keep it for up to 24 hours). "
        "To keep it: %zoe keep spark-1 120min"
    )
    longest = a_view(expires=soon, why="has run for 12 hours, the longest that it may", advice="save what you need")
    assert "%zoe keep" not in lives.announcement(longest)
    assert lives.notice(a_view()) == ""


def test_a_wish_that_is_none():
    assert lives.wished(None) is None
    with pytest.raises(InvalidParameter, match=r"lifetime\.idel: there is only idle, detached_idle, maximum"):
        lives.wished({"idel": "2h"})
