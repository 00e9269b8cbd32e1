"""One bundle: the SavedModels that are judged, versioned and served together, and their manifest."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from pipeline.splits import SPLITS
from schemas.features import ITEM_ID, TIMESTAMP
from serving.added_items import AddedItems
from serving.bundle_integrity import bundle_files, check_towers, folder_parts, towers_of
from serving.bundle_readme import write_readme
from serving.bundle_settings import BundleSettings
from serving.candidate_generator import CandidateGenerator
from serving.category_filter import CategoryFilter
from serving.event_contributions import EventContributions
from serving.extended_models import extended_models
from serving.file_digests import combined_digest, file_digest, folder_digests
from serving.index import chosen_kind, save_options
from serving.index_builder import INDEX_DIR
from serving.interactions import read_interactions, read_items
from serving.layout import EXACT, RANKING, RECOMMENDER, RETRIEVAL, VARIANTS, Variant, model_dir
from serving.manifest import DataSpan, Manifest, Refresh, TowerPair, stack_versions
from serving.ops import op_names, ops_by_library, read_saved_model
from serving.profiles import UserProfiles
from serving.ranking_signatures import ranking_signatures
from serving.reasons import Reasons
from serving.recommender import Recommender
from serving.recommender_signatures import recommender_signatures
from serving.retrieval_signatures import retrieval_signatures
from serving.served_module import Signatures
from serving.shared_categories import SharedCategories
from serving.warm_up import write_warm_up

_SOME = 8


@dataclass(frozen=True)
class _Models:
    """The loaded parts.

    Attributes:
      indexes: Variant to its index; all have the same towers.
      index: The variant that the size of the corpus calls for.
      towers: The fingerprints of the two parts that must match.
    """

    retrieval: Any
    collaborative: Any
    ranking: Any
    fusion: Any
    indexes: dict[Variant, Any]
    index: Variant
    towers: TowerPair


def export_bundle(
    retrieval_dir: str,
    collaborative_dir: str,
    ranking_dir: str,
    fusion_dir: str,
    index_dir: str,
    examples_dir: str,
    items_dir: str,
    users_file: str,
    histories_file: str,
    settings: BundleSettings,
    output_dir: str,
    added: AddedItems | None = None,
    refresh: Refresh | None = None,
) -> None:
    """Writes the SavedModels and their manifest.

    Each variant has the same three models with the same signatures; there is one ranking model for all. A
    corpus too small to be quantised has the exact variant only. What else is in the folder by then is in the
    manifest too.

    Args:
      retrieval_dir: SavedModel of the retrieval module.
      collaborative_dir: SavedModel of the collaborative module.
      ranking_dir: SavedModel of the ranking module.
      fusion_dir: SavedModel of the fusion module.
      index_dir: Artifact folder of the indexes.
      examples_dir: Artifact folder of the raw interactions.
      items_dir: Artifact folder of the raw items.
      users_file: Parquet file of the canonical users; with `histories_file` the users' profiles.
      histories_file: Parquet file of what each user engaged with, from
        :func:`pipeline.history.user_histories`.
      settings: Names and sizes.
      output_dir: Where the bundle is written.
      added: Items that come after those that were trained; the index is over all.
      refresh: What the manifest says of them.

    Raises:
      BundleError: An index was built from the embeddings of another retrieval model.
    """
    folders = {
        "retrieval": retrieval_dir,
        "collaborative": collaborative_dir,
        "ranking": ranking_dir,
        "fusion": fusion_dir,
    }
    indexes = Path(index_dir, INDEX_DIR)
    with tempfile.TemporaryDirectory() as work_dir:
        models = _load(folders, indexes, settings, added, Path(work_dir))
        profiles = UserProfiles(
            pq.read_table(histories_file),
            pq.read_table(users_file),
            settings.feature_set,
            models.retrieval.corpus.item_ids,
            Path(work_dir),
        )
        categories = _categories(items_dir, settings, added)
        names: dict[str, tuple[str, ...]] = {}
        for variant in models.indexes:
            signatures = _signatures(models, variant, profiles, categories, settings)
            _save(signatures, variant, models.retrieval.corpus, settings, Path(output_dir))
            names |= {name: tuple(sorted(functions)) for name, (_, functions) in signatures.items()}
    items = _some_items(models.retrieval.corpus)
    tasks = [task.name for task in settings.tasks]
    write_readme(Path(output_dir), settings.name, tasks, tuple(models.indexes), items)
    folders["index"] = str(indexes)
    parts = {name: combined_digest(folder_digests(Path(folder))) for name, folder in folders.items()}
    times = _times(examples_dir, settings)
    manifest = _manifest(models, times, settings, names, parts, Path(output_dir))
    manifest.model_copy(update={"refresh": refresh}).write(Path(output_dir))


def _load(
    folders: dict[str, str],
    indexes_dir: Path,
    settings: BundleSettings,
    added: AddedItems | None,
    work_dir: Path,
) -> _Models:
    """Loads the parts; ScaNN's ops are registered first, in case an index holds some."""
    import scann  # noqa: F401

    loaded = {name: tf.saved_model.load(folder) for name, folder in folders.items()}
    if added is not None:
        loaded |= extended_models(loaded, added, work_dir)
    corpus, indexes = loaded["retrieval"].corpus, {}
    for variant in VARIANTS:
        folder = indexes_dir / variant
        if variant != EXACT and not folder.is_dir():
            continue
        index = tf.saved_model.load(str(folder))
        towers = towers_of(corpus, index)
        check_towers(towers, "cannot make a bundle")
        index.is_exact = bool(index.is_exact.numpy())
        indexes[variant] = index
    chosen = chosen_kind(settings.index, int(corpus.item_ids.shape[0]))
    return _Models(**loaded, indexes=indexes, index=chosen if chosen in indexes else EXACT, towers=towers)


def _save(
    signatures: dict[str, Signatures], variant: Variant, corpus: Any, settings: BundleSettings, output: Path
) -> None:
    """Saves the models of a variant, each with the requests that warm it up."""
    options = save_options(variant == EXACT)
    for name, (module, functions) in signatures.items():
        folder = model_dir(output, variant, name)
        tf.saved_model.save(module, str(folder), signatures=functions, options=options)
        write_warm_up(folder, name, list(_some_items(corpus)), settings.batch_sizes)


def _some_items(corpus: Any) -> dict[str, str]:
    """A few ids of the corpus and their titles."""
    columns = (values[:_SOME].numpy() for values in (corpus.item_ids, corpus.titles))
    return {item_id.decode(): title.decode() for item_id, title in zip(*columns, strict=True)}


def _categories(items_dir: str, settings: BundleSettings, added: AddedItems | None) -> pa.Table:
    """The categories that the items have."""
    names = (ITEM_ID, *settings.layout.item_categories)
    items = read_items(items_dir, settings.feature_set, names)
    if added is not None:
        items = pa.concat_tables([items, added.table.select(items.column_names).cast(items.schema)])
    return items


def _signatures(
    models: _Models,
    variant: Variant,
    profiles: UserProfiles,
    categories: pa.Table,
    settings: BundleSettings,
) -> dict[str, Signatures]:
    """The models that a variant has for itself, with what shows that their towers and index match."""
    retrieval, index, corpus = models.retrieval, models.indexes[variant], models.retrieval.corpus
    features, item_ids = settings.feature_set, corpus.item_ids.numpy()
    category_filter = CategoryFilter(categories, item_ids)
    contributions = EventContributions(retrieval.queries, features)
    reasons = Reasons(corpus, contributions, SharedCategories(categories, item_ids))
    generator = CandidateGenerator(
        retrieval,
        index,
        models.collaborative,
        settings.index.retrieved,
        settings.index.from_others,
        category_filter,
    )
    recommender = Recommender(corpus, generator, models.ranking, models.fusion, profiles, reasons)
    signatures = {
        RETRIEVAL: retrieval_signatures(retrieval, index, category_filter, reasons, features),
        RECOMMENDER: recommender_signatures(recommender, features),
    }
    for name in (RETRIEVAL, RECOMMENDER):
        served = signatures[name][0]
        served.corpus, served.index = corpus, index
    if variant == EXACT:
        signatures[RANKING] = ranking_signatures(retrieval, models.ranking, settings.feature_set)
    return signatures


def _times(examples_dir: str, settings: BundleSettings) -> np.ndarray:
    """The seconds of all examples."""
    parts = [
        read_interactions(examples_dir, settings.feature_set, split, (TIMESTAMP,))[TIMESTAMP].to_numpy()
        for split in SPLITS
    ]
    return np.concatenate(parts)


def _manifest(
    models: _Models,
    times: np.ndarray,
    settings: BundleSettings,
    signatures: dict[str, tuple[str, ...]],
    parts: dict[str, str],
    folder: Path,
) -> Manifest:
    """The manifest of a bundle whose files are all written."""
    files = {name: file_digest(folder / name) for name in bundle_files(folder)}
    return Manifest(
        name=settings.name,
        digest=combined_digest(files),
        versions=stack_versions(),
        data_span=DataSpan(first=int(times.min()), last=int(times.max())),
        interactions=len(times),
        num_items=int(models.retrieval.corpus.item_ids.shape[0]),
        embedding_dim=int(models.retrieval.corpus.embeddings.shape[1]),
        variants=tuple(models.indexes),
        index=models.index,
        towers=models.towers,
        tasks={task.name: task.kind for task in settings.tasks},
        signatures=signatures,
        pseudonym_key=settings.pseudonym_key,
        parts={**parts, **folder_parts(folder, files)},
        ops={
            variant: {name: _ops(model_dir(folder, variant, name)) for name in signatures}
            for variant in models.indexes
        },
        files=files,
    )


def _ops(model: Path) -> dict[str, tuple[str, ...]]:
    """The ops of a SavedModel, by library."""
    return ops_by_library(op_names(read_saved_model(model)))
