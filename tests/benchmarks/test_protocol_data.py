"""The pipeline's input of a protocol."""

from pathlib import Path

from benchmarks.protocol_data import with_protocol_schema
from pipeline.config.run import load_config
from pipeline.schema_files import curated_files, read_schema
from schemas.features import Stream

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
