"""The report's sections against what stands in a run's folder."""

import re

import numpy as np
import pytest

from pipeline.commands.report import newest_run
from pipeline.errors import InputError
from serving.report.blocks import Figure, MissingError, Table, Text
from serving.report.calibration import expected_error
from serving.report.embedding_map import flattened
from serving.report.figures import ABSENT
from serving.report.learning_curves import read_curves
from serving.report.metrics import metrics_section
from serving.report.page import render_page
from serving.report.report import SECTIONS, sections_of
from serving.report.verdict import verdict_section
from tests.pipeline.small_metadata import SmallMetadata
from tests.serving.report.full_record import calibration_bins, full_record
from tests.serving.report.small_run import RUN, SCRIPT, small_config, write_curves, write_small_run

pytest.importorskip("matplotlib", reason="Matplotlib is not installed")


@pytest.fixture(scope="module")
def sections(tmp_path_factory):
    run = newest_run(write_small_run(tmp_path_factory.mktemp("judged"), full_record()))
    return {section.name: section for section in sections_of(run)}


def _tables(section):
    return {block.caption: block for block in section.blocks if isinstance(block, Table)}


def _texts(section):
    return " ".join(block.text for block in section.blocks if isinstance(block, Text))


def test_the_verdict_stands_first_with_its_reasons(tmp_path):
    run = newest_run(write_small_run(tmp_path, full_record(blessed=False)))
    first = verdict_section(run)
    assert SECTIONS[0][0] == first.name == "verdict"
    assert first.blocks[0].text.startswith("Refused")
    assert first.blocks[1].lines == ("lists: recall@20 <b>is too low</b>",)


def test_rejected_rows_are_counted_by_rule(sections):
    rejected = _tables(sections["data"])["Rejected rows"]
    assert rejected.rows == (
        ("interactions", "duplicate", "2", "103", "1.94%"),
        ("interactions", "bad_id", "1", "103", "0.97%"),
    )


def test_features_are_described_and_no_user_is_named(sections):
    rows = _tables(sections["data"])["Features of the interactions (train, 80 examples)"].rows
    title, user, value = rows
    assert title[:4] == ("title", SCRIPT, "25.0%", "4")
    assert user[1] == "–"
    assert value[4:] == ("3.2500", "0.0000", "0.0000", "12,345")


def test_anomalies_of_both_streams(sections):
    rows = _tables(sections["anomalies"])["Anomalies"].rows
    assert [row[:4] for row in rows] == [
        ("interactions", "schema", "train", "item_genre"),
        ("items", "schema", "corpus", "item_genre"),
    ]


def test_curves_are_those_that_were_logged(tmp_path):
    write_curves(tmp_path)
    curves = read_curves(tmp_path)
    assert set(curves) == {"train", "validation"}
    epochs, values = zip(*curves["validation"]["ndcg"], strict=True)
    assert epochs == (0, 1, 2)
    np.testing.assert_allclose(values, [1, 1 / 2, 1 / 3], rtol=1e-6)


def test_both_trainers_have_curves(sections):
    captions = [block.caption for block in sections["curves"].blocks if isinstance(block, Figure)]
    assert captions == ["Retrieval model", "Ranking model"]


def test_metrics_have_bounds_baselines_slices_and_the_version_before(sections):
    tables = _tables(sections["metrics"])
    lists = next(table for caption, table in tables.items() if caption.startswith("Lists: "))
    rows = {row[0]: row[1:] for row in lists.rows}
    assert rows["popularity"][0] == "0.1000 [0.0900, 0.1100]"
    assert "previous (version 3)" in rows
    change = tables["Lists of the recommender against the version before"].rows[0]
    assert change == ("recall@20", "0.2800", "0.3000", "+0.0200", "+7.1%")
    ranking = next(table for caption, table in tables.items() if caption.startswith("Ranking"))
    assert ranking.rows[0] == ("rating", "rmse", "0.9500 [0.9400, 0.9600]", "1.0200", "1.1000", "900")
    assert len(tables["Lists by item_genre"].rows) == 2 * 5


def test_reasons_are_shown_with_what_they_cost(sections):
    tables = _tables(sections["metrics"])
    reasons = next(table for caption, table in tables.items() if caption.startswith("Reasons: "))
    assert reasons.headings == ("reasons of", "named fall", "random fall", "requests", "users")
    ((of, named, other, requests, users),) = reasons.rows
    assert of == "recommender"
    assert (named, other) == ("0.8100 [0.8000, 0.8200]", "-0.0120")
    assert (requests, users) == ("200", "90")


def test_the_index_is_shown_with_its_curve(sections):
    (table,) = _tables(sections["index"]).values()
    assert len(table.rows) == 2 + 4
    assert table.rows[1] == ("scann", ABSENT, "8", "0.9700", "0.100")
    assert any(isinstance(block, Figure) for block in sections["index"].blocks)


def test_the_calibration_error_is_the_mean_distance():
    assert expected_error(tuple(calibration_bins())) == pytest.approx(0.05)


def test_time_and_memory_of_each_step(sections):
    (table,) = _tables(sections["steps"]).values()
    assert table.rows == (("interactions.ExampleGen", "ran", "1.5", "300 MiB"),)


def test_lineage_names_executions_artifacts_and_digests(sections):
    tables = _tables(sections["lineage"])
    steps = {row[0]: row for row in tables["Executions"].rows}
    assert steps["BundleEvaluator"][2:] == ("complete", "–", "bundle_evaluation #12", "c0de")
    digests = {row[2]: row[4] for row in tables["Artifacts"].rows}
    assert digests["interactions.ExampleGen"] == "removed"
    assert re.fullmatch("[0-9a-f]{12}", digests["BundleEvaluator"])


def test_files_that_cannot_be_read_are_said_to_be_missing(sections):
    assert _texts(sections["map"]) == "Files that this section is made of cannot be read."


def test_what_is_missing_is_said_in_one_sentence(tmp_path):
    run = newest_run(write_small_run(tmp_path, None))
    missing = {section.name: _texts(section) for section in sections_of(run)}
    assert missing["verdict"].startswith("Not judged. The run did not come to the step BundleEvaluator.")
    for name in ("metrics", "index", "calibration"):
        assert missing[name] == "The run did not come to the step BundleEvaluator."
    for name in ("map", "users"):
        assert missing[name] == "The run did not come to the step Bundler."
    assert "did not come to the step RetrievalTrainer" in missing["curves"]


def test_an_evaluation_of_another_form_is_said_to_be_one(tmp_path):
    config = write_small_run(tmp_path, full_record())
    (path,) = config.run_dir.glob("artifacts/BundleEvaluator/bundle_evaluation/*/evaluation.json")
    path.write_text('{"retrieval": {}}')
    with pytest.raises(MissingError, match="has another form"):
        metrics_section(newest_run(config))


def test_nothing_that_comes_from_data_is_markup(sections):
    page = render_page(SCRIPT, SCRIPT, [sections[name] for name, _, _ in SECTIONS])
    assert "<script" not in page
    assert "&lt;script&gt;alert(&#39;data&#39;)&lt;/script&gt;" in page
    assert "&lt;script&gt;alert(&#39;slice&#39;)" in page
    assert not re.search(r"(src|href)=\"(https?:)?//", page)


def test_ids_of_the_page_are_unique(sections):
    page = render_page("title", "", list(sections.values()))
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))


def test_a_map_is_the_same_each_time_and_keeps_clusters_apart():
    rng = np.random.default_rng(0)
    centres = np.repeat(np.eye(2, 8) * 20, 15, axis=0)
    embeddings = (centres + rng.normal(size=centres.shape)).astype(np.float32)
    points = flattened(embeddings, seed=1)
    np.testing.assert_array_equal(points, flattened(embeddings, seed=1))
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1) + np.eye(30) * 1e9
    same = np.arange(30) // 15
    assert (same[distance.argmin(axis=1)] == same).all()


def test_a_folder_without_a_run_says_what_to_do(tmp_path):
    config = small_config(tmp_path)
    with pytest.raises(InputError, match="make one with `recstack run`"):
        newest_run(config)
    SmallMetadata(config.metadata_file).add(RUN, "RetrievalTuner")  # a search is no run
    with pytest.raises(InputError, match="make one with `recstack run`"):
        newest_run(config)
