"""How a ScaNN index is built and searched, by the size of the corpus."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

_DIMENSIONS_PER_BLOCK = 2
_ANISOTROPIC_THRESHOLD = 0.2  # for maximum inner product search (Guo et al. 2020)
_TRAINING_SAMPLE = 250_000  # candidates from which partitions and codes are learnt
_LEAVES_PER_ROOT = 2
_SEARCHED_LEAVES = 0.15
_MIN_LEAVES = 40
_MIN_RESCORED = 100
_RESCORED_PER_ROOT = 0.8
_RESCORED_PER_RESULT = 4
_CANDIDATES_PER_RESULT = 4  # in the leaves that are searched, on average


@dataclass(frozen=True)
class ScannParameters:
    """What an index is built and searched with; docs/decisions/0012-index-parameters.md has the measurements.

    Attributes:
      num_items: Size of the corpus.
      num_leaves: Partitions; `None` if there are none.
    """

    num_items: int
    num_leaves: int | None

    @classmethod
    def for_corpus(cls, num_items: int, partitioned: bool) -> ScannParameters:
        """Partitions twice the square root of the corpus' size, or none.

        The codes say what sets a candidate apart from its partition's centre: the more partitions, the finer.
        """
        return cls(num_items, round(_LEAVES_PER_ROOT * num_items**0.5) if partitioned else None)

    def configure(self, builder: Any) -> Any:
        """Sets up a builder of `scann_ops` or of `scann_ops_pybind`.

        Args:
          builder: Over [num_items, dim] candidates, for inner products.

        Returns:
          The builder; it has not built yet.
        """
        if self.num_leaves is not None:
            # Each search says how many leaves it wants.
            builder = builder.tree(
                self.num_leaves, num_leaves_to_search=1, training_sample_size=_TRAINING_SAMPLE
            )
        return builder.score_ah(
            _DIMENSIONS_PER_BLOCK, anisotropic_quantization_threshold=_ANISOTROPIC_THRESHOLD
        ).reorder(self.min_rescored)

    @property
    def min_rescored(self) -> int:
        """Candidates that are scored exactly, however few results are wanted.

        Codes tell the best from the next best less well, the more of both there are: .8 of the root of
        the corpus' size, and 100 at least.
        """
        return max(round(_RESCORED_PER_ROOT * self.num_items**0.5), _MIN_RESCORED)

    @property
    def rescored_per_result(self) -> int:
        """Candidates that are scored exactly for each result, if many are wanted."""
        return _RESCORED_PER_RESULT

    @property
    def min_leaves(self) -> int:
        """Partitions that are searched, however few results are wanted: 15 % of them, but not under 40."""
        num_leaves = self.num_leaves or 0
        return min(max(math.ceil(num_leaves * _SEARCHED_LEAVES), _MIN_LEAVES), num_leaves)

    @property
    def leaves_per_result(self) -> float:
        """Partitions that hold a few candidates for each result; none without partitions."""
        return _CANDIDATES_PER_RESULT * (self.num_leaves or 0) / self.num_items
