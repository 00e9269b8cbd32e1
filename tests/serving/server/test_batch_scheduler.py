"""Batches: what is put together, what is not, and what each caller gets."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pipeline.config.serving import BatchingConfig
from pipeline.errors import InputError
from serving.server.batch_scheduler import BatchScheduler
from serving.server.servable import load_servable
from serving.server.status import Code, ServingError
from serving.server.text_messages import read_batching_parameters
from tests.serving.server.half_plus_two import write_half_plus_two


class Doubling:
    """Stands in for a graph: doubles, notes the batches, and refuses negative numbers."""

    def __init__(self, held=False):
        self.batches = []
        self.go = threading.Event()
        if not held:
            self.go.set()

    def run(self, feeds, fetches):
        self.batches.append({name: array.shape for name, array in feeds.items()})
        self.go.wait(10)
        (values,) = feeds.values()
        if values.dtype != object and (values < 0).any():
            raise ServingError(Code.INVALID_ARGUMENT, "negative")
        return [values * 2 if values.dtype != object else values]


@pytest.fixture
def schedule():
    started = []

    def make(**parameters):
        values = {
            "max_batch_size": 8,
            "batch_timeout_micros": 100_000,
            "num_batch_threads": 1,
            "allowed_batch_sizes": (),
            "pad_variable_length_inputs": False,
        }
        scheduler = BatchScheduler(BatchingConfig(**{**values, **parameters}))
        started.append(scheduler)
        return scheduler

    yield make
    for scheduler in started:
        scheduler.stop()


def ask(scheduler, model, arrays, deadline=None):
    """Asks for each array at once, from a thread each."""

    def one(array):
        try:
            return scheduler.run(model.run, {"x:0": array}, ["y:0"], deadline)[0].tolist()
        except ServingError as error:
            return error

    with ThreadPoolExecutor(len(arrays)) as pool:
        return list(pool.map(one, arrays))


def column(*values):
    return np.float32(values)[:, None]


def test_requests_share_a_batch_and_each_gets_its_rows(schedule):
    model = Doubling()
    answers = ask(schedule(), model, [column(1), column(2, 3), column(4)])
    assert answers == [[[2]], [[4], [6]], [[8]]]
    assert model.batches == [{"x:0": (4, 1)}]


def test_a_full_batch_does_not_wait(schedule):
    scheduler = schedule(batch_timeout_micros=60_000_000)
    since = time.monotonic()
    assert ask(scheduler, Doubling(), [column(1, 2, 3, 4), column(5, 6, 7, 8)])[0] == [[2], [4], [6], [8]]
    assert time.monotonic() - since < 10


def test_a_batch_is_filled_up_to_an_allowed_size(schedule):
    model = Doubling()
    scheduler = schedule(allowed_batch_sizes=(1, 4, 8))
    assert ask(scheduler, model, [column(1), column(2)]) == [[[2]], [[4]]]
    assert model.batches == [{"x:0": (4, 1)}]


def test_other_shapes_and_types_are_other_batches(schedule):
    model = Doubling()
    ask(schedule(), model, [column(1), np.float32([[1, 2]]), np.int64([[1]])])
    assert sorted(batch["x:0"] for batch in model.batches) == [(1, 1), (1, 1), (1, 2)]


def test_lists_of_unequal_length_are_padded(schedule):
    model = Doubling()
    scheduler = schedule(pad_variable_length_inputs=True)
    lists = [np.array([[b"a", b"b"]], object), np.array([[b"c"]], object), np.empty((1, 0), object)]
    assert ask(scheduler, model, lists) == [[[b"a", b"b"]], [[b"c", b""]], [[b"", b""]]]
    assert model.batches == [{"x:0": (3, 2)}]


def test_what_has_no_batch_dimension_or_too_many_rows_runs_alone(schedule):
    model = Doubling()
    scheduler = schedule(batch_timeout_micros=60_000_000)
    assert scheduler.run(model.run, {"x:0": np.float32(3)}, ["y:0"], None)[0] == 6
    assert len(scheduler.run(model.run, {"x:0": column(*range(9))}, ["y:0"], None)[0]) == 9


def test_one_bad_request_fails_by_itself(schedule):
    model = Doubling()
    answers = ask(schedule(), model, [column(1), column(-1), column(3)])
    assert answers[0] == [[2]]
    assert answers[2] == [[6]]
    assert answers[1].code == Code.INVALID_ARGUMENT


def test_a_full_queue_refuses(schedule):
    model = Doubling(held=True)
    scheduler = schedule(max_batch_size=1, max_enqueued_batches=2, batch_timeout_micros=0)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, scheduler, model, [column(1)])
        while not model.batches:  # it runs, and does not count any more
            time.sleep(0.001)
        with ThreadPoolExecutor(1) as others:
            waiting = others.submit(ask, scheduler, model, [column(2), column(3), column(4)])
            time.sleep(0.2)
            model.go.set()
            answers = waiting.result()
        assert first.result() == [[[2]]]
    refused = [answer for answer in answers if isinstance(answer, ServingError)]
    assert len(refused) == 1
    assert refused[0].code == Code.UNAVAILABLE
    assert "queue to which this task was submitted is full" in refused[0].message


def test_a_deadline_passes_in_the_queue(schedule):
    model = Doubling()
    scheduler = schedule(batch_timeout_micros=300_000)
    (answer,) = ask(scheduler, model, [column(1)], time.monotonic() + 0.05)
    assert answer.code == Code.DEADLINE_EXCEEDED
    time.sleep(0.4)
    assert not model.batches  # nobody waits for it any more


def test_a_servable_is_batched(schedule, tmp_path):
    write_half_plus_two(tmp_path / "1")
    servable = load_servable("half_plus_two", 1, tmp_path / "1", schedule())
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(
                lambda x: servable.run("serving_default", {"x:0": column(x)}, ["y:0"])[0].item(), range(9)
            )
        )
    assert answers == [x / 2 + 2 for x in range(9)]


def test_parameters_are_read_and_what_is_left_out_is_as_in_tensorflow_serving(tmp_path):
    path = tmp_path / "batching_parameters.txt"
    path.write_text(
        "max_batch_size { value: 4 } batch_timeout_micros { value: 500 } allowed_batch_sizes: [2, 4]"
    )
    parameters = read_batching_parameters(path)
    assert (parameters.max_batch_size, parameters.batch_timeout_micros) == (4, 500)
    assert parameters.allowed_batch_sizes == (2, 4)
    assert (parameters.max_enqueued_batches, parameters.pad_variable_length_inputs) == (10, False)
    path.write_text("max_batch_size { value: 4 } allowed_batch_sizes: [4, 2]")
    with pytest.raises(InputError, match="must grow"):
        read_batching_parameters(path)
    path.write_text("no such field: 1")
    with pytest.raises(InputError, match="no BatchingParameters in text format"):
        read_batching_parameters(path)
