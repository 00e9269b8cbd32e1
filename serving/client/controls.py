"""What a caller may ask of a list."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from pipeline.config.base import Frozen
from serving.client.rows import string_rows

_MAX_INT32 = 2**31 - 1


class Controls(Frozen):
    """Controls of a list, with the defaults of the signatures.

    Attributes:
      k: How many items.
      exclude: Ids of items that are not to be in it.
      filter_seen: Whether items of the history are left out, where there is one.
      allow: `feature=value`, such as `item_genre=Comedy`. Of one feature any value will do; of several, each
        must fit.
      deny: `feature=value`; stronger than `allow`.
      diversity: 0 for relevance alone, up to 1 for items that are unlike each other.
      exploration: Temperature of noise on the scores; 0 for none.
      seed: Of the noise.
      explain: Whether reasons are wanted, of lists that have some.
    """

    k: int = Field(default=10, ge=1, le=_MAX_INT32)
    exclude: tuple[str, ...] = ()
    filter_seen: bool = True
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    diversity: float = Field(default=0.0, ge=0, le=1)
    exploration: float = Field(default=0.0, ge=0)
    seed: int = Field(default=0, ge=-(2**63), lt=2**63)
    explain: bool = True

    def inputs(self, num_rows: int) -> dict[str, npt.NDArray[Any]]:
        """Inputs of a signature, all of them: REST knows no defaults.

        Args:
          num_rows: That the call asks for; each gets the same controls, since a server that joins calls
            wants all inputs to have as many rows.

        Returns:
          By name, `[num_rows]` or, of lists, `[num_rows, N]`.
        """
        lists = {
            "exclude_item_ids": self.exclude,
            "allow_categories": self.allow,
            "deny_categories": self.deny,
        }
        return {
            "k": np.full(num_rows, self.k, np.int32),
            "filter_seen": np.full(num_rows, self.filter_seen),
            "diversity": np.full(num_rows, self.diversity, np.float32),
            "exploration": np.full(num_rows, self.exploration, np.float32),
            "seed": np.full(num_rows, self.seed, np.int64),
            "explain": np.full(num_rows, self.explain),
            **{name: string_rows([values] * num_rows) for name, values in lists.items()},
        }
