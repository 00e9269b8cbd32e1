"""What tests of deployments share."""

import pytest

from pipeline.canonical import prepare
from pipeline.commands.compile import write_job
from pipeline.config.run import load_config
from tests.checkerboard import write_checkerboard, write_config


@pytest.fixture(scope="session")
def compiled_job(tmp_path_factory):
    """The small world's pipeline, compiled for Vertex AI."""
    from pipeline.runners.compiled_pipeline import compile_pipeline

    folder = tmp_path_factory.mktemp("compiled_job")
    write_checkerboard(folder)
    cloud = {"image": "recstack:test", "root": "gs://bucket/root", "project": "p", "region": "r"}
    config = load_config(write_config(folder, {"cloud": cloud}))
    file = folder / "job.json"
    write_job(compile_pipeline(config, prepare(config)), "vertex", file)
    return file
