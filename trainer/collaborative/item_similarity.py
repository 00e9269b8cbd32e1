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
    users = interactions.binary.astype(np.float64)
    columns, counts = users.tocsc(), np.bincount(users.indices, minlength=interactions.num_items)
    centred = None
    if config.similarity == "pearson" and interactions.values is not None:
        centred = _less_user_means(interactions.values)
    size = max(_BLOCK_CELLS // interactions.num_items, 1)
    blocks = []
    for start in range(0, interactions.num_items, size):
        items = slice(start, start + size)
        common = (columns[:, items].T @ users).tocoo()
        if config.similarity == "cosine":
            alike = common.data / np.sqrt(counts[items][common.row] * counts[common.col])
        elif centred is None:
            alike = _phi(common.data, counts[items][common.row], counts[common.col], users.shape[0])
        else:
            alike = _correlation(centred, users, items)[common.row, common.col]
        alike *= common.data / (common.data + config.shrinkage)
        block = sp.csr_matrix((alike, (common.row, common.col)), shape=common.shape).toarray()
        np.fill_diagonal(block[:, items], 0.0)  # no item is a neighbour of itself
        blocks.append(_largest_of_rows(block, config.neighbours))
    return sp.vstack(blocks, format="csr").astype(np.float32)


def _phi(common: np.ndarray, left: np.ndarray, right: np.ndarray, num_users: int) -> np.ndarray:
    """Pearson's correlation of zeros and ones, pair by pair; 0 if everybody has one of the two."""
    spread = np.sqrt(left * (num_users - left)) * np.sqrt(right * (num_users - right))
    return _ratio(num_users * common - left * right, spread)


def _correlation(centred: sp.csr_matrix, users: sp.csr_matrix, items: slice) -> np.ndarray:
    """[I, N] of centred values, some items with all; each one's spread is over the common users alone."""
    squares = centred.multiply(centred).tocsr()
    spread = (squares[:, items].T @ users).toarray() * (users[:, items].T @ squares).toarray()
    return _ratio((centred[:, items].T @ centred).toarray(), np.sqrt(spread))


def _less_user_means(values: sp.csr_matrix) -> sp.csr_matrix:
    """Values less the mean of each user's; the pattern stays."""
    lengths = np.diff(values.indptr)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    means = np.bincount(rows, weights=values.data, minlength=len(lengths)) / np.maximum(lengths, 1)
    return sp.csr_matrix((values.data - means[rows], values.indices, values.indptr), shape=values.shape)


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
    return _nearest_others(model.similarity.tocoo(), neighbours).astype(np.float32)


def _nearest_others(pairs: sp.coo_matrix, neighbours: int) -> sp.csr_matrix:
    """The nearest of each row, itself left out; among equals the first."""
    others = (pairs.row != pairs.col) & (pairs.data > 0)
    rows, columns, values = pairs.row[others], pairs.col[others], pairs.data[others]
    order = np.lexsort((columns, -values, rows))
    rows, columns, values = rows[order], columns[order], values[order]
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)  # within its row
    kept = place < neighbours
    return sp.csr_matrix((values[kept], (rows[kept], columns[kept])), shape=pairs.shape)


def _largest_of_rows(matrix: np.ndarray, kept: int) -> sp.csr_matrix:
    """The largest positive numbers of each row, at most `kept`; among equals any."""
    kept = min(kept, matrix.shape[1])
    columns = np.argpartition(-matrix, kept - 1, axis=1)[:, :kept]
    largest = np.take_along_axis(matrix, columns, axis=1)
    rows, places = np.nonzero(largest > 0)
    return sp.csr_matrix((largest[rows, places], (rows, columns[rows, places])), shape=matrix.shape)
