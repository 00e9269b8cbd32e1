"""The list for everybody, for when the models do not answer."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from gateway.model_server import ModelServer, now
from pipeline.files import replaced
from serving.client import Controls, Recommendation, ServingCallError

logger = logging.getLogger(__name__)

_LENGTH = 200
_NOBODY = ""


class PopularList:
    """Items that suit many: what the models list for somebody of whom nothing is known.

    It is kept in a file as well, so that a gateway can start while no model server is there.
    """

    def __init__(self, file: Path):
        """Reads what an earlier gateway left.

        Args:
          file: JSON; it is written whenever the list is renewed.
        """
        self._file = file
        self._items: tuple[Recommendation, ...] = _read(file)

    async def renew(self, models: ModelServer, label: str | None) -> bool:
        """Asks for the list anew; the old one stays if there is no answer.

        Returns:
          Whether there was an answer.
        """
        try:
            answer = await models.for_user(_NOBODY, (), Controls(k=_LENGTH), label, now())
        except ServingCallError as error:
            logger.warning("the popular list stays as it is: %s", error)
            return False
        self._items = tuple(
            Recommendation(item_id=item.item_id, title=item.title, rank=item.rank, scores={})
            for item in answer.items
        )
        rows = [[item.item_id, item.title] for item in self._items]
        with replaced(self._file) as file:
            file.write(json.dumps(rows, ensure_ascii=False).encode())
        return True

    def best(self, k: int, without: frozenset[str]) -> tuple[Recommendation, ...]:
        """The first items but for some; ranks start at 1. Categories that a caller asks for are not known."""
        left = [item for item in self._items if item.item_id not in without][:k]
        return tuple(
            Recommendation(item_id=item.item_id, title=item.title, rank=rank, scores={})
            for rank, item in enumerate(left, 1)
        )


def _read(file: Path) -> tuple[Recommendation, ...]:
    """The list that a file holds; a file that is missing or damaged holds none."""
    try:
        rows = json.loads(file.read_bytes())
        return tuple(
            Recommendation(item_id=str(item_id), title=str(title), rank=rank, scores={})
            for rank, (item_id, title) in enumerate(rows, 1)
        )
    except FileNotFoundError:
        return ()
    except (ValueError, TypeError) as error:
        logger.warning("%s is damaged, and is made anew: %s", file, error)
        return ()
