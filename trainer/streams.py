"""Where a training step finds the transformed data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import tensorflow as tf
import tensorflow_transform as tft


@dataclass(frozen=True)
class TransformedStream:
    """A transformed example stream.

    Attributes:
      examples: Folder of transformed examples, one sub-folder a split.
      graph: Folder of the Transform graph.
    """

    examples: str
    graph: str

    def files(self, split: str) -> list[str]:
        """The files of a split, in order."""
        return sorted(tf.io.gfile.glob(f"{self.examples}/Split-{split}/*.gz"))

    @cached_property
    def transform_output(self) -> tft.TFTransformOutput:
        """The Transform graph, with its vocabularies and feature specs."""
        return tft.TFTransformOutput(self.graph)

    def vocabulary_file(self, name: str) -> str:
        """The file of a vocabulary, one word a line.

        Raises:
          ValueError: The graph has no such vocabulary.
        """
        path = self.transform_output.vocabulary_file_by_name(name)
        if path is None:
            raise ValueError(f"the Transform graph in {self.graph} has no vocabulary '{name}'")
        return path
