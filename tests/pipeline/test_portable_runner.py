"""The preparation under Beam's portable runner, its workers on loopback: as a cluster would run it."""

import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipeline.canonical import prepare
from pipeline.config.run import RunConfig
from tests.checkerboard import settings, write_checkerboard

pytestmark = pytest.mark.slow

PORTABLE = ["--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=LOOPBACK"]


def _tables(config):
    data = prepare(config)
    return {
        path.relative_to(data.root).as_posix(): pq.read_table(path).to_pandas()
        for path in sorted(data.root.rglob("*.parquet"))
    }


def test_portable_and_direct_runners_prepare_the_same(tmp_path):
    write_checkerboard(tmp_path)
    config = settings(tmp_path)
    for name, file in config["data"].items():
        if isinstance(file, dict):
            file["path"] = str(tmp_path / file["path"])
            config["data"][name] = file
    direct = RunConfig.model_validate(config)
    portable = RunConfig.model_validate(
        {**config, "output": str(tmp_path / "portable"), "beam": {"pipeline_args": PORTABLE}}
    )
    expected, found = _tables(direct), _tables(portable)
    assert list(found) == list(expected)
    for name, table in expected.items():
        pd.testing.assert_frame_equal(found[name], table)
