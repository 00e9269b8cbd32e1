"""Which schema is in force."""

import pytest

from pipeline.config.feedback import FeedbackConfig
from pipeline.config.run import RunConfig
from pipeline.errors import InputError
from pipeline.schema_files import CURATED, curated_files
from schemas.features import Stream


def _config(schema_dir=None, source="movielens_100k"):
    return RunConfig.model_validate({"name": "x", "data": {"source": source}, "schema_dir": schema_dir})


def test_a_source_may_have_a_curated_schema():
    folder = CURATED / "movielens_100k"
    assert curated_files(_config()) == {stream: folder / f"{stream.value}.pbtxt" for stream in Stream}
    assert curated_files(_config(source="completejourney")) is None or (CURATED / "completejourney").is_dir()


def test_a_curated_schema_judges_until_there_are_events_to_learn_from(tmp_path):
    config = _config().model_copy(update={"feedback": FeedbackConfig(), "output": tmp_path})
    assert curated_files(config) == curated_files(_config())
    config.event_spans_dir.mkdir(parents=True)
    assert curated_files(config) == curated_files(_config())
    (config.event_spans_dir / "2026-01-01").mkdir()
    assert curated_files(config) is None


def test_a_folder_that_lacks_a_schema(tmp_path):
    (tmp_path / "interactions.pbtxt").write_text('feature { name: "user_id" type: BYTES }')
    with pytest.raises(InputError, match="schema_dir: .*items.pbtxt is missing"):
        curated_files(_config(tmp_path))


def test_a_file_that_holds_no_schema(tmp_path):
    (tmp_path / "interactions.pbtxt").write_text("feature { nome: 1 }")
    (tmp_path / "items.pbtxt").write_text("")
    with pytest.raises(InputError, match="interactions.pbtxt holds no schema: .*nome"):
        curated_files(_config(tmp_path))
