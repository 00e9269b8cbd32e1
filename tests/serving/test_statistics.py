"""Statistics that a bundle keeps of what it learnt from."""

from tfx.types import artifact_utils
from tfx.types.standard_artifacts import ExampleStatistics

from pipeline.statistics_files import feature_name, read_statistics, write_statistics
from schemas.features import Stream
from serving.layout import MANIFEST_FILE, newest_statistics, statistics_dir
from serving.statistics import export_statistics
from tests.pipeline.small_statistics import statistics_of


def _artifact(folder, **splits):
    artifact = ExampleStatistics()
    artifact.uri = str(folder)
    artifact.split_names = artifact_utils.encode_split_names(list(splits))
    for split, statistics in splits.items():
        write_statistics(statistics, str(folder / f"Split-{split}"))
    return artifact


def test_the_training_split_and_the_corpus_without_user_ids(tmp_path):
    train = statistics_of(user_id=["ann", "bob"], user_sex=["f", "m"])
    interactions = _artifact(tmp_path / "log", train=train, eval=statistics_of(user_id=["eve"]))
    items = _artifact(tmp_path / "items", corpus=statistics_of(item_id=["a", "b"], title=["x", "y"]))
    export_statistics(interactions, items, str(tmp_path / "version"))
    kept = {s: read_statistics(str(statistics_dir(tmp_path / "version", s))) for s in Stream}
    names = {s: [feature_name(f) for f in kept[s].datasets[0].features] for s in Stream}
    assert names == {Stream.INTERACTIONS: ["user_sex"], Stream.ITEMS: ["item_id", "title"]}
    assert kept[Stream.INTERACTIONS].datasets[0].num_examples == 2
    written = b"".join(path.read_bytes() for path in (tmp_path / "version").rglob("*.pb"))
    assert b"ann" not in written
    assert b"bob" not in written


def test_the_newest_version_counts_and_only_if_it_has_statistics(tmp_path):
    assert newest_statistics(tmp_path, Stream.ITEMS) is None
    for version in ("9", "10"):
        folder = tmp_path / "versions" / version
        write_statistics(statistics_of(title=["x"]), str(statistics_dir(folder, Stream.ITEMS)))
        (folder / MANIFEST_FILE).write_text("{}")
    assert newest_statistics(tmp_path, Stream.ITEMS) == tmp_path / "versions/10/statistics/items"
    assert newest_statistics(tmp_path, Stream.INTERACTIONS) is None
