"""Confidence bounds of means over requests, by drawing users anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_MAX_WEIGHTS = 1 << 20  # of a block of users: 8 MiB


@dataclass(frozen=True)
class BoundedMeans:
    """Means and their 95% bounds.

    Attributes:
      values: [S, M], of S slices and M columns; NaN where there is nothing to take a mean of.
      low: [S, M]; NaN where there are no bounds.
      high: [S, M] likewise.
    """

    values: np.ndarray
    low: np.ndarray
    high: np.ndarray


def bounded_means(
    values: np.ndarray, users: np.ndarray, slices: Sequence[np.ndarray], samples: int, seed: int
) -> BoundedMeans:
    """Means over the requests of slices, with bounds by the bootstrap (Efron 1979).

    Requests of a user are alike, so that users are drawn, not requests (a cluster bootstrap; Field and Welsh
    2007). How often one is drawn is a Poisson variable of mean 1, independent of the others, which for many
    users comes to the same as drawing with replacement (Chamandy et al. 2012), and lets users come block by
    block. A user has the same weight for all slices and columns. The bounds are the 2.5th and the 97.5th
    percentile of the weighted means; for few users they are somewhat narrow, and of one alone there are none.

    Memory: the weights of a block of users, and S * B * 2M sums.

    Args:
      values: [R, M] of each request; NaN is left out.
      users: [R] integers, whose requests they are.
      slices: [S] lists of numbers of requests, each at most once in a list.
      samples: How many times the users are drawn, B.
      seed: Of the draws.
    """
    users = np.unique(users, return_inverse=True)[1].astype(np.int64)
    num_users = int(users.max()) + 1 if len(users) else 0
    present = ~np.isnan(values)
    columns = np.hstack([np.where(present, values, 0.0), present])  # sums and counts
    by_user = [np.asarray(rows)[np.argsort(users[rows], kind="stable")] for rows in slices]
    totals = np.zeros((len(slices), samples, columns.shape[1]))
    size = max(_MAX_WEIGHTS // samples, 1)
    rng = np.random.default_rng(seed)
    for start in range(0, num_users, size):
        weights = rng.poisson(1.0, (samples, min(size, num_users - start))).astype(np.float64)
        for total, rows in zip(totals, by_user, strict=True):
            begin, end = np.searchsorted(users[rows], [start, start + size])
            near = rows[begin:end]
            if len(near):
                drawn, first = np.unique(users[near], return_index=True)
                total += weights[:, drawn - start] @ np.add.reduceat(columns[near], first, axis=0)
    return _bounded(values, present, users, slices, totals)


def _bounded(
    values: np.ndarray,
    present: np.ndarray,
    users: np.ndarray,
    slices: Sequence[np.ndarray],
    totals: np.ndarray,
) -> BoundedMeans:
    """The percentiles of the drawn means, slice by slice."""
    num_columns = values.shape[1]
    means, low, high = (np.full((len(slices), num_columns), np.nan) for _ in range(3))
    for place, rows in enumerate(slices):
        counts = present[rows].sum(axis=0)
        sums = np.where(present[rows], values[rows], 0.0).sum(axis=0)
        np.divide(sums, counts, out=means[place], where=counts > 0)
        for column in range(num_columns):
            # A draw that holds nobody says nothing.
            drawn = totals[place, :, num_columns + column] > 0
            counted = present[rows, column]
            if len(np.unique(users[rows][counted])) > 1 and drawn.any():
                ratios = totals[place, drawn, column] / totals[place, drawn, num_columns + column]
                low[place, column], high[place, column] = np.percentile(ratios, [2.5, 97.5])
    return BoundedMeans(means, low, high)
