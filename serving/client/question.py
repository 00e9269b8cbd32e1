"""Questions that the signatures of a bundle answer, before a client asks them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np

from schemas.features import TIMESTAMP, USER_ID
from serving.client.call import Answer, Arrays, Outputs
from serving.client.controls import Controls
from serving.client.history import History, history_inputs
from serving.client.recommendation import Recommendations, read_lists
from serving.client.rows import string_rows
from serving.client.user_history import UserHistory, read_histories

RETRIEVAL = "retrieval"
RANKING = "ranking"
RECOMMENDER = "recommender"

Lists = tuple[Recommendations, ...]
Scores = tuple[dict[str, dict[str, float]], ...]


@dataclass(frozen=True)
class Question(Generic[Answer]):
    """A question.

    Attributes:
      model: That answers it.
      signature: Of the model.
      inputs: By name, with as many rows as answers are wanted.
      read: Makes answers of the outputs.
    """

    model: str
    signature: str
    inputs: Arrays
    read: Callable[[Outputs], Answer]


def lists_for_users(
    user_ids: Sequence[str],
    timestamp: int,
    controls: Controls,
    recent: Sequence[History] | None = None,
) -> Question[Lists]:
    """Lists for users whom the bundle may know; `recent` is what each of them did since it was made."""
    rows = len(user_ids)
    inputs = {USER_ID: np.array(user_ids, np.object_), TIMESTAMP: np.full(rows, timestamp, np.int64)}
    inputs |= controls.inputs(rows)
    if recent is None:
        return Question(RECOMMENDER, "for_users", inputs, read_lists)
    if len(recent) != rows:
        raise ValueError(f"{rows} users have {len(recent)} histories of what they did recently")
    return Question(RECOMMENDER, "for_sessions", inputs | history_inputs(recent), read_lists)


def lists_for_histories(
    histories: Sequence[History], timestamp: int, controls: Controls, model: str
) -> Question[Lists]:
    """Lists for people of whom only the histories are known."""
    inputs = history_inputs(histories) | {TIMESTAMP: np.full(len(histories), timestamp, np.int64)}
    return Question(model, "for_histories", inputs | controls.inputs(len(histories)), read_lists)


def lists_like_items(item_ids: Sequence[str], controls: Controls) -> Question[Lists]:
    """Items that are like others."""
    inputs = {"item_ids": np.array(item_ids, np.object_)}
    return Question(RETRIEVAL, "similar_items", inputs | controls.inputs(len(item_ids)), read_lists)


def lists_for_texts(texts: Sequence[str], controls: Controls) -> Question[Lists]:
    """Items that texts speak of."""
    inputs = {"text": np.array(texts, np.object_)}
    return Question(RETRIEVAL, "search_text", inputs | controls.inputs(len(texts)), read_lists)


def histories_of_users(user_ids: Sequence[str], length: int) -> Question[tuple[UserHistory, ...]]:
    """What users did last, at most `length` items of each."""
    inputs = {USER_ID: np.array(user_ids, np.object_), "length": np.full(len(user_ids), length, np.int32)}
    return Question(RECOMMENDER, "user_history", inputs, read_histories)


def scores_for_histories(
    histories: Sequence[History], item_ids: Sequence[Sequence[str]], timestamp: int
) -> Question[Scores]:
    """What each task of the ranking model makes of items, by item and task."""
    inputs = history_inputs(histories) | {TIMESTAMP: np.full(len(histories), timestamp, np.int64)}

    def read(outputs: Outputs) -> Scores:
        return tuple(
            {
                item_id: {name: float(values[row, place]) for name, values in outputs.items()}
                for place, item_id in enumerate(ids)
            }
            for row, ids in enumerate(item_ids)
        )

    return Question(RANKING, "score_for_histories", inputs | {"item_ids": string_rows(item_ids)}, read)
