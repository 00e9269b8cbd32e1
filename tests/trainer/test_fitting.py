"""Epochs, early stopping, and a training that is killed and goes on."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tests.trainer.killed_training import EPOCHS, NUM_EXAMPLES, TEXT_EPOCHS, examples, make_model
from trainer.checkpoints import Checkpoint
from trainer.fitting import Fitting, Monitor, Phase, fit
from trainer.randomness import epoch_seed, reseed, seed_everything

ROOT = Path(__file__).resolve().parents[2]
_OF_RANKS = ("val_recall_at_20", "val_ndcg")


def _train(folder: Path, name: str, training: str, kill_in: int) -> int:
    command = [sys.executable, "-m", "tests.trainer.killed_training", str(folder / "steps" / "checkpoint")]
    done = subprocess.run(
        [*command, str(folder / f"{name}.npz"), training, str(kill_in)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr[-3000:]
    return done.returncode


@pytest.mark.slow
@pytest.mark.parametrize(
    ("training", "kills"), [("lora", (1, EPOCHS - 1)), ("top", (TEXT_EPOCHS, TEXT_EPOCHS + 1))]
)
def test_a_killed_training_ends_as_one_that_was_not(tmp_path, training, kills):
    """Killed twice in the middle of an epoch, before and after the text tower is frozen.

    Low-rank updates make the model another one between the phases.
    """
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    assert _train(tmp_path / "whole", "end", training, -1) == 0
    for kill_in in kills:
        assert _train(tmp_path / "killed", "end", training, kill_in) == -signal.SIGKILL
        checkpoint = Checkpoint(str(tmp_path / "killed/steps/checkpoint"))
        assert checkpoint.load().progress.epochs == kill_in
    assert _train(tmp_path / "killed", "end", training, -1) == 0
    whole, killed = (np.load(tmp_path / name / "end.npz") for name in ("whole", "killed"))
    assert sorted(whole) == sorted(killed)
    for name in whole:
        # A figure of ranks jumps where the last bit of a score decides which of two items comes first.
        atol = 1 / NUM_EXAMPLES if name in _OF_RANKS else 1e-6
        np.testing.assert_allclose(killed[name], whole[name], rtol=1e-5, atol=atol, err_msg=name)


class _Line(tf_keras.Model):
    """Fits y = w x by steps of its own; Keras' dropout makes it draw."""

    def __init__(self, dropout: float = 0.0):
        super().__init__()
        self.w = tf.Variable(0.0)
        self.seen = tf.Variable(0.0, trainable=False)
        self._dropout = tf_keras.layers.Dropout(dropout)

    def train_step(self, x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self.w * self._dropout(x, training=True) - 2.0 * x))
        self.optimizer.minimize(loss, [self.w], tape=tape)
        self.seen.assign_add(tf.reduce_sum(x * tf.range(1.0, 5.0)))  # depends on the order
        return {"loss": loss, "seen": self.seen}

    def test_step(self, x):
        return {"loss": tf.square(self.w - 1.0) + 0.0 * tf.reduce_sum(x)}


def _fitting(tmp_path, optimizer, epochs=6, patience=None, phases=None, monitor=None):
    x = tf.data.Dataset.range(8).map(lambda i: tf.cast(i, tf.float32) / 8)
    return Fitting(
        train=lambda seed: x.shuffle(8, seed=seed).batch(4),
        validation=x.batch(4),
        phases=phases or [Phase(epochs, (optimizer,), patience=patience)],
        monitor=monitor or Monitor("val_loss", highest=False),
        seed=3,
        log_dir=str(tmp_path / "logs"),
    )


def _line(dropout=0.0, rate=0.5):
    seed_everything(0)
    model, optimizer = _Line(dropout), tf_keras.optimizers.SGD(rate)
    model.compile(optimizer=optimizer)
    return model, optimizer


def test_training_stops_and_the_best_epoch_is_kept(tmp_path):
    """w runs from 0 towards 2, past 1, where validation is best."""
    model, optimizer = _line(rate=0.2)
    history = fit(model, _fitting(tmp_path, optimizer, epochs=30, patience=2))
    losses = history["val_loss"]
    best = int(np.argmin(losses))
    assert best > 0
    assert len(losses) == best + 3
    np.testing.assert_allclose((model.w - 1.0) ** 2, losses[best], rtol=1e-5)


def test_the_best_is_kept_also_if_the_epochs_run_out(tmp_path):
    model, optimizer = _line(rate=0.2)
    history = fit(model, _fitting(tmp_path, optimizer, epochs=8, patience=100))
    assert len(history["val_loss"]) == 8
    assert np.argmin(history["val_loss"]) < 7
    np.testing.assert_allclose((model.w - 1.0) ** 2, min(history["val_loss"]), rtol=1e-5)


def test_without_patience_the_last_epoch_is_kept(tmp_path):
    model, optimizer = _line()
    history = fit(model, _fitting(tmp_path, optimizer, epochs=8))
    np.testing.assert_allclose((model.w - 1.0) ** 2, history["val_loss"][-1], rtol=1e-5)


def test_nan_is_never_the_best(tmp_path):
    model, optimizer = _line(rate=float("nan"))
    history = fit(model, _fitting(tmp_path, optimizer, epochs=9, patience=3))
    assert len(history["val_loss"]) == 3


@pytest.mark.parametrize(
    ("highest", "value", "best", "expected"),
    [
        (True, 1.0, None, True),
        (True, 1.0, 1.0, False),
        (True, 1.1, 1.0, True),
        (False, 1.1, 1.0, False),
        (False, 0.9, 1.0, True),
        (True, float("nan"), None, False),
    ],
)
def test_better(highest, value, best, expected):
    assert Monitor("x", highest).is_better(value, best) is expected


def test_what_is_monitored_must_be_there(tmp_path):
    model, optimizer = _line()
    fitting = _fitting(tmp_path, optimizer, patience=1, monitor=Monitor("val_recall", highest=True))
    with pytest.raises(ValueError, match="'val_recall' is monitored, and there are loss, seen, val_loss"):
        fit(model, fitting)


def test_phases_begin_once_and_in_order(tmp_path):
    model, optimizer = _line()
    calls = []
    phases = [
        Phase(2, (optimizer,), begin=lambda: calls.append("first")),
        Phase(
            3,
            (optimizer,),
            restructure=lambda: calls.append("change"),
            begin=lambda: calls.append("second"),
        ),
    ]
    history = fit(model, _fitting(tmp_path, optimizer, phases=phases))
    assert calls == ["first", "change", "second"]
    assert len(history["loss"]) == 3


def test_going_on_in_this_process(tmp_path):
    """After two of six epochs, with dropout; then with all done, when nothing is run."""
    model, optimizer = _line(dropout=0.4)
    expected = fit(model, _fitting(tmp_path, optimizer))
    checkpoint = Checkpoint(str(tmp_path / "steps" / "a"))
    first, optimizer = _line(dropout=0.4)
    fit(first, _fitting(tmp_path, optimizer, epochs=2), checkpoint)
    for _ in range(2):
        second, optimizer = _line(dropout=0.4)
        history = fit(second, _fitting(tmp_path, optimizer), checkpoint)
        assert history == expected
        np.testing.assert_array_equal(second.w, model.w)
        assert checkpoint.load().progress.epochs == 6


def test_epochs_differ_and_are_repeatable(tmp_path):
    model, optimizer = _line(dropout=0.4)
    first = fit(model, _fitting(tmp_path, optimizer))["seen"]
    model, optimizer = _line(dropout=0.4)
    assert fit(model, _fitting(tmp_path, optimizer))["seen"] == first
    assert len(set(np.diff([0.0, *first]).round(4))) > 1  # not the same order each time


def test_tensorboard_gets_every_epoch_of_a_training_that_went_on(tmp_path):
    checkpoint = Checkpoint(str(tmp_path / "steps" / "a"))
    model, optimizer = _line()
    fit(model, _fitting(tmp_path / "first", optimizer, epochs=2), checkpoint)
    model, optimizer = _line()
    history = fit(model, _fitting(tmp_path / "second", optimizer, epochs=4), checkpoint)
    found = {}
    for file in (tmp_path / "second" / "logs").rglob("events*"):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                found[file.parent.name, value.tag, event.step] = float(tf.make_ndarray(value.tensor))
    assert len(found) == 4 * len(history)
    for step in range(4):
        np.testing.assert_allclose(found["validation", "epoch_loss", step], history["val_loss"][step])
        np.testing.assert_allclose(found["train", "epoch_loss", step], history["loss"][step])


class TestRandomness:
    def test_seeds_of_epochs_and_streams_differ(self):
        seeds = {epoch_seed(s, e, t) for s in range(3) for e in range(20) for t in range(5)}
        assert len(seeds) == 300
        assert all(0 <= seed < 2**31 for seed in seeds)
        assert epoch_seed(1, 2, 3) == epoch_seed(1, 2, 3)

    def test_the_retrieval_model_draws_from_generators_alone(self):
        """A plain random operation would not go on after a kill where it was."""
        seed_everything(0)
        model = make_model("top")
        model.compile(optimizer=tf_keras.optimizers.Adam())
        batch = {name: tf.constant(values[:8]) for name, values in examples().items()}
        step = tf.function(model.train_step)
        graph = step.get_concrete_function(batch).graph
        names = {node.op for node in graph.as_graph_def().node}
        for function in graph.as_graph_def().library.function:
            names |= {node.op for node in function.node_def}
        drawing = {name for name in names if name.startswith(("Random", "ParameterizedTruncated", "Multin"))}
        assert drawing == set()
        assert any("StatelessRandom" in name for name in names)  # it does draw

    def test_reseeded_the_model_draws_the_same_again(self):
        seed_everything(0)
        model = make_model("lora")
        model.compile(optimizer=tf_keras.optimizers.Adam())
        batch = {name: tf.constant(values[:8]) for name, values in examples().items()}
        draw = tf.function(lambda: model.compute_loss(batch, training=True))
        draw()
        losses = []
        for epoch in (4, 5, 4):
            reseed(model, 1, epoch)
            losses.append([float(draw()) for _ in range(2)])
        assert losses[0] == losses[2]
        assert len({*losses[0], *losses[1]}) == 4
