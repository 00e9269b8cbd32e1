"""The list of runs, and two of them side by side."""

import pytest

from pipeline.commands.runs import compare_runs, list_runs
from pipeline.errors import InputError
from serving.report.run_list import find_runs, named_run
from tests.pipeline.small_metadata import CACHED, SmallMetadata
from tests.serving.report.full_record import full_record


@pytest.fixture
def output(tmp_path):
    metadata = SmallMetadata(tmp_path / "small" / "metadata.sqlite")
    for name, recall in (("first", 0.2), ("second", 0.3)):
        metadata.add(name, "Trainer", ["model"])
        number = metadata.add(name, "BundleEvaluator", ["bundle_evaluation"])
        folder = metadata.path.parent / "artifacts" / "BundleEvaluator" / "bundle_evaluation" / str(number)
        folder.mkdir(parents=True)
        record = full_record(blessed=name == "second", recall=recall)
        (folder / "evaluation.json").write_text(record.model_dump_json())
    metadata.add("third", "BundleEvaluator", ["bundle_evaluation"], state=CACHED)
    metadata.add("fourth", "Trainer", ["model"])
    return tmp_path


def test_judged_runs_by_time_with_figures_verdict_and_duration(output):
    first, second = find_runs(output)
    assert (first.name, first.verdict, second.name, second.verdict) == (
        "small/2",
        "refused",
        "small/4",
        "blessed",
    )
    assert first.began < second.began
    assert first.seconds == 20
    assert second.figures["recall@20"] == 0.3
    assert second.figures["rating/rmse"] == 0.95


def test_an_evaluation_that_cannot_be_read_has_no_figures(output):
    (output / "small/artifacts/BundleEvaluator/bundle_evaluation/2/evaluation.json").write_text("{}")
    first, _ = find_runs(output)
    assert (first.verdict, first.figures) == ("unknown", {})


def test_a_pipelines_name_means_its_newest_run(output):
    runs = find_runs(output)
    assert named_run(runs, "small").name == "small/4"
    assert named_run(runs, "small/2").name == "small/2"
    with pytest.raises(InputError, match="no judged run 'other'; there are small/2, small/4"):
        named_run(runs, "other")


def test_the_tables(output, capsys):
    list_runs(output)
    lines = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines() if line.split()}
    assert lines["small/4"][3:5] == ["blessed", "20"]
    assert lines["small/4"][6:] == ["0.3000", "0.1500", "0.9500", "0.8000"]
    compare_runs(output, "small/2", "small")
    lines = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines() if line.split()}
    assert lines["recall@20"][1:] == ["0.2000", "0.3000", "+0.1000", "+50.0%"]
    assert lines["verdict"][1:] == ["refused", "blessed"]


def test_an_empty_folder_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match="make one with `recstack run`"):
        find_runs(tmp_path)
    with pytest.raises(InputError, match="is no folder"):
        find_runs(tmp_path / "none")
