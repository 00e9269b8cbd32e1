"""Shares of batches: together they are the batches."""

import pytest
import tensorflow as tf

from trainer.batch_shares import BatchShares

NUM_EXAMPLES, BATCH = 11, 4


def _batches():
    return tf.data.Dataset.range(NUM_EXAMPLES).batch(BATCH)


def _parts(first, count, total, num_batches=3):
    shares = BatchShares(first, count, total).of(_batches(), num_batches)
    return [part.tolist() for part in shares.as_numpy_iterator()], int(shares.cardinality())


@pytest.mark.parametrize(("machines", "replicas"), [(1, 1), (2, 1), (2, 2), (4, 1), (3, 2)])
def test_the_shares_of_all_machines_are_the_batches_in_order(machines, replicas):
    steps = [[], [], []]
    for machine in range(machines):
        own, cardinality = _parts(machine * replicas, replicas, machines * replicas)
        assert cardinality == len(own) == 3 * replicas
        for place, part in enumerate(own):
            steps[place // replicas] += part
    assert steps == [batch.tolist() for batch in _batches().as_numpy_iterator()]


def test_shares_of_a_whole_batch_are_of_one_size():
    assert _parts(0, 2, 2)[0][:2] == [[0, 1], [2, 3]]


def test_a_wrong_number_of_batches_is_noticed():
    with pytest.raises(tf.errors.FailedPreconditionError, match="4 elements"):
        _parts(0, 1, 1, num_batches=4)
