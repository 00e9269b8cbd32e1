"""Over what a training is spread: one device, those of a machine, or several machines."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf
import tf_keras

from pipeline.config.cluster import Cluster
from pipeline.config.environment import CLUSTER_VARIABLE, cluster
from pipeline.errors import InputError, StackError
from trainer.batch_shares import BatchShares

# How a machine that is gone shows: its connection is closed, or does not answer, or was made anew.
_OF_LOST_MACHINES = (
    tf.errors.UnavailableError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.InternalError,
)


class Feed(NamedTuple):
    """Batches as Keras takes them.

    Attributes:
      batches: Of all replicas of this machine.
      steps: How many steps they are; `None` where Keras sees that itself.
    """

    batches: tf.data.Dataset
    steps: int | None


def _default_strategy() -> tf.distribute.Strategy:
    return tf.distribute.get_strategy()


@dataclass(frozen=True)
class Distribution:
    """Replicas of a model that make each step together, by the mean gradient of the whole batch.

    Attributes:
      strategy: TensorFlow's; the default one is that of a single device.
      shares: What this machine reads of each batch; `None` on a single device.
      scratch: Where a machine that is not the chief writes what is thrown away; `None` for the chief.
    """

    strategy: tf.distribute.Strategy = field(default_factory=_default_strategy)
    shares: BatchShares | None = None
    scratch: str | None = None

    @property
    def is_spread(self) -> bool:
        """Whether there may be several replicas."""
        return self.shares is not None

    @property
    def is_chief(self) -> bool:
        """Whether what this machine writes is kept."""
        return self.scratch is None

    def output(self, folder: str) -> str:
        """The folder itself on the chief; elsewhere one that is thrown away."""
        return folder if self.scratch is None else str(Path(self.scratch, Path(folder).name))

    def batch_size(self, configured: int, num_examples: int) -> int:
        """Examples of a step: as many as are configured, or as there are, the same for each replica.

        Raises:
          InputError: The replicas cannot share a batch evenly.
        """
        total = 1 if self.shares is None else self.shares.total
        size = min(configured, num_examples) // total * total
        if configured % total or not size:
            raise InputError(
                f"batches of {configured} of {num_examples} examples cannot be shared evenly by {total} "
                f"replicas\nset batch_size to a multiple of {total}"
            )
        return size

    def feed(self, batches: tf.data.Dataset) -> Feed:
        """Batches, or this machine's shares of them, as Keras takes them."""
        if self.shares is None:
            return Feed(batches, None)
        # On one device Keras begins a pass that it does not use, and each pass is shuffled anew.
        iter(batches)
        spread = self.strategy.distribute_datasets_from_function(lambda _: batches)
        return Feed(spread, int(batches.cardinality()) // self.shares.count)

    def prepare(self, model: tf_keras.Model) -> None:
        """Has Keras report a replica's figures, which are those of all, and not their sum."""
        if self.is_spread:
            model.distribute_reduction_method = "first"

    def check_agreement(self, value: int, what: str) -> None:
        """Checks that all machines have the same.

        Raises:
          InputError: They have not.
        """
        if not self.is_spread:
            return
        own = self.strategy.run(lambda: tf.constant([value], tf.int64))
        values = sorted(set(self.strategy.gather(own, axis=0).numpy().tolist()))
        if len(values) > 1:
            raise InputError(
                f"the machines of the training see different {what}: {', '.join(map(str, values))}\n"
                "its folders must be the same for all of them, on a disk or in a bucket that all can reach"
            )


@contextmanager
def distributed(kind: str) -> Iterator[Distribution]:
    """Over what a training inside is spread. Must be entered before TensorFlow does anything else.

    Args:
      kind: As :class:`pipeline.config.fitting.TrainingConfig` has it.

    Raises:
      InputError: There is no cluster to train on.
      StackError: A machine of the cluster was lost.
    """
    if kind == "one_device":
        yield Distribution()
    elif kind == "mirrored":
        yield _mirrored()
    else:
        described = cluster()
        if described is None:
            raise InputError(
                f"training.distribution is 'multi_worker', and {CLUSTER_VARIABLE} is not set\n"
                "start the step on each machine of a cluster with it, or set training.distribution to another"
            )
        with tempfile.TemporaryDirectory(prefix="recstack_") as scratch:
            yield from _of_cluster(described, scratch)


def _mirrored() -> Distribution:
    """Over all accelerators, or all processors, of this machine."""
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    strategy = tf.distribute.MirroredStrategy([device.name for device in devices])
    return Distribution(strategy, BatchShares(0, len(devices), len(devices)))


def _of_cluster(described: Cluster, scratch: str) -> Iterator[Distribution]:
    """Over the machines of a cluster."""
    task = described.task
    try:
        strategy = _multi_worker(described)
        count = len(strategy.extended.worker_devices)
        shares = BatchShares(count * described.rank, count, strategy.num_replicas_in_sync)
        yield Distribution(strategy, shares, None if described.is_chief else scratch)
    except _OF_LOST_MACHINES as error:
        raise StackError(
            f"{task.type} {task.index} ({described.address}) cannot go on: {_reason(error)}\n"
            "another machine of the training was lost; start it on all of them again, and it goes on after "
            "the last whole epoch"
        ) from error


def _multi_worker(described: Cluster) -> tf.distribute.Strategy:
    """TensorFlow's strategy; waits for the other machines."""
    machines = {kind: list(addresses) for kind, addresses in described.training.items()}
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec(machines),
        task_type=described.task.type,
        task_id=described.task.index,
        rpc_layer="grpc",
    )
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(resolver)
    except RuntimeError as error:  # TensorFlow has done something before
        raise StackError(
            f"this process cannot become a machine of a training: {error}\n"
            "each training needs a process of its own: a custom job of Vertex AI, or python -m trainer.worker"
        ) from error


def _reason(error: tf.errors.OpError) -> str:
    """What TensorFlow says of a failure, in a line."""
    found = re.search(r"aborted by: (.+)", error.message or "")
    lines = [line.strip() for line in (error.message or "").splitlines() if line.strip()]
    return found.group(1) if found else lines[-1] if lines else type(error).__name__
