"""The best rows of a corpus by scores, ties drawn by lot."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

_MAX_KEYS = 1 << 22  # 32 MiB of keys, and the scores beside them


class BestRows:
    """Lists of the best rows; of equal scores nothing but a seeded lot decides.

    A corpus has an order, often by popularity or age, so that to take the lower of two equal rows would
    favour some items without a reason. Here all items have lottery tickets, 0 to N - 1 in random order,
    which are handed on around the corpus by a random number of places for each request: for a request they
    are all different, and over the requests each item is as lucky as any other. A score and a ticket make
    one integer, so that one partition finds the best, and its ticket says which row it is.

    Attributes:
      k: Length of the lists.
    """

    def __init__(self, num_items: int, num_requests: int, k: int, seed: int):
        """Draws the lots.

        Args:
          num_items: Size of the corpus, N.
          num_requests: How many requests there will be.
          k: Length of the lists.
          seed: Of the lots.
        """
        self.k = k
        rng = np.random.default_rng(seed)
        tickets = rng.permutation(num_items).astype(np.int64)
        self._row_of_ticket = np.argsort(tickets)
        self._tickets = np.concatenate([tickets, tickets])
        self._turns = rng.integers(0, max(num_items, 1), num_requests)

    def __call__(self, scores: np.ndarray, places: np.ndarray, seen: sp.csr_matrix) -> np.ndarray:
        """Lists the best rows of some requests.

        Args:
          scores: [B, N], the higher the better, as float32; no NaN.
          places: [B] the requests' places among all.
          seen: [B, N]; what it holds is left out.

        Returns:
          [B, k] int64 rows, best first; -1 for no more.
        """
        step = max(_MAX_KEYS // max(scores.shape[1], 1), 1)
        parts = [
            self._best(scores[start : start + step], places[start : start + step], seen[start : start + step])
            for start in range(0, len(places), step)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, self.k), np.int64)

    def _best(self, scores: np.ndarray, places: np.ndarray, seen: sp.csr_matrix) -> np.ndarray:
        num_items = scores.shape[1]
        turns = self._turns[places]
        keys = _in_order(scores)
        keys <<= 32
        for key, turn in zip(keys, turns, strict=True):  # a view of the tickets each, not a copy
            key |= self._tickets[turn : turn + num_items]
        left_out = np.iinfo(np.int64).min
        keys[np.repeat(np.arange(len(keys)), np.diff(seen.indptr)), seen.indices] = left_out
        k = min(self.k, num_items)
        keys.partition(num_items - k, axis=1)
        best = np.sort(keys[:, num_items - k :], axis=1)[:, ::-1]
        rows = (self._row_of_ticket[best & 0xFFFFFFFF] - turns[:, np.newaxis]) % num_items
        # What was left out has lost its ticket, and with it its row.
        rows = np.where(best == left_out, -1, rows)
        return np.pad(rows, ((0, 0), (0, self.k - k)), constant_values=-1)


def _in_order(scores: np.ndarray) -> np.ndarray:
    """int64 of which the lower halves, as int32, are in the order of float32 scores."""
    bits = (np.asarray(scores, np.float32) + np.float32(0)).view(np.int32)  # the sum makes one zero of both
    # Of a negative number a larger magnitude is less: all bits but the sign are turned around.
    turned = bits >> 31
    turned &= np.int32(0x7FFFFFFF)
    bits ^= turned
    return bits.astype(np.int64)
