"""`recstack data schema`."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape
from rich.table import Table

from pipeline.canonical import CORPUS, PreparedData, prepare
from pipeline.config.run import RunConfig
from pipeline.console import native_output_to, news, out
from pipeline.errors import InputError
from pipeline.schema_difference import Difference, schema_differences
from pipeline.schema_files import curated_files, read_schema, schema_file_name, schema_files
from pipeline.splits import SPLITS
from schemas.features import Stream

_SHOWN_CHARACTERS = 60


def propose(config: RunConfig, output: Path | None, force: bool) -> None:
    """Proposes a schema for each stream, and shows how it differs from the one in force.

    Args:
      config: The configuration.
      output: Folder for the schemas; without it they are shown.
      force: Whether to replace files that are there.

    Raises:
      InputError: The data cannot be read, or the output cannot be written.
    """
    curated_files(config)
    targets = {stream: output / schema_file_name(stream) for stream in Stream} if output is not None else {}
    there = [str(path) for path in targets.values() if path.exists()]
    if there and not force:
        raise InputError(f"{' and '.join(there)}: already there; name another --output, or give --force")
    with news(out):
        data = prepare(config)
    texts, rows = {}, []
    in_force = schema_files(config, data)
    with native_output_to() as console, console.status("looking at the data"):
        for stream in Stream:
            texts[stream], differences = _propose(stream, config, data, in_force[stream])
            rows += [(stream, difference) for difference in differences]
    for stream, text in texts.items():
        if stream in targets:
            _write(targets[stream], text)
        else:
            out.print(text, markup=False)
    _show_differences(rows, in_force)


def _propose(
    stream: Stream, config: RunConfig, data: PreparedData, old: Path
) -> tuple[str, list[Difference]]:
    """A stream's schema as text, and how it differs."""
    # They bring TensorFlow.
    from pipeline.parquet_statistics import parquet_statistics
    from pipeline.schema_proposal import MAX_CATEGORIES, propose_schema

    splits = SPLITS if stream == Stream.INTERACTIONS else (CORPUS,)
    files = [f for split in splits for f in sorted((data.stream_dir(stream) / split).glob("*.parquet"))]
    columns = [feature.name for feature in data.features.of(stream) if not feature.is_history]
    statistics = parquet_statistics(files, columns, MAX_CATEGORIES + 1, config.beam.pipeline_args)
    proposal = propose_schema(data.features, stream, statistics)
    title = f"The {'events' if stream == Stream.INTERACTIONS else 'corpus'} of {config.name}."
    return proposal.to_text(title), schema_differences(read_schema(old), proposal.schema)


def _write(path: Path, text: str) -> None:
    """Writes a schema.

    Raises:
      InputError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error
    out.print(f"written: {path}")


def _show_differences(rows: list[tuple[Stream, Difference]], in_force: dict[Stream, Path]) -> None:
    """A line for each field."""
    out.print(f"in force: {' and '.join(map(str, in_force.values()))}")
    if not rows:
        out.print("no difference")
        return
    table = Table(box=None, header_style="bold")
    for heading in ("stream", "feature", "field", "in force", "proposed"):
        table.add_column(heading, overflow="fold")
    for stream, difference in rows:
        old, new = (_shortened(text) for text in (difference.old, difference.new))
        table.add_row(stream.value, escape(difference.feature), difference.field, old, new)
    out.print(table)


def _shortened(text: str | None) -> str:
    """A value that fits a line."""
    if text is None:
        return "-"
    cut = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
    return escape(cut)
