"""The pipeline's input of a protocol."""

from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.protocol_data import whole_log, with_protocol_schema
from pipeline.config.run import load_config
from pipeline.schema_files import curated_files, read_schema
from pipeline.splits import SPLITS
from schemas.features import RARE_ITEM_ID, Stream

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def test_a_protocols_schema_asks_for_what_every_example_has_and_no_share(tmp_path):
    config = load_config(CONFIGS / "completejourney.yaml")
    relaxed = with_protocol_schema(config, tmp_path / "schema")
    for stream in Stream:
        curated, changed = (read_schema(curated_files(of)[stream]) for of in (config, relaxed))
        assert [feature.name for feature in changed.feature] == [feature.name for feature in curated.feature]
        required = [feature.presence.min_fraction == 1 for feature in curated.feature]
        assert [feature.presence.min_fraction for feature in changed.feature] == [float(x) for x in required]
        assert any(0 < f.presence.min_fraction < 1 for f in curated.feature) or stream == Stream.ITEMS


def test_the_log_holds_each_pair_once_in_order_and_no_folded_id(tmp_path):
    events = [("u", "a", 3), ("u", "b", 2), ("u", "a", 1), ("v", "a", 5), ("v", RARE_ITEM_ID, 4)]
    for number, name in enumerate(SPLITS):
        rows = events[2 * number : 2 * number + 2]
        users, items, times = zip(*rows, strict=True)
        table = pa.table({"user_id": users, "item_id": items, "timestamp": pa.array(times, pa.int64())})
        table = table.append_column("history_item_ids", pa.array([["x"]] * len(rows)))
        (tmp_path / name).mkdir()
        pq.write_table(table, tmp_path / name / "part-00000.parquet")
    data = SimpleNamespace(stream_dir=lambda stream: tmp_path)
    every = [{"user_id": u, "item_id": i, "timestamp": t} for u, i, t in (events[2], events[1], events[3])]
    assert whole_log(data, 1).to_pylist() == every
    assert whole_log(data, 2).to_pylist() == [every[0], every[2]]
