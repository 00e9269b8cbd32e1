"""Asks recommenders for their lists."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from serving.list_evaluation.requests import RequestBlock

LIST_LENGTH = 20
_LOGGER = logging.getLogger(__name__)

# [B, LIST_LENGTH] corpus rows for a block, best first, what was seen left out. A place is -1 where there is
# no more, or an item that the corpus does not hold.
Lister = Callable[[RequestBlock], np.ndarray]


class CannotAnswerError(Exception):
    """A recommender does not take the requests; it is left out of the evaluation."""


def collect_lists(listers: Mapping[str, Lister], blocks: Iterable[RequestBlock]) -> dict[str, np.ndarray]:
    """Asks all recommenders the same requests, block by block.

    Args:
      listers: By name. One that raises :class:`CannotAnswerError` is asked no more, which is logged.
      blocks: The requests.

    Returns:
      [R, LIST_LENGTH] int64 lists of each recommender that answered everything.
    """
    parts: dict[str, list[np.ndarray]] = {name: [] for name in listers}
    for block in blocks:
        for name in list(parts):
            try:
                parts[name].append(listers[name](block))
            except CannotAnswerError as error:
                _LOGGER.warning("%s is left out of the evaluation: %s", name, error)
                del parts[name]
    return {name: np.concatenate(lists) for name, lists in parts.items()}
