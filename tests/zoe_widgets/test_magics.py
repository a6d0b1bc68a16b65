from __future__ import annotations


def test_a_cluster_by_magic_alone(notebook, zoe):
    result = notebook.run("%zoe attach spark workers=3 name=mine")
    assert not result.error, result.traceback
    assert notebook.value("box.connection['name']") == "'mine'"
    notebook.run("%zoe scale 4")
    assert zoe.find("mine")["parameters"]["workers"] == 4
    assert "mine (spark): running" in notebook.run("%zoe ls").value
    assert "mine (spark): running" in notebook.run("%zoe show").value
    assert "spark: Spark" in notebook.run("%zoe shop").value
    assert notebook.run("%zoe logs").value == "first line\nsecond line"
    notebook.run("%zoe swap spark workers=1")
    assert notebook.value("box.connection['name']") == "'spark-2'"
    assert "lives on" in notebook.run("%zoe detach").stdout
    notebook.run("%zoe connect spark-2")
    assert notebook.run("%zoe terminate").stdout == "spark-2 is terminated.\n"


def test_what_is_mistyped_gets_a_sentence(notebook):
    assert "Did you mean 'attach'?" in notebook.run("%zoe atach spark").error
    assert "Write: %zoe scale [CLUSTER] NUMBER" in notebook.run("%zoe scale many").error
    assert "attached: none" in notebook.run("%zoe scale 3").error
    assert "Write: %zoe scale" in notebook.run("%zoe scale ²").error
    assert "spark-9 is not attached to this notebook" in notebook.run("%zoe show spark-9").error


def test_nothing_of_a_line_is_left_out(notebook, zoe):
    assert not notebook.run("%zoe attach spark name=mine").error
    for line in ("terminate name=other", "detach mine other", "detach name=other", "show mine other", "logs mine a b"):
        assert f"Write: %zoe {line.split()[0]} [CLUSTER" in notebook.run(f"%zoe {line}").error, line
    assert "Write: %zoe shop" in notebook.run("%zoe shop spark").error
    assert "Write: %zoe ls" in notebook.run("%zoe ls mine").error
    assert zoe.find("mine")["state"] == "running"
    assert "mine (spark): running" in notebook.run("%zoe show").value


def test_help(notebook):
    assert "%zoe attach ZAPP" in notebook.run("%zoe").stdout
