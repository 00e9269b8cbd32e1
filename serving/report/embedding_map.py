"""Section: the items' embeddings on a plane."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.features import ITEM_ID, TITLE
from serving.layout import EXACT, RETRIEVAL, model_dir
from serving.report.blocks import Figure, MissingError, Section, Text
from serving.report.plot import COLOURS, Plot
from serving.report.run_files import RunFiles

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_MAX_POINTS = 600
_OTHERS, _NONE = "others", "(none)"


def embedding_section(run: RunFiles) -> Section:
    """A sample of the corpus, near one another what the retrieval model takes for alike.

    Raises:
      MissingError: There is no bundle, or its corpus is too small for a map.
    """
    ids, embeddings = _sample(run)
    items = _items(run, ids)
    attribute = next(iter(run.summary["layout"]["item_categories"]), None)
    values = [_NONE] * len(ids) if attribute is None else _first_values(items, attribute)
    points = flattened(embeddings, run.seed)
    colours = "" if attribute is None else f", coloured by {attribute}"
    label = f"Map of the embeddings of {len(ids):,} items{colours}"
    with Plot("embedding-map", label, height=5.0) as plot:
        _draw(plot, points, _common(values), items[TITLE].to_pylist())
        svg = plot.svg()
    how = "t-SNE (van der Maaten and Hinton, 2008), seeded; only what is near means anything."
    caption = f"{len(ids):,} items{colours}; point at one for its title"
    return Section("map", "Map of the items", (Text(f"Made by {how}"), Figure(svg, caption)))


def flattened(embeddings: np.ndarray, seed: int) -> np.ndarray:
    """[N, 2] places of [N, dim] embeddings, by t-SNE from their principal components."""
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(embeddings) - 1) / 3)
    return TSNE(init="pca", perplexity=perplexity, random_state=seed).fit_transform(embeddings)


def _sample(run: RunFiles) -> tuple[list[str], np.ndarray]:
    """Ids and embeddings of items, drawn by the run's seed."""
    import numpy as np

    corpus = _load(model_dir(run.bundle, EXACT, RETRIEVAL)).retrieval.corpus
    ids = corpus.item_ids.numpy()
    if len(ids) < 3:
        raise MissingError(f"There are {len(ids)} items, too few for a map.")
    drawn = np.sort(np.random.default_rng(run.seed).permutation(len(ids))[:_MAX_POINTS])
    return [item.decode() for item in ids[drawn]], corpus.embeddings.numpy()[drawn]


def _load(folder: Path) -> Any:
    """A SavedModel; the ops that it may hold are registered first."""
    import scann  # noqa: F401
    import tensorflow as tf
    import tensorflow_text  # noqa: F401

    return tf.saved_model.load(str(folder))


def _items(run: RunFiles, ids: list[str]) -> pa.Table:
    """The canonical rows of items, in the order of the ids."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    parts = [pq.read_table(path) for path in sorted(run.data_dir.glob("items/corpus/*.parquet"))]
    table = pa.concat_tables(parts)
    return table.take(pc.index_in(pa.array(ids), table[ITEM_ID].combine_chunks()))


def _first_values(items: pa.Table, attribute: str) -> list[str]:
    """The first value of each item's attribute."""
    values = items[attribute].to_pylist()
    firsts = (value[0] if isinstance(value, list) and value else value for value in values)
    return [str(value) if value else _NONE for value in firsts]


def _common(values: list[str]) -> list[str]:
    """With one name for all values for which there is no colour."""
    frequent = {value for value, _ in Counter(values).most_common(len(COLOURS) - 1)}
    return [value if value in frequent else _OTHERS for value in values]


def _draw(plot: Plot, points: np.ndarray, values: list[str], titles: list[str | None]) -> None:
    """A scatter for each value, the frequent first."""
    import numpy as np

    (axes,) = plot.axes
    of_item = np.array(values)
    for value, _ in Counter(values).most_common():
        rows = np.flatnonzero(of_item == value)
        name = value if value.strip() and not value.startswith("_") else f" {value}"
        x, y = points[rows].T
        drawn = axes.scatter(x, y, s=16, alpha=0.8, label=name.replace("$", r"\$"))
        plot.explain(drawn, [f"{titles[row] or _NONE} ({value})" for row in rows])
    axes.set_xticks([])
    axes.set_yticks([])
    if len(set(values)) > 1:
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
