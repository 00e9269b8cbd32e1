"""Which examples a pass reads, as properties of any log."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.windows import Windows

LOGS = st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=60)
STRIDES, SEEDS = st.integers(1, 12), st.integers(0, 2**31 - 1)


def _windows(log):
    users, engaged = (np.array([row[i] for row in log], kind) for i, kind in ((0, np.int64), (1, bool)))
    return Windows.of(users, engaged)


@given(LOGS)
def test_age_is_the_number_of_newer_positives_of_the_user(log):
    windows = _windows(log)
    for place, (user, engaged) in enumerate(log):
        if engaged:
            newer = sum(other == (user, True) for other in log[place + 1 :])
            assert windows.age[place] == newer


@given(LOGS, STRIDES, SEEDS)
def test_only_positives_and_always_the_newest(log, stride, seed):
    windows = _windows(log)
    chosen = windows.chosen(stride, seed)
    assert chosen.dtype == bool
    assert not (chosen & ~windows.engaged).any()
    newest = {user: place for place, (user, engaged) in enumerate(log) if engaged}
    assert chosen[list(newest.values())].all()


@given(LOGS, STRIDES, SEEDS)
def test_the_same_seed_chooses_the_same(log, stride, seed):
    np.testing.assert_array_equal(_windows(log).chosen(stride, seed), _windows(log).chosen(stride, seed))


@given(LOGS, STRIDES, SEEDS)
def test_the_others_of_a_user_are_a_stride_apart(log, stride, seed):
    windows = _windows(log)
    chosen = windows.chosen(stride, seed)
    for user in set(windows.users.tolist()):
        ages = windows.age[chosen & (windows.users == user)]
        others = np.sort(ages[ages > 0])
        assert (np.diff(others) % stride == 0).all()


@given(LOGS, SEEDS)
def test_with_a_stride_of_one_every_positive_is_read(log, seed):
    windows = _windows(log)
    np.testing.assert_array_equal(windows.chosen(1, seed), windows.engaged)


@pytest.mark.parametrize(("length", "stride"), [(20, 5), (50, 10), (12, 12), (7, 3)])
def test_each_event_is_a_target_of_about_length_over_stride_windows(length, stride):
    """A window teaches its own item and the newest `length` before it; counted over many passes."""
    num_events, passes = 300, 400
    windows = Windows.of(np.zeros(num_events, np.int64), np.ones(num_events, bool))
    taught = np.zeros(num_events)
    for seed in range(passes):
        for place in np.flatnonzero(windows.chosen(stride, seed)):
            taught[max(place - length, 0) : place + 1] += 1
    inner = slice(length, num_events - length - 1)  # the newest window covers the end besides
    np.testing.assert_allclose(taught[inner] / passes, (length + 1) / stride, rtol=0.12)
    # So no end is left out.
    assert (taught >= passes * min(1, length / stride) * 0.85).all()


def test_each_pass_and_each_user_starts_at_another_place():
    users = np.repeat(np.arange(200), 30)
    windows = Windows.of(users, np.ones(len(users), bool))
    one, other = (windows.chosen(10, seed).reshape(200, 30) for seed in (0, 1))
    assert (one != other).any(axis=1).mean() > 0.8
    starts = windows.age.reshape(200, 30)[0][np.argmax(one[:, ::-1][:, 1:], axis=1)]
    assert len(set(starts.tolist())) == 10


def test_over_the_passes_every_positive_is_read():
    windows = Windows.of(np.zeros(30, np.int64), np.arange(30) % 3 > 0)
    read = np.any([windows.chosen(7, seed) for seed in range(60)], axis=0)
    np.testing.assert_array_equal(read, windows.engaged)


def test_users_may_be_mixed():
    """Each user's examples stand in the order of time, with those of others between them."""
    windows = Windows.of(np.array([3, 0, 3, 3, 0]), np.array([True, True, False, True, True]))
    assert windows.age[windows.engaged].tolist() == [1, 1, 0, 0]


def test_no_examples():
    assert Windows.of(np.zeros(0, np.int64), np.zeros(0, bool)).chosen(3, 0).tolist() == []
