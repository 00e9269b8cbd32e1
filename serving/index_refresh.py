"""New items in a bundle without training anything."""

from __future__ import annotations

import logging
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import tensorflow as tf

from pipeline.config.gate import GateConfig
from pipeline.config.serving import ServingConfig
from pipeline.errors import GateError, InputError
from pipeline.progress import PROGRESS_LOGGER
from schemas.features import ITEM_ID, Stream
from serving.added_items import AddedItems, added_items_file, embed_added_items
from serving.bundle import export_bundle
from serving.bundle_sources import BundleSources
from serving.evaluation_record import IndexReport
from serving.extended_corpus import before_the_last_row
from serving.gate import index_reasons
from serving.index_builder import sample_queries, write_indexes
from serving.layout import vocabularies_dir
from serving.manifest import Manifest, Refresh, read_manifest
from serving.push import push
from trainer.streams import TransformedStream

COPIED = ("schema", "statistics", "vocabularies")
"""Folders of a version that say what was learnt from, which a refresh does not change."""

_LOGGER = logging.getLogger(PROGRESS_LOGGER)
_SHOWN = 3


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did.

    Attributes:
      version: The pushed version.
      added: Items that the version has beyond those that were trained.
      index: What was measured of its index.
    """

    version: int
    added: int
    index: IndexReport


def rows_to_add(folder: Path, items: pa.Table, only_new: bool = False) -> pa.Table:
    """The rows of all added items: those that a version has already, and others.

    Args:
      folder: That of the version.
      items: Canonical rows; one with the id of an added item takes its place.
      only_new: Whether those whose ids were trained are left out, and no fault.

    Raises:
      InputError: There is nothing to add, or one of the items was trained.
    """
    trained = (vocabularies_dir(folder) / Stream.ITEMS.value / ITEM_ID).read_text(encoding="utf-8")
    is_trained = pc.is_in(items[ITEM_ID], pa.array(trained.split("\n"), pa.string()))
    known = items[ITEM_ID].filter(is_trained)
    if only_new:
        items, known = items.filter(pc.invert(is_trained)), known[:0]
    if items.num_rows == 0:
        raise InputError("the file has no item that can be added")
    if len(known):
        shown = ", ".join(known.slice(0, _SHOWN).to_pylist())
        raise InputError(
            f"{len(known):,} of the {items.num_rows:,} items are in the corpus that was trained ({shown}"
            f"{', ...' if len(known) > _SHOWN else ''}), and only `recstack run` changes those; "
            "leave them out with --only-new"
        )
    if not added_items_file(folder).is_file():
        return items
    before = pq.read_table(added_items_file(folder), schema=items.schema)
    kept = before.filter(pc.invert(pc.is_in(before[ITEM_ID], items[ITEM_ID].combine_chunks())))
    return pa.concat_tables([kept, items])


def refresh_index(
    bundle: Path,
    version: int,
    folder: Path,
    sources: BundleSources,
    table: pa.Table,
    gate: GateConfig,
    serving: ServingConfig,
) -> Refreshed:
    """Makes and pushes a version that holds added items.

    The towers say where they are among the others, by text and attributes; the index is built anew over
    all. To everything that learns from interactions they are items that nobody has touched. What a kill
    leaves is a folder of temporary files.

    Args:
      bundle: The folder that servers look into.
      version: Its number.
      folder: That of the version which is refreshed.
      sources: What that was made from.
      table: [M] canonical rows of all added items.
      gate: Says how good the index must be.
      serving: How the version is to be served.

    Raises:
      GateError: The index finds too little; what is served stays as it is.
    """
    manifest = read_manifest(folder)
    with tempfile.TemporaryDirectory(prefix="recstack-refresh-") as work_dir:
        output, index_dir = Path(work_dir, "bundle"), Path(work_dir, "index")
        output.mkdir()
        _LOGGER.info("embedding %s items", f"{table.num_rows:,}")
        added, report = _index(sources, table, index_dir)
        reasons = index_reasons(report, gate.min_index_recall)
        if reasons:
            raise GateError("; ".join(reasons) + "; what is served stays as it is")
        _LOGGER.info("writing the models")
        for name in COPIED:
            if (folder / name).is_dir():
                shutil.copytree(folder / name, output / name)
        pq.write_table(table, added_items_file(output))
        refresh = _refresh(manifest, version, added, report)
        models = {name: str(model) for name, model in sources.models.items()}
        export_bundle(
            models["retrieval"],
            models["collaborative"],
            models["ranking"],
            models["fusion"],
            str(index_dir),
            str(sources.examples),
            str(sources.items),
            str(sources.users_file),
            str(sources.histories_file),
            sources.settings,
            str(output),
            added,
            refresh,
        )
        pushed = push(output, bundle, manifest.metrics, serving)
    return Refreshed(pushed, len(added), report)


def _index(sources: BundleSources, table: pa.Table, index_dir: Path) -> tuple[AddedItems, IndexReport]:
    """Embeds the items, and builds and measures the index over all."""
    config = sources.settings.index
    retrieval = tf.saved_model.load(str(sources.models["retrieval"]))
    added = embed_added_items(table, sources.settings.feature_set, retrieval)
    stream = TransformedStream(str(sources.transformed), str(sources.interactions_graph))
    queries = sample_queries(retrieval, stream, config.recall_queries, sources.seed)
    item_ids = np.append(retrieval.corpus.item_ids.numpy(), added.item_ids)
    embeddings = before_the_last_row(retrieval.corpus.embeddings.numpy(), added.embeddings)[:-1]
    _LOGGER.info("building the index over %s items", f"{len(embeddings):,}")
    return added, write_indexes(item_ids, embeddings, queries, config, str(index_dir))


def _refresh(manifest: Manifest, version: int, added: AddedItems, report: IndexReport) -> Refresh:
    """What the new manifest says of the refresh; the judged version is that of the training."""
    judged = manifest.refresh.judged_version if manifest.refresh is not None else version
    recall = next(m.recall_at_10 for m in report.measured if m.kind == report.chosen)
    return Refresh(judged_version=judged, added_items=len(added), index_recall_at_10=recall)
