"""Section: what was made of what."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pipeline.metadata_records import ArtifactRecord, ExecutionRecord
from serving.report.blocks import Block, MissingError, Section, Table, Text
from serving.report.figures import ABSENT
from serving.report.run_files import RunFiles

_SHOWN_DIGITS = 12
# What is larger is not read for a page about a run.
_MAX_BYTES = 2**28


def lineage_section(run: RunFiles) -> Section:
    """ML Metadata's executions, and the artifacts that they made with the digests of their files."""
    head = f"Run {run.run.name} of the pipeline {run.name}, as ML Metadata has it. {_origins(run)}"
    executions = tuple(_execution_row(execution) for execution in run.run.executions)
    headings = ("step", "execution", "state", "read", "made", "code")
    made = {
        artifact.number: (artifact, execution.node_id)
        for execution in run.run.executions
        for artifacts in execution.outputs.values()
        for artifact in artifacts
    }
    artifacts = tuple(
        (f"#{number}", artifact.kind, node_id, artifact.folder, files_digest(run.run_dir / artifact.folder))
        for number, (artifact, node_id) in sorted(made.items())
    )
    columns = ("artifact", "type", "made by", "folder", "SHA-256 of its files")
    blocks: list[Block] = [
        Text(head),
        Table("Executions", headings, executions, texts=len(headings), is_long=True),
        Table("Artifacts", columns, artifacts, texts=len(columns), is_long=True),
    ]
    return Section("lineage", "Lineage", tuple(blocks))


def files_digest(folder: Path) -> str:
    """The first digits of SHA-256 over a folder's files, names included; says so if it is not computed."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        return "removed" if not folder.is_dir() else "empty"
    if sum(path.stat().st_size for path in files) > _MAX_BYTES:
        return "large, not computed"
    hasher = hashlib.sha256()
    for path in files:
        hasher.update(path.relative_to(folder).as_posix().encode() + b"\0")
        hasher.update(hashlib.sha256(path.read_bytes()).digest())
    return hasher.hexdigest()[:_SHOWN_DIGITS]


def _origins(run: RunFiles) -> str:
    """The digests of the data and of the bundle."""
    try:
        data = f"Its data have the digest {run.summary['digest'][:_SHOWN_DIGITS]}"
    except MissingError as error:
        return str(error)
    try:
        return f"{data}, its bundle {run.manifest.digest[:_SHOWN_DIGITS]}."
    except MissingError:
        return f"{data}; it has no bundle."


def _execution_row(execution: ExecutionRecord) -> tuple[str, ...]:
    code = execution.parameters.get("code", "")[:_SHOWN_DIGITS] or ABSENT
    read, made = (_numbers(artifacts) for artifacts in (execution.inputs, execution.outputs))
    return (execution.node_id, f"#{execution.number}", execution.state, read, made, code)


def _numbers(artifacts: dict[str, tuple[ArtifactRecord, ...]]) -> str:
    """`name #number` of each artifact."""
    parts = [f"{name} #{artifact.number}" for name, found in artifacts.items() for artifact in found]
    return ", ".join(parts) or ABSENT
