from __future__ import annotations

import json

import pytest

from zoe_hub.model.errors import InvalidParameter
from zoe_widgets import adapting

SETUP = "from zoe_widgets import Zoe; zoe = Zoe()"


def test_a_cluster_follows_its_load_and_says_so(notebook, zoe):
    notebook.run(SETUP)
    notebook.run('cluster = zoe.attach("spark", workers=1)')
    assert (
        notebook.value("cluster.adapt(1, 8) is cluster, cluster.adaptation")
        == "(True, Adaptation(minimum=1, maximum=8, hold=None))"
    )
    notebook.run("from zoe_widgets import notices; said = []; notices.say = lambda sentence, *_: said.append(sentence)")
    zoe.wait_for_follower()
    zoe.soon(lambda: zoe.resize("spark-1", 4, "12 tasks wait: 1 -> 4 workers"))
    told = notebook.run("import time\nwhile cluster.workers != 4 or not said: time.sleep(0.01)\ncluster")
    assert "adapts: 1 to 8 (12 tasks wait: 1 -> 4 workers)" in told.value
    assert "12 tasks wait: 1 -&gt; 4 workers" in told.pages[-1]
    assert notebook.value("said") == "['spark-1: 12 tasks wait: 1 -> 4 workers']"


def test_scaling_ends_it_and_says_so(notebook, zoe):
    notebook.run(SETUP)
    notebook.run('cluster = zoe.attach("spark", workers=1).adapt(1, 8)')
    result = notebook.run("cluster.scale(2)")
    assert "spark-1 does not follow its load any more: it stays at 2." in result.texts
    assert notebook.value("cluster.adaptation is None") == "True"
    assert not [text for text in notebook.run("cluster.scale(3)").texts if "not follow" in text]
    assert "adapts: off, because alice asked for a size" in notebook.run("cluster").value


def test_it_may_end_without_another_size(notebook, zoe):
    notebook.run(SETUP)
    notebook.run('cluster = zoe.attach("spark", workers=1).adapt(1, 8)')
    assert notebook.value("cluster.stop_adapting().adaptation is None") == "True"


def test_who_takes_over_follows_the_load_only_if_asked(notebook, zoe):
    notebook.run(SETUP)
    notebook.run('first = zoe.attach("spark", workers=1).adapt(1, 8, hold="10 min")')
    notebook.run("second = first.swap(adapt=True)")
    assert zoe.find("spark-2")["adaptation"] == {"minimum": 1, "maximum": 8, "hold": 600}
    notebook.run("third = second.swap()")
    assert notebook.value("third.adaptation is None") == "True"


def test_by_magic(notebook, zoe):
    notebook.run("%zoe attach spark name=mine")
    assert notebook.run("%zoe adapt 1 8 hold=10min").stdout == "mine follows its load: 1 to 8, kept for 10 minutes.\n"
    assert notebook.run("%zoe adapt mine off").stdout == "mine stays at 2.\n"
    assert notebook.run("%zoe adapt mine 2 3").stdout == "mine follows its load: 2 to 3.\n"
    for line in (
        "adapt",
        "adapt 1",
        "adapt mine 1",
        "adapt one two",
        "adapt mine 1 2 3",
        "adapt off hold=2h",
        "adapt 1 2 by=3",
    ):
        assert "Write: %zoe adapt [CLUSTER] MIN MAX" in notebook.run(f"%zoe {line}").error, line
    assert "maximum: 101 is out of bounds" in notebook.run("%zoe adapt 1 101").error
    assert zoe.find("mine")["adaptation"] == {"minimum": 2, "maximum": 3}


def test_awaited(notebook, zoe):
    notebook.run(SETUP)
    notebook.run('cluster = await zoe.aio.attach("spark")\nawait cluster.adapt(1, 8, hold=30)')
    assert zoe.find("spark-1")["adaptation"] == {"minimum": 1, "maximum": 8, "hold": 30}
    notebook.run("await cluster.stop_adapting()")
    assert zoe.find("spark-1")["adaptation"] is None


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("many", 3, None), "minimum: 'many' is no number of workers"),
        ((1, 2.5, None), "maximum: 2.5 is no number of workers"),
        ((-1, 3, None), "minimum: Input should be greater than or equal to 0"),
        ((1, 3, "soon"), "hold: 'soon' is no span of time; write a number and a unit"),
    ],
)
def test_bounds_that_are_none(given, sentence):
    with pytest.raises(InvalidParameter, match="^" + sentence.replace(".", r"\.")):
        adapting.bounds(*given)


def test_numbers_of_other_libraries_are_numbers():
    class Number:
        def __index__(self) -> int:
            return 4

    assert json.loads(adapting.bounds(Number(), Number(), None).model_dump_json())["minimum"] == 4


def test_how_long_it_is_expected_to_be_needed(notebook, zoe):
    notebook.run(SETUP)
    notebook.run('zoe.attach("spark", expected="2h")')
    body = next(json.loads(body) for method, path, _, body in zoe.requests if (method, path) == ("POST", "/executions"))
    assert body["expected"] == 7200
    assert "expected" in notebook.run('zoe.attach("spark", expected="soon")').error
