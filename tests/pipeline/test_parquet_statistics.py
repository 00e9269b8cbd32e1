"""Statistics straight from Parquet files."""

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.parquet_statistics import parquet_statistics
from pipeline.statistics_files import feature_name
from tests.pipeline.components.examples import BEAM_ARGS


def test_they_are_those_of_the_examples(tmp_path):
    files = [tmp_path / split / "part.parquet" for split in ("train", "eval")]
    columns = {
        "kind": pa.array(["view", None, "buy"]),
        "price": pa.array([1.0, 3.0, None], pa.float32()),
        "tags": pa.array([["a", "b"], None, ["a"]]),
        "never": pa.array([None] * 3, pa.string()),
        "other": pa.array(["not asked for"] * 3),
    }
    for file in files:
        file.parent.mkdir()
        pq.write_table(pa.table(columns), file)
    statistics = parquet_statistics(files, [*columns][:-1], 10, BEAM_ARGS)
    (dataset,) = statistics.datasets
    assert dataset.num_examples == 6
    found = {feature_name(feature): feature for feature in dataset.features}
    assert "other" not in found
    assert found["kind"].string_stats.common_stats.num_non_missing == 4
    assert {v.value: v.frequency for v in found["tags"].string_stats.top_values} == {"a": 4, "b": 2}
    assert (found["price"].num_stats.min, found["price"].num_stats.max) == (1.0, 3.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["eval", "train"]
