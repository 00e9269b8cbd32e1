"""The section `feedback`."""

from pathlib import Path

import pytest
import yaml

from pipeline.config.run import load_config
from pipeline.errors import InputError
from tests.checkerboard import settings


def _load(folder, feedback):
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({**settings(folder), "feedback": feedback}))
    return load_config(path)


def test_a_relative_path_is_taken_from_the_configurations_folder(tmp_path):
    config = _load(tmp_path, {"path": "spans", "kinds": {"like": {"value": 5}, "rating": {"value": "event"}}})
    assert config.feedback is not None
    assert config.feedback.path == tmp_path / "spans"
    assert config.feedback.kinds is not None
    assert config.feedback.kinds["like"].value == 5.0
    assert config.event_spans_dir == Path(tmp_path / "runs" / "checkerboard" / "events" / "spans")


@pytest.mark.parametrize(
    ("feedback", "told"),
    [
        ({"kinds": {}}, "name at least one kind"),
        ({"kinds": {"look": {}}}, "feedback.kinds.look"),
        ({"kinds": {"like": {"value": "much"}}}, "feedback.kinds.like.value"),
        ({"kinds": {"like": {"weight": 2}}}, "weight: unknown key"),
        ({"folder": "spans"}, "feedback.folder: unknown key"),
    ],
)
def test_what_it_cannot_say_is_told(tmp_path, feedback, told):
    with pytest.raises(InputError, match=told):
        _load(tmp_path, feedback)
