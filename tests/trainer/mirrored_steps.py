"""Makes the same step with one replica and with two; writes losses and gradients to the file it is given."""

from __future__ import annotations

import sys

import numpy as np
import tensorflow as tf
import tf_keras

from pipeline.config.ranking import TaskConfig
from pipeline.config.training import RetrievalConfig
from tests.trainer.killed_training import NUM_ITEMS, examples
from tests.trainer.small_world import SIZES, make_corpus, make_text_tower
from tests.trainer.test_ranking_model import _batch, _model
from trainer.distribution import Distribution, distributed
from trainer.randomness import reseed, seed_everything
from trainer.replicas import summed_by_row
from trainer.retrieval import RetrievalModel

BATCH = 32
RETRIEVAL = {
    "full": {"sampler": "full"},
    "in_batch": {"sampler": "in_batch"},
}
TASKS = (
    TaskConfig(name="rating", kind="value"),
    TaskConfig(name="like", kind="value_at_least", threshold=4.0, weight=2.0),
)


def small_retrieval(dropout: float = 0.0, **changes) -> RetrievalModel:
    """A small model with everything but a text tower that is trained."""
    seed_everything(7)
    encoder = {"kind": "mean", "dropout": dropout}
    shares = dict.fromkeys(("dropout", "id_dropout", "time_dropout", "attribute_dropout"), dropout)
    small = {"embedding_dim": 8, "attribute_dim": 2, "content_dim": 4, "hidden_dims": (8,)}
    config = RetrievalConfig(
        **{"history_encoder": encoder, "shuffle_ties": False, **shares, **small, **changes}
    )
    counts = np.bincount(examples()["item_id"], minlength=NUM_ITEMS)
    counts[3] = 0  # a target all the same: the other replica must know that it is one
    return RetrievalModel(config, SIZES, make_corpus(NUM_ITEMS), counts, make_text_tower(0), 1)


def _features(size: int) -> dict[str, np.ndarray]:
    return {name: values[:size] for name, values in examples().items()}


def _spread(distribution: Distribution, features: dict[str, np.ndarray]):
    """A batch as a step takes it: the replicas' shares, if there are several."""
    if not distribution.is_spread:
        return {name: tf.constant(values) for name, values in features.items()}
    size = len(features["item_id"])
    shares = distribution.shares.of(tf.data.Dataset.range(size).batch(size), 1)
    parts = shares.map(lambda part: {name: tf.gather(values, part) for name, values in features.items()})
    return next(iter(distribution.feed(parts).batches))


def _step(distribution: Distribution, build, features) -> dict[str, np.ndarray]:
    """Loss and gradients: what a step with a rate of one takes from the variables."""
    with distribution.strategy.scope():
        model = build()
        model.make_variables({name: tf.constant(values) for name, values in features.items()})
        model.compile(optimizer=tf_keras.optimizers.SGD(1.0))
    before = [variable.numpy() for variable in model.trainable_variables]
    batch = _spread(distribution, features)
    step = tf.function(lambda: distribution.strategy.run(model.train_step, (batch,)), autograph=False)
    loss = distribution.strategy.experimental_local_results(step()["loss"])
    changes = [old - new.numpy() for old, new in zip(before, model.trainable_variables, strict=True)]
    return {"loss": np.array(loss), **{f"{i:02d}/gradient": change for i, change in enumerate(changes)}}


def _draws(distribution: Distribution) -> dict[str, np.ndarray]:
    """What each of two replicas draws, and the first one again after it was seeded anew."""
    with distribution.strategy.scope():
        model = small_retrieval()
    drawn = []
    for _ in range(2):
        reseed(model, 5, 1)
        values = distribution.strategy.run(lambda: model.generator.uniform([8]))
        drawn.append([value.numpy() for value in distribution.strategy.experimental_local_results(values)])
    return {"first": drawn[0][0], "second": drawn[0][1], "again": drawn[1][0]}


def _sent(distribution: Distribution) -> dict[str, np.ndarray]:
    """What a replica sends of a gradient in which a row comes twice."""

    def gradient() -> tuple[tf.Tensor, tf.Tensor]:
        values, rows = tf.constant([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]), tf.constant([2, 0, 2])
        summed, other = summed_by_row([tf.IndexedSlices(values, rows, tf.constant([4, 2])), None])
        assert other is None
        return summed.values, summed.indices

    values, rows = distribution.strategy.run(gradient)
    local = distribution.strategy.experimental_local_results
    return {"values": local(values)[0].numpy(), "rows": local(rows)[0].numpy()}


def main() -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    ranked = {name: values.numpy()[:4] for name, values in _batch().items()}
    cases = {
        name: (lambda changes=changes: small_retrieval(**changes), _features(BATCH))
        for name, changes in RETRIEVAL.items()
    }
    cases["ranking"] = (lambda: _model(tasks=TASKS, loss_weights="uncertainty"), ranked)
    found = {}
    for replicas, kind in (("one", "one_device"), ("two", "mirrored")):
        with distributed(kind) as distribution:
            for name, (build, features) in cases.items():
                for key, value in _step(distribution, build, features).items():
                    found[f"{replicas}/{name}/{key}"] = value
            found |= {f"sent/{replicas}/{name}": value for name, value in _sent(distribution).items()}
    found |= {f"draws/{name}": value for name, value in _draws(distribution).items()}
    np.savez(sys.argv[1], **found)


if __name__ == "__main__":
    main()
