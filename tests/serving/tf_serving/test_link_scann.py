"""Linking ScaNN into a checkout of TensorFlow Serving: two lines, or none."""

import subprocess
import sys
from pathlib import Path

import pytest

from serving.tf_serving.scann import link_scann

SCRIPT = Path(link_scann.__file__)
LIST = """OPS = [
    "@org_tensorflow_text//tensorflow_text:ops_lib",
    "@other//ops",
]
"""
MACRO = 'def tf_serving_workspace():\n    http_archive(name = "icu")\n'


@pytest.fixture
def serving(tmp_path):
    """Files of the names and with the lines that matter."""
    for name, text in {link_scann.BUILD: LIST, link_scann.WORKSPACE: MACRO}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def _texts(serving):
    return (serving / link_scann.BUILD).read_text(), (serving / link_scann.WORKSPACE).read_text()


def test_the_operations_join_the_servers_and_their_sources_its_workspace(serving):
    command = [sys.executable, "-I", SCRIPT, serving, "/sources/scann"]
    subprocess.run(command, check=True)
    build, workspace = _texts(serving)
    lists, names = {}, []
    exec(build, {}, lists)
    assert lists["OPS"] == [
        "@org_tensorflow_text//tensorflow_text:ops_lib",
        "@com_google_scann//scann/scann_ops/cc:scann_ops_static",
        "@other//ops",
    ]

    class Native:
        local_repository = staticmethod(lambda **options: names.append(options))

    scope = {"native": Native, "http_archive": lambda **options: names.append(options)}
    exec(workspace, scope)
    scope["tf_serving_workspace"]()
    assert names == [{"name": "com_google_scann", "path": "/sources/scann"}, {"name": "icu"}]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (link_scann.BUILD, "OPS = []\n", "must have this line once, and has it 0 times"),
        (link_scann.BUILD, LIST + LIST, "must have this line once, and has it 2 times"),
        (link_scann.WORKSPACE, "def other():\n    pass\n", "must have this line once, and has it 0 times"),
        (link_scann.BUILD, LIST + "# com_google_scann\n", "names ScaNN already"),
    ],
)
def test_a_checkout_that_is_not_as_expected_stays_as_it_is(name, text, message, serving):
    (serving / name).write_text(text)
    before = _texts(serving)
    with pytest.raises(ValueError, match=message):
        link_scann.link(serving, Path("/sources/scann"))
    assert _texts(serving) == before
