"""Transform's own Beam implementation, run on a few rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils

from pipeline.preprocessing import TransformSettings, preprocess_interactions, preprocess_items
from schemas.derive import derive_schema
from schemas.features import Stream
from trainer.request import parsing_spec

Rows = Sequence[dict[str, Any]]

_PREPROCESSING = {Stream.INTERACTIONS: preprocess_interactions, Stream.ITEMS: preprocess_items}


@dataclass(frozen=True)
class SmallTransform:
    """A Transform graph and what it was made from.

    Attributes:
      output: As TFX hands it on.
      settings: What the graph depends on.
      stream: Whose graph it is.
    """

    output: tft.TFTransformOutput
    settings: TransformSettings
    stream: Stream

    def __call__(self, rows: Rows, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """Applies the graph as a server does.

        Args:
          rows: Raw features; one that a row does not have is absent.
          names: The features that are parsed; by default all of the stream.
        """
        features = self.settings.feature_set.of(self.stream)
        spec = parsing_spec(tuple(f for f in features if names is None or f.name in names))
        batch = {}
        for name, how in spec.items():
            if isinstance(how, tf.io.FixedLenFeature):
                batch[name] = tf.constant([row[name] for row in rows], how.dtype)
            else:
                values = [row.get(name, []) for row in rows]
                batch[name] = tf.ragged.constant(values, how.dtype, ragged_rank=1).to_sparse()
        layer = self.output.transform_features_layer()
        return {name: values.numpy() for name, values in layer(batch).items()}

    def requests(self, rows: Rows) -> dict[str, np.ndarray]:
        """Applies the graph to what a request may hold."""
        return self(rows, [f.name for f in self.settings.feature_set.request_features()])


def small_transform(rows: Rows, settings: TransformSettings, stream: Stream, folder: Path) -> SmallTransform:
    """Analyzes rows, by the schema that follows from the features, and writes the graph into a folder."""
    import apache_beam as beam

    schema = derive_schema(settings.feature_set, stream)
    metadata = dataset_metadata.DatasetMetadata(schema)
    columns = list(schema_utils.schema_as_feature_spec(schema).feature_spec)
    whole = [{name: row.get(name, []) for name in columns} for row in rows]
    with beam.Pipeline() as pipeline, tft_beam.Context(temp_dir=str(folder / "tmp")):
        data = pipeline | beam.Create(whole)
        (_, _), transform_fn = (data, metadata) | tft_beam.AnalyzeAndTransformDataset(
            lambda inputs: _PREPROCESSING[stream](inputs, settings.to_json())
        )
        transform_fn | tft_beam.WriteTransformFn(str(folder / "graph"))
    return SmallTransform(tft.TFTransformOutput(str(folder / "graph")), settings, stream)
