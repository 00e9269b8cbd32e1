"""Calls that are joined, and come apart again."""

import asyncio
import time

import grpc
import numpy as np

from serving.client import (
    AsyncGrpcClient,
    BadRequestError,
    DeadlineError,
    MicroBatcher,
    Outputs,
    ServingCallError,
)
from serving.client.errors import call_error
from tests.serving.client.fault_servers import Plan, grpc_server


class Halving:
    """Answers y = x / 2 + 2 and how wide its lists are; nan is a bad request."""

    def __init__(self, delay=0.0):
        self.calls = []
        self.delay = delay

    async def predict(self, model, inputs, **arguments):
        self.calls.append((model, inputs, arguments))
        await asyncio.sleep(self.delay)
        if np.isnan(inputs["x"]).any():
            raise call_error(grpc.StatusCode.INVALID_ARGUMENT, "a row is nan")
        lists = inputs.get("ids", np.empty((len(inputs["x"]), 0), np.object_))
        return Outputs({"y": inputs["x"] / 2 + 2, "ids": lists}, version=7)


def together(batcher, *requests):
    """Results or errors of calls that are made at once, then the batcher is closed."""

    async def run():
        calls = [batcher.predict(**{"model": "m", **request}) for request in requests]
        results = await asyncio.gather(*calls, return_exceptions=True)
        await batcher.close()
        return results

    return asyncio.run(run())


def test_calls_are_joined_up_to_the_size():
    model = Halving()
    requests = [{"inputs": {"x": np.float32([i])}} for i in range(10)]
    results = together(MicroBatcher(model, max_batch_size=4), *requests)
    assert [result["y"].tolist() for result in results] == [[i / 2 + 2] for i in range(10)]
    assert [len(inputs["x"]) for _, inputs, _ in model.calls] == [4, 4, 2]
    assert {result.version for result in results} == {7}


def test_calls_of_several_rows_stay_whole():
    model = Halving()
    requests = [{"inputs": {"x": np.arange(rows, dtype=np.float32)}} for rows in (3, 2, 9, 1)]
    results = together(MicroBatcher(model, max_batch_size=4), *requests)
    assert [len(result["y"]) for result in results] == [3, 2, 9, 1]
    assert results[2]["y"].tolist() == (np.arange(9) / 2 + 2).tolist()
    assert [len(inputs["x"]) for _, inputs, _ in model.calls] == [3, 2, 9, 1]


def test_only_calls_that_fit_together_are_joined():
    model = Halving()
    x = np.float32([1])
    requests = [
        {"inputs": {"x": x}},
        {"inputs": {"x": x}, "signature": "other"},
        {"inputs": {"x": x}, "label": "canary"},
        {"inputs": {"x": x}, "version": 2},
        {"inputs": {"x": x}, "outputs": ["y"]},
        {"inputs": {"x": np.float64([1])}},
        {"inputs": {"x": np.float32([[1]])}},
        {"inputs": {"x": x, "ids": [["a"]]}},
        {"inputs": {"x": x, "ids": [["a", "b"]]}},
        {"inputs": {"x": x}, "model": "n"},
    ]
    together(MicroBatcher(model), *requests, *requests)
    assert len(model.calls) == len(requests)
    assert all(len(inputs["x"]) == 2 for _, inputs, _ in model.calls)


def test_lists_of_different_lengths_are_filled_up():
    model = Halving()
    requests = [
        {"inputs": {"x": np.float32([n]), "ids": np.full((1, n), "a"), "times": np.ones((1, n), np.int64)}}
        for n in range(3)
    ]
    results = together(MicroBatcher(model, pad_variable_lengths=True), *requests)
    ((_, inputs, _),) = model.calls
    assert inputs["ids"].tolist() == [[b"", b""], [b"a", b""], [b"a", b"a"]]
    assert inputs["times"].tolist() == [[0, 0], [1, 0], [1, 1]]
    assert results[1]["ids"].tolist() == [[b"a", b""]]


def test_a_bad_call_fails_alone():
    model = Halving()
    requests = [{"inputs": {"x": np.float32([x])}} for x in (1, np.nan, 3)]
    good, bad, other = together(MicroBatcher(model), *requests)
    assert (good["y"], other["y"]) == (2.5, 3.5)
    assert isinstance(bad, BadRequestError)
    assert len(model.calls) == 4


def test_each_call_has_its_own_deadline():
    model = Halving(delay=0.3)
    requests = [{"inputs": {"x": np.float32([1])}, "timeout": timeout} for timeout in (0.1, 5)]
    since = time.monotonic()
    late, good = together(MicroBatcher(model), *requests)
    assert isinstance(late, DeadlineError)
    assert good["y"] == 2.5
    assert time.monotonic() - since < 4
    assert model.calls[0][2]["timeout"] > 4


def test_outputs_without_rows_and_inputs_without_rows_are_errors():
    class Scalar(Halving):
        async def predict(self, model, inputs, **arguments):
            return Outputs({"y": np.float32(1)})

    for result in together(MicroBatcher(Scalar()), *[{"inputs": {"x": np.float32([1])}}] * 2):
        assert isinstance(result, ServingCallError)
        assert result.code is grpc.StatusCode.INTERNAL
    uneven, scalar = together(
        MicroBatcher(Halving()),
        {"inputs": {"x": np.float32([1]), "z": np.float32([1, 2])}},
        {"inputs": {"x": np.float32(1)}},
    )
    assert isinstance(uneven, ValueError)
    assert isinstance(scalar, ValueError)


def test_a_hundred_tasks_over_grpc_make_a_few_calls():
    plan = Plan()

    async def run(address):
        async with AsyncGrpcClient(address) as client:
            batcher = MicroBatcher(client, max_batch_size=25, max_delay=0.5)
            calls = [batcher.predict("m", {"x": np.float32([i])}) for i in range(100)]
            results = await asyncio.gather(*calls)
            await batcher.close()
        return [float(result["y"]) for result in results]

    with grpc_server(plan) as address:
        assert asyncio.run(run(address)) == [i / 2 + 2 for i in range(100)]
    assert plan.num_calls == 4
