"""The requests that all recommenders are asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from pipeline.distinct import distinct_texts
from pipeline.errors import InputError
from schemas.features import USER_ID
from serving.judged_interactions import JudgedInteractions


@dataclass(frozen=True)
class RequestBlock:
    """Some requests at a time.

    Attributes:
      places: [B] their places among all.
      seen: [B, N] bool: what each one's user had engaged with before.
      examples: [B] serialized `tf.Example`s; empty if nobody needs them.
    """

    places: np.ndarray
    seen: sp.csr_matrix
    examples: np.ndarray


class ListRequests:
    """A seeded sample of the interactions by which lists can be judged: engaged with, and new to the user.

    Attributes:
      data: The interactions.
      queries: [R] numbers of the sampled ones, in rising order.
      targets: [R] corpus rows of the items that were gone for.
      users: [R] int32, whose requests they are: numbers from 0, no ids.
    """

    def __init__(self, data: JudgedInteractions, max_requests: int, seed: int):
        """Draws the sample.

        Args:
          data: The interactions.
          max_requests: Requests at most.
          seed: Of the draw.

        Raises:
          InputError: In the whole split nobody did anything new.
        """
        judged = np.flatnonzero(data.is_new & data.is_engaged)
        if len(judged) == 0:
            raise InputError(
                f"in the test split ({len(data):,} interactions) nobody did anything with an item that was "
                "new to them, so that there is nothing to judge recommendations by; use more data, or a "
                "larger test share in 'split'"
            )
        self.data = data
        self.queries = np.sort(np.random.default_rng(seed).permutation(judged)[:max_requests])
        self.targets = data.targets[self.queries]
        codes = distinct_texts(data.table[USER_ID])[1][self.queries]
        self.users = np.unique(codes, return_inverse=True)[1].astype(np.int32)

    def __len__(self) -> int:
        return len(self.queries)

    def blocks(self) -> Iterator[RequestBlock]:
        """The requests in order; scores of a block for the whole corpus fit memory."""
        start = 0
        for block in self.data.blocks(self.queries):
            places = np.arange(start, start + len(block))
            yield RequestBlock(places, self.data.seen(block), self.data.requests(block))
            start += len(block)
