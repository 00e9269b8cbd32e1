"""The small world, compiled for a platform, and how to find one's way in what was written."""

from __future__ import annotations

import yaml

from pipeline.canonical import prepare
from pipeline.commands.compile import write_job
from pipeline.config.run import load_config
from pipeline.runners.compiled_pipeline import compile_pipeline
from tests.checkerboard import write_checkerboard, write_config

IMAGE = "registry.local/recstack:0.1.0"
ROOT = "gs://bucket/root"
CLOUD = {"image": IMAGE, "root": ROOT, "project": "p", "region": "europe-west4", "host": "http://kfp.local"}


class CompiledWorld:
    """A small configuration, its data, and whatever is compiled of it."""

    def __init__(self, folder):
        self.folder = folder
        write_checkerboard(folder)
        self.data = prepare(self.config())

    def config(self, cloud=None, **changes):
        return load_config(write_config(self.folder, {"cloud": {**CLOUD, **(cloud or {})}, **changes}))

    def compile(self, cloud=None, **changes):
        return compile_pipeline(self.config(cloud, **changes), self.data)

    def written(self, runner, cloud=None, **changes):
        """What is written for a platform, read again as plain JSON or YAML, and the file."""
        compiled = self.compile(cloud, **changes)
        file = self.folder / f"{runner}.{'json' if runner == 'vertex' else 'yaml'}"
        write_job(compiled, runner, file)
        documents = list(yaml.safe_load_all(file.read_text()))
        return (documents[0] if runner == "vertex" else documents), file


def tasks_of(spec):
    return spec["root"]["dag"]["tasks"]


def container_of(spec, task):
    return spec["deploymentSpec"]["executors"][spec["components"][task]["executorLabel"]]["container"]
