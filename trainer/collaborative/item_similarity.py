"""How alike two items are, by who engaged with them."""

from __future__ import annotations

import warnings

import numpy as np
import scipy.sparse as sp

from pipeline.config.collaborative import ItemKnnConfig
from trainer.collaborative.interaction_matrix import InteractionMatrix

_BLOCK_CELLS = 1 << 24  # of a block of items with the whole corpus: 128 MiB as float64


def item_similarity(interactions: InteractionMatrix, config: ItemKnnConfig) -> sp.csr_matrix:
    """Each item's nearest neighbours.

    Pearson's correlation is that of the common users' values, each less the mean of all that its user
    gave (the adjusted cosine of Sarwar et al. 2001); without values, that of who engaged with the items
    and who did not. Shrinkage is after Bell and Koren (2007).

    Args:
      interactions: Who engaged with what.
      config: Which similarity, how much shrinkage, how many neighbours.

    Returns:
      [N, N] float32, at most `neighbours` positive numbers a row, none on the diagonal; of equally near
      items any are kept.
    """
    if config.similarity == "cosine" and config.shrinkage == 0:
        return _nearest_by_cosine(interactions.binary, config.neighbours)
    num_items = interactions.num_items
    size = max(_BLOCK_CELLS // num_items, 1)
    blocks = []
    for start in range(0, num_items, size):
        items = np.arange(start, min(start + size, num_items))
        similarity = _similarity_of_block(interactions, config, items)
        similarity[np.arange(len(items)), items] = 0.0
        blocks.append(largest_of_rows(similarity, config.neighbours))
    return sp.vstack(blocks, format="csr").astype(np.float32)


def largest_of_rows(matrix: np.ndarray, kept: int) -> sp.csr_matrix:
    """The largest positive numbers of each row, at most `kept`, as a sparse matrix; among equals any."""
    kept = min(kept, matrix.shape[1])
    columns = np.argpartition(-matrix, kept - 1, axis=1)[:, :kept]
    largest = np.take_along_axis(matrix, columns, axis=1)
    rows, places = np.nonzero(largest > 0)
    values = largest[rows, places]
    return sp.csr_matrix((values, (rows, columns[rows, places])), shape=matrix.shape)


def _similarity_of_block(
    interactions: InteractionMatrix, config: ItemKnnConfig, items: np.ndarray
) -> np.ndarray:
    """[I, N] float64: similarities of some items to all."""
    users = interactions.binary.astype(np.float64)
    counts = np.bincount(users.indices, minlength=interactions.num_items).astype(np.float64)
    common = _product(users[:, items], users)
    if config.similarity == "cosine":
        similarity = _ratio(common, np.sqrt(np.outer(counts[items], counts)))
    elif interactions.values is None:
        similarity = _phi(common, counts[items], counts, interactions.num_users)
    else:
        similarity = _correlation(_less_user_means(interactions.values), users, items)
    return similarity * _ratio(common, common + config.shrinkage)


def _phi(common: np.ndarray, some: np.ndarray, counts: np.ndarray, num_users: int) -> np.ndarray:
    """Pearson's correlation of zeros and ones."""
    covariance = num_users * common - np.outer(some, counts)
    return _ratio(covariance, np.sqrt(np.outer(some * (num_users - some), counts * (num_users - counts))))


def _correlation(centred: sp.csr_matrix, users: sp.csr_matrix, items: np.ndarray) -> np.ndarray:
    """Of centred values; the spread of either item is over the common users alone."""
    squares = centred.multiply(centred).tocsr()
    spread = _product(squares[:, items], users) * _product(users[:, items], squares)
    return _ratio(_product(centred[:, items], centred), np.sqrt(spread))


def _less_user_means(values: sp.csr_matrix) -> sp.csr_matrix:
    """Values less the mean of each user's; the pattern stays."""
    lengths = np.diff(values.indptr)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    means = np.bincount(rows, weights=values.data, minlength=len(lengths)) / np.maximum(lengths, 1)
    return sp.csr_matrix((values.data - means[rows], values.indices, values.indptr), shape=values.shape)


def _product(some: sp.csr_matrix, every: sp.csr_matrix) -> np.ndarray:
    """[I, N] dense: of some columns with all."""
    return (some.T @ every).toarray()


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """0 where there is nothing to divide by."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def _nearest_by_cosine(binary: sp.csr_matrix, neighbours: int) -> sp.csr_matrix:
    """Implicit's, which never holds more than it keeps."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # implicit's, about BLAS threads that it does not use here
        from implicit.nearest_neighbours import CosineRecommender

        model = CosineRecommender(K=neighbours + 1, num_threads=1)
        model.fit(binary.astype(np.float64), show_progress=False)
    return _nearest_others(model.similarity, neighbours).astype(np.float32)


def _nearest_others(similarity: sp.csr_matrix, neighbours: int) -> sp.csr_matrix:
    """The nearest of each row, itself left out; among equals any."""
    pairs = similarity.tocoo()
    others = (pairs.row != pairs.col) & (pairs.data > 0)
    rows, columns, values = pairs.row[others], pairs.col[others], pairs.data[others]
    order = np.lexsort((-values, rows))
    rows, columns, values = rows[order], columns[order], values[order]
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)  # within its row
    kept = place < neighbours
    return sp.csr_matrix((values[kept], (rows[kept], columns[kept])), shape=similarity.shape)
