"""What is asked of a bundle to see what controls cost."""

from functools import partial

import numpy as np
import tensorflow as tf

from benchmarks.controls import BATCH, EVENTS, WARM_UP, questions, timed

USERS = [f"u{number}" for number in range(40)]
ITEMS = [f"i{number}" for number in range(120)]
SPECS = {
    "user_id": tf.TensorSpec([None], tf.string),
    "history_item_ids": tf.TensorSpec([None, None], tf.string),
    "history_values": tf.TensorSpec([None, None], tf.float32),
    "k": tf.TensorSpec([None], tf.int32),
    "explain": tf.TensorSpec([None], tf.bool),
    "exclude_item_ids": tf.TensorSpec([None, None], tf.string),
    "filter_seen": tf.TensorSpec([None], tf.bool),
    "deny_categories": tf.TensorSpec([None, None], tf.string),
    "exploration": tf.TensorSpec([None], tf.float32),
    "diversity": tf.TensorSpec([None], tf.float32),
}


def _signatures(calls):
    """In the place of a bundle's."""

    def answer(name, **inputs):
        calls.append((name, {key: value.numpy() for key, value in inputs.items()}))
        return {"item_ids": tf.constant([["i1"]])}

    made = {name: partial(answer, name) for name in ("for_users", "for_sessions")}
    for function in made.values():
        function.structured_input_signature = ((), SPECS)
    return made


def test_each_round_asks_for_all_by_another_user_and_the_first_do_not_count():
    calls = []
    asked = questions(USERS, ITEMS, set(SPECS))
    found = timed(_signatures(calls), asked, rounds=4)
    assert list(found) == list(asked)
    assert all(milliseconds > 0 for milliseconds in found.values())
    assert len(calls) == (WARM_UP + 4) * len(asked)
    rounds = np.reshape(
        [inputs["user_id"][0] for _, inputs in calls if len(inputs["user_id"]) == 1], [WARM_UP + 4, -1]
    )
    assert (rounds == rounds[:, :1]).all()
    assert len(set(rounds[:, 0])) == WARM_UP + 4


def test_the_question_is_what_its_name_says():
    by_name = {}
    for name, one in questions(USERS, ITEMS, set(SPECS)).items():
        calls = []
        timed(_signatures(calls), {name: one}, rounds=1)
        by_name[name] = calls[-1]
    assert by_name["defaults, with reasons"][1]["explain"].tolist() == [True]
    assert not any(inputs["explain"].any() for name, (_, inputs) in by_name.items() if "with" not in name)
    assert len(by_name[f"{BATCH} users, no reasons"][1]["user_id"]) == BATCH
    assert by_name["100 excluded items"][1]["exclude_item_ids"].shape == (1, 100)
    signature, inputs = by_name[f"a session of {EVENTS}"]
    assert signature == "for_sessions"
    assert inputs["history_item_ids"].shape == inputs["history_values"].shape == (1, EVENTS)
    np.testing.assert_array_equal(by_name["a session of none"][1]["history_item_ids"].shape, (1, 0))
