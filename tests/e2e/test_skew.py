"""The exported graph makes of a raw request what Transform made of it for training."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline.splits import EVAL
from serving.layout import RETRIEVAL, SCANN, models_dir
from trainer.input_fn import interactions_dataset
from trainer.retrieval_module import query_inputs
from trainer.streams import TransformedStream

pytestmark = pytest.mark.slow


def _first(folder):
    """What the first run made, which version 1 is of."""
    return str(min(folder.iterdir(), key=lambda path: int(path.name)))


def test_raw_requests_and_training_features_give_the_same_embeddings(world):
    import scann  # noqa: F401  (the bundle's index is ScaNN's)

    examples = _first(world.artifacts / "interactions.ExampleGen/examples")
    raw_files = sorted(tf.io.gfile.glob(f"{examples}/Split-eval/*"))
    raw = np.concatenate(
        [list(tf.data.TFRecordDataset(f, compression_type="GZIP").as_numpy_iterator()) for f in raw_files]
    )
    served = tf.saved_model.load(str(models_dir(world.bundle, SCANN) / RETRIEVAL / "1"))
    from_requests = served.signatures["embed_queries"](examples=tf.constant(raw))["embeddings"].numpy()

    trained = tf.saved_model.load(_first(world.artifacts / "RetrievalTrainer/model"))
    stream = TransformedStream(
        _first(world.artifacts / "interactions.Materializer/transformed_examples"),
        _first(world.artifacts / "interactions.Transform/transform_graph"),
    )
    batches = interactions_dataset(
        stream.files(EVAL), stream.transform_output, trained.corpus.lookup_items, 1000
    )
    features = next(iter(batches))
    inputs = query_inputs(trained.queries, features)
    from_training = trained.queries.encode_queries(inputs).numpy()

    # Both sides hold the same interactions in the same order.
    assert len(from_requests) == len(from_training) == 84
    np.testing.assert_allclose(from_requests, from_training, atol=1e-5)
    distances = np.linalg.norm(from_requests[:, np.newaxis] - from_training[np.newaxis], axis=-1)
    assert np.median(distances) > 1e-2  # and they do tell queries apart
