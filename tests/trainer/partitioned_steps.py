"""Makes the same steps with whole tables, and with tables parted between two parameter servers.

Argument: the file for what came of it.
"""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import tensorflow as tf
import tf_keras

from tests.trainer.killed_training import examples
from tests.trainer.mirrored_steps import small_retrieval
from trainer.retrieval import RetrievalModel

BATCH, STEPS = 32, 5
# Of what is parted. The table of the small world's items takes 416 bytes.
MIN_SHARD_BYTES = 200


def _strategy() -> tf.distribute.Strategy:
    """A worker and two parameter servers in this process; variables of some size are parted between these."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(3)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        worker, *servers = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    cluster = tf.train.ClusterSpec({"worker": [worker], "ps": servers})
    for job, index in (("worker", 0), ("ps", 0), ("ps", 1)):
        tf.distribute.Server(cluster, job_name=job, task_index=index, protocol="grpc")
    partitioner = tf.distribute.experimental.partitioners.MinSizePartitioner(MIN_SHARD_BYTES, max_shards=2)
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(cluster, rpc_layer="grpc")
    return tf.distribute.ParameterServerStrategy(resolver, variable_partitioner=partitioner)


def _batches() -> list[dict[str, tf.Tensor]]:
    return [
        {name: tf.constant(values[step * BATCH : (step + 1) * BATCH]) for name, values in examples().items()}
        for step in range(STEPS)
    ]


def _model(batch: dict[str, tf.Tensor]) -> RetrievalModel:
    model = small_retrieval(sampler="in_batch", reads_text=False)
    model.make_variables(batch)
    optimizer = tf_keras.optimizers.Adagrad(0.1)
    model.compile(optimizer=optimizer)
    optimizer.build(model.trainable_variables)
    return model


def _wholes(variables: list[tf.Variable]) -> Iterator[list[tf.Variable]]:
    """The parts of each variable, in their order."""
    parts: list[tf.Variable] = []
    for variable in variables:
        if parts and not re.search(r"/part_[1-9]\d*:", variable.name):
            yield parts
            parts = []
        parts.append(variable)
    yield parts


def _copy(source: RetrievalModel, target: RetrievalModel) -> None:
    """Gives the parts the values of the whole."""
    wholes = _wholes(target.trainable_variables)
    for variable, parts in zip(source.trainable_variables, wholes, strict=True):
        start = 0
        for part in parts:
            rows = part.shape[0] if part.shape.rank else 0
            part.assign(variable if len(parts) == 1 else variable[start : start + rows])
            start += rows


def main() -> None:
    strategy, batches = _strategy(), _batches()
    coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
    whole = _model(batches[0])
    with strategy.scope():
        parted = _model(batches[0])
    _copy(whole, parted)
    step = tf.function(whole.train_step, autograph=False)
    losses = {"whole": [float(step(batch)["loss"]) for batch in batches], "parted": []}

    @tf.function(autograph=False)
    def parted_step(batch: dict[str, tf.Tensor]) -> tf.Tensor:
        return strategy.run(parted.train_step, (batch,))["loss"]

    for batch in batches:
        result = coordinator.schedule(parted_step, args=(batch,))
        coordinator.join()
        losses["parted"].append(float(result.fetch()))
    table = parted.item_embedding.weights
    np.savez(
        sys.argv[1],
        **losses,
        table=whole.item_embedding.weights[0].numpy(),
        parted_table=np.concatenate([part.numpy() for part in table]),
        devices=[part.device for part in table],
        rows=[part.shape[0] for part in table],
    )


if __name__ == "__main__":
    main()
