"""`recstack compile`."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any, Literal

import yaml

from pipeline.canonical import prepare
from pipeline.config.run import RunConfig
from pipeline.console import news, out
from pipeline.errors import InputError
from pipeline.files import replaced
from pipeline.runners.cloud_files import served_baselines, upload_files
from pipeline.runners.compiled_pipeline import CompiledPipeline, compile_pipeline
from pipeline.runners.kubeflow import kubeflow_documents
from pipeline.runners.vertex import vertex_job

Runner = Literal["kubeflow", "vertex"]
_SUFFIXES: dict[Runner, tuple[str, ...]] = {"kubeflow": (".yaml", ".yml"), "vertex": (".json",)}


def compile_for(config: RunConfig, runner: Runner, output: Path | None, upload: bool = False) -> None:
    """Writes the pipeline for a platform, and says where and how large it is.

    Args:
      config: The configuration.
      runner: The platform.
      output: The file; by default one in the run's folder.
      upload: Whether its data are uploaded as well.

    Raises:
      RecstackError: See :mod:`pipeline.errors`.
    """
    file = output_file(config, runner, output)
    compiled = compiled_pipeline(config)
    if upload:
        compiled = uploaded(compiled)
    write_job(compiled, runner, file)
    out.print(f"{len(compiled.node_ids)} steps, {len(compiled.parameters)} parameters: {file}")
    if not upload:
        out.print("its data are not uploaded yet: --upload does that, and `recstack submit` sends it as well")


def compiled_pipeline(config: RunConfig) -> CompiledPipeline:
    """Prepares the data, and compiles the pipeline over them.

    Raises:
      RecstackError: The data or the configuration cannot be used.
    """
    if config.cloud is None:  # before anything is computed
        raise InputError("cloud: missing; say at least its image and root (docs/kubeflow.md, docs/vertex.md)")
    with news(out):
        data = prepare(config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries that TFX imports
        return compile_pipeline(config, data)


def uploaded(compiled: CompiledPipeline) -> CompiledPipeline:
    """Uploads the data, and says what was pushed last.

    Returns:
      The pipeline, told of the statistics that drift is measured from.

    Raises:
      InputError: The object store cannot be read or written.
      BundleError: A version in it is damaged.
    """
    if upload_files(compiled.data, compiled.files, compiled.cloud):
        out.print(f"uploaded the data to {compiled.cloud.root}")
    return compiled.with_parameters(served_baselines(compiled.cloud))


def output_file(config: RunConfig, runner: Runner, output: Path | None) -> Path:
    """The file to write.

    Raises:
      InputError: Its name does not end as the platform wants it.
    """
    suffixes = _SUFFIXES[runner]
    if output is None:
        return config.run_dir / f"{runner}{suffixes[0]}"
    if output.suffix not in suffixes:
        raise InputError(f"--output: {runner} takes {' or '.join(suffixes)}, not {output}")
    return output


def write_job(compiled: CompiledPipeline, runner: Runner, file: Path) -> None:
    """Writes a compiled pipeline in a platform's form; it appears whole or not at all.

    Raises:
      InputError: The platform lacks what the configuration asks for, or the file cannot be written.
    """
    text = _text(compiled, runner)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with replaced(file) as stream:
            stream.write(text.encode())
    except OSError as error:
        raise InputError(f"cannot write {file}: {error.strerror or error}") from error


def _text(compiled: CompiledPipeline, runner: Runner) -> str:
    if runner == "vertex":
        return json.dumps(vertex_job(compiled), indent=2, sort_keys=True) + "\n"
    documents: list[dict[str, Any]] = kubeflow_documents(compiled)
    return yaml.safe_dump_all(documents, sort_keys=True)
