"""`recstack data validate` and `recstack data schema` as a user calls them; nothing is trained."""

import pandas as pd
import pytest
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import ExampleStatistics

from pipeline.statistics_files import STATISTICS_FILE
from serving.layout import MANIFEST_FILE, versions_dir
from serving.statistics import export_statistics
from tests.checkerboard import write_checkerboard, write_config
from tests.e2e.conftest import recstack, step_lines
from tests.trainer.tfrecords import write_examples

STEPS = [
    f"{stream}.{step}"
    for stream in ("interactions", "items")
    for step in ("ExampleGen", "StatisticsGen", "Schema", "ExampleValidator", "DriftValidator")
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("validation")
    write_checkerboard(folder)
    return folder


def _runs(folder):
    return folder / "runs" / "checkerboard"


def _validate(folder, changes=None, *arguments):
    return recstack("data", "validate", "--config", write_config(folder, changes), *arguments)


def _statistics(folder, stream, splits):
    """StatisticsGen's artifact of the last validation."""
    (found,) = (_runs(folder) / "validation/artifacts").glob(f"{stream}.StatisticsGen/statistics/*")
    artifact = ExampleStatistics()
    artifact.uri = str(found)
    artifact.split_names = artifact_utils.encode_split_names(splits)
    return artifact


@pytest.fixture(scope="module")
def served(folder):
    """A version as if it had been learnt from the first data; what validated them."""
    done = _validate(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    version = versions_dir(_runs(folder) / "bundle") / "1"
    export_statistics(
        _statistics(folder, "interactions", ["train", "eval", "test"]),
        _statistics(folder, "items", ["corpus"]),
        str(version),
    )
    (version / MANIFEST_FILE).write_text("{}")
    return done


@pytest.fixture(scope="module")
def proposed(folder):
    """A schema proposed from the first data; what proposed it."""
    return recstack("data", "schema", "--config", write_config(folder), "--output", folder / "proposed")


@pytest.mark.slow
def test_good_data_are_said_to_be_valid_and_nothing_is_trained(folder, served):
    assert sorted(step_lines(served.stdout)) == sorted([*STEPS, "AnomalyGate"])
    assert "the data are valid" in served.stdout
    assert "rows:   0 of 961 rejected" in served.stdout
    assert "no version is pushed" in served.stdout
    assert served.stderr == ""
    left = {path.name for path in _runs(folder).iterdir()}
    assert left >= {"data", "validation"}
    assert not left & {"artifacts", "metadata.sqlite", "run.log"}


@pytest.mark.slow
def test_one_moment_of_data_is_judged_whole_and_may_be_rejected_in_part(folder, served):
    log = pd.read_csv(folder / "log.csv").assign(timestamp=1_700_000_000)
    day = log.groupby("user_id").head(1)  # one event of everybody: as many of each age as before
    pd.concat([day, day[:2]]).to_csv(folder / "day.csv", index=False)
    done = _validate(folder, None, "--file", folder / "day.csv")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "60 interactions of" in done.stdout
    (row,) = [line.split() for line in done.stdout.splitlines() if " duplicate " in line]
    assert row == ["interactions", "duplicate", "2", "62"]
    assert "drift:  within bounds, against the data of version 1" in done.stdout
    assert list((_runs(folder) / "validation/data").glob("*/interactions/train/*.parquet"))


@pytest.mark.slow
def test_drift_and_skew_end_with_4_and_name_feature_distance_and_threshold(folder, served):
    users = pd.read_csv(folder / "users.csv").assign(region="north")
    users.to_csv(folder / "moved_users.csv", index=False)
    log = folder / "requests"
    log.mkdir()
    write_examples(log / "monday", [{"user_region": "south", "user_age": 30.0}] * 50)
    write_examples(log / "tuesday", [{"user_region": "south"}] * 50)
    attributes = {"categories": {"region": "region"}, "numbers": {"age": "age"}}
    changes = {
        "data": {"users": {"path": "moved_users.csv", **attributes}},
        "validation": {"served_requests": "requests"},
    }
    done = _validate(folder, changes)
    assert done.returncode == 4, done.stdout + done.stderr
    lines = done.stderr.splitlines()
    (line,) = [line for line in lines if line.startswith("  interactions/train: user_region: drift: ")]
    assert "is 0.49" in line  # half of the training examples were of the south
    assert "above the threshold 0.1" in line
    assert "skew: " in line
    assert "is 1 " in line
    assert any(line.startswith("  interactions/train: user_age: skew: ") for line in lines)
    assert "the data are valid" not in done.stdout


@pytest.mark.slow
def test_a_proposed_schema_fits_the_data_and_a_broken_value_does_not_fit_it(folder, proposed):
    assert proposed.returncode == 0, proposed.stderr
    rows = [line.split() for line in proposed.stdout.splitlines()]
    assert ["interactions", "value", "float_domain.max", "-", "5.4"] in rows
    assert ["items", "item_genre", "string_domain.value", "-", "comedy,", "horror,", "western"] in rows

    changes = {"schema_dir": "proposed"}
    good = _validate(folder, changes)
    assert good.returncode == 0, good.stdout + good.stderr
    again = recstack("data", "schema", "--config", write_config(folder, changes))
    assert again.returncode == 0
    assert "no difference" in again.stdout
    assert (folder / "proposed" / "items.pbtxt").read_text() in again.stdout

    log = pd.read_csv(folder / "log.csv")
    log.loc[3, "stars"] = 50
    log.to_csv(folder / "broken.csv", index=False)
    broken = _validate(folder, changes, "--file", folder / "broken.csv")
    assert broken.returncode == 4
    assert "interactions/train: value: " in broken.stderr
    assert "50" in broken.stderr


@pytest.mark.slow
def test_a_proposal_does_not_overwrite_unless_it_is_forced(folder, proposed):
    arguments = ("data", "schema", "--config", write_config(folder), "--output", folder / "proposed")
    (folder / "proposed" / "items.pbtxt").write_text("# mine")
    refused = recstack(*arguments)
    assert refused.returncode == 2
    assert "items.pbtxt: already there" in refused.stderr
    assert (folder / "proposed" / "items.pbtxt").read_text() == "# mine"
    assert recstack(*arguments, "--force").returncode == 0
    assert "item_genre" in (folder / "proposed" / "items.pbtxt").read_text()


def _expect_refusal(folder, message, changes=None, *arguments):
    done = _validate(folder, changes, *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_requests_that_cannot_be_read(folder):
    (folder / "no_requests.gz").write_bytes(b"user_id,item_id\n")
    _expect_refusal(
        folder, "no_requests.gz is no TFRecord file", {"validation": {"served_requests": "no_requests.gz"}}
    )
    _expect_refusal(folder, "none does not exist", {"validation": {"served_requests": "none"}})


def test_a_run_refuses_them_before_anything_is_computed(tmp_path):
    write_checkerboard(tmp_path)
    done = recstack("run", "--config", write_config(tmp_path, {"validation": {"served_requests": "none"}}))
    assert done.returncode == 2
    assert "none does not exist" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_schema_folder_that_lacks_a_file(folder):
    (folder / "half").mkdir()
    (folder / "half" / "interactions.pbtxt").write_text("")
    _expect_refusal(folder, "items.pbtxt is missing", {"schema_dir": "half"})


def test_a_file_without_a_mapped_column(folder):
    (folder / "short.csv").write_text("user_id,item_id,timestamp\nu1,i1,1600000000\n")
    _expect_refusal(folder, "short.csv has no column 'stars'", None, "--file", folder / "short.csv")


def test_a_file_for_another_source(folder):
    changes = {"data": {"source": "movielens_100k"}}
    config = write_config(folder, changes)
    text = config.read_text()
    start = text.index("data:")
    config.write_text(f"{text[:start]}data: {{source: movielens_100k}}\n{text[text.index('features:') :]}")
    done = recstack("data", "validate", "--config", config, "--file", folder / "log.csv")
    assert done.returncode == 2
    assert "--file stands for the interactions of `source: csv`" in done.stderr


def test_force_needs_an_output(folder):
    done = recstack("data", "schema", "--config", write_config(folder), "--force")
    assert done.returncode == 2
    assert "--force belongs to --output" in done.stderr


@pytest.mark.slow
def test_statistics_hold_no_user_id(folder, served):
    files = list((_runs(folder) / "bundle").rglob(STATISTICS_FILE))
    assert len(files) == 2
    assert not any(b"u1" in file.read_bytes() for file in files)
