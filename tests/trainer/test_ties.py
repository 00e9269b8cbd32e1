"""Events of one second in another order."""

from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.features import UNKNOWN_GAP
from trainer.ties import shuffle_ties

LENGTH = 5


def _features(histories, gaps, items, types=None):
    """Of histories as lists, and the gap after each event."""
    padded = [
        np.array([[*row, *[fill] * (LENGTH - len(row))] for row in rows], kind)
        for rows, fill, kind in ((histories, -1, np.int32), (gaps, UNKNOWN_GAP, np.float32))
    ]
    features = {"history_item_ids": padded[0], "history_gaps": padded[1], "item_id": np.int32(items)}
    if types is not None:
        features["history_event_types"] = np.array(
            [[*row, *[-1] * (LENGTH - len(row))] for row in types], np.int64
        )
    return {name: tf.constant(values) for name, values in features.items()}


def _shuffle(features, with_target, seed=0):
    changed = shuffle_ties(features, with_target, tf.random.Generator.from_seed(seed))
    return {name: values.numpy() for name, values in changed.items()}


def _bursts(sequence, gaps):
    """Multisets of the events that no time parts, in their order."""
    bursts = [[]]
    for event, gap in zip(sequence, [*gaps, 1.0], strict=False):
        bursts[-1].append(event)
        if gap != 0:
            bursts.append([])
    return [Counter(burst) for burst in bursts if burst]


HISTORIES = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from([0.0, 0.7, 5.0, UNKNOWN_GAP]), st.integers(0, 3)),
    max_size=LENGTH,
)


@settings(max_examples=40)
@given(st.lists(HISTORIES, min_size=1, max_size=4), st.integers(0, 10**6), st.booleans())
def test_bursts_keep_their_events_and_their_order(batch, seed, with_target):
    histories, gaps, types = ([[event[i] for event in history] for history in batch] for i in range(3))
    items = list(range(10, 10 + len(batch)))
    features = _features(histories, gaps, items, None if with_target else types)
    changed = _shuffle(features, with_target, seed)
    np.testing.assert_array_equal(changed["history_gaps"], features["history_gaps"])
    for row, history in enumerate(histories):
        count = len(history)
        after = changed["history_item_ids"][row]
        assert (after[count:] == -1).all()
        if with_target:
            sequence = [*after[:count], changed["item_id"][row]]
            assert _bursts(sequence, gaps[row]) == _bursts([*history, items[row]], gaps[row])
            continue
        assert changed["item_id"][row] == items[row]
        kinds = changed["history_event_types"][row]
        assert (kinds[count:] == -1).all()
        pairs = list(zip(after[:count].tolist(), kinds[:count].tolist(), strict=True))
        before = list(zip(history, types[row], strict=True))
        assert _bursts(pairs, gaps[row][:-1]) == _bursts(before, gaps[row][:-1])


@pytest.mark.parametrize(("with_target", "size"), [(True, 4), (False, 3)])
def test_every_order_is_as_frequent_as_another(with_target, size):
    """Of a burst of three events, and the target if it is of the same second."""
    copies = 6000
    features = _features([[0, 1, 2]] * copies, [[0, 0, 0]] * copies, [3] * copies)
    changed = _shuffle(features, with_target)
    sequence = np.concatenate([changed["history_item_ids"][:, :3], changed["item_id"][:, np.newaxis]], axis=1)
    places = sequence[:, :size]
    for event in range(size):
        shares = (places == event).mean(axis=0)
        np.testing.assert_allclose(shares, 1 / size, atol=0.03)
    assert len({tuple(row) for row in places.tolist()}) == [6, 24][with_target]


def test_a_target_that_time_parts_stays():
    features = _features([[0, 1, 2]] * 50, [[0, 0, 0.7]] * 50, [3] * 50)
    assert (_shuffle(features, with_target=True)["item_id"] == 3).all()


def test_a_full_history_and_none():
    features = _features([[0, 1, 2, 3, 4], []], [[0] * 5, []], [5, 6])
    changed = _shuffle(features, with_target=True)
    sequence = [*changed["history_item_ids"][0], changed["item_id"][0]]
    assert sorted(sequence) == list(range(6))
    assert changed["history_item_ids"][1].tolist() == [-1] * LENGTH
    assert changed["item_id"][1] == 6


def test_the_order_follows_the_seed():
    features = _features([[0, 1, 2, 3, 4]] * 20, [[0] * 5] * 20, [5] * 20)
    first, again, other = (_shuffle(features, True, seed)["history_item_ids"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_other_features_stay_and_the_input_is_not_changed():
    features = _features([[0, 1]], [[0, 0]], [2])
    features["region"] = tf.constant([4])
    kept = {name: values.numpy() for name, values in features.items()}
    changed = _shuffle(features, with_target=True, seed=3)
    assert changed["region"].tolist() == [4]
    for name, values in features.items():
        np.testing.assert_array_equal(values, kept[name])


def test_shapes_and_types_are_known_to_graphs():
    features = _features([[0, 1]], [[0, 0]], [2], types=[[1, 0]])
    specs = {name: tf.TensorSpec([None, *x.shape[1:]], x.dtype) for name, x in features.items()}
    generator = tf.random.Generator.from_seed(0)
    graph = tf.function(lambda x: shuffle_ties(x, True, generator), input_signature=[specs], autograph=False)
    outputs = graph.get_concrete_function().structured_outputs
    assert {name: (x.dtype, x.shape.as_list()) for name, x in outputs.items()} == {
        name: (spec.dtype, spec.shape.as_list()) for name, spec in specs.items()
    }
