"""Callers that go on all the time, over both interfaces, and count what they get."""

import collections
import http.client
import json
import threading
import time
from contextlib import contextmanager

import grpc
from tensorflow_serving.apis import prediction_service_pb2_grpc

from tests.serving.server import grpc_requests as ask
from tests.serving.server.contract_cases import HPT


class Load:
    """Counts of the answers.

    Attributes:
      names: Of the callers.
      calls: Caller to how many answers it got.
      versions: Caller to the versions that answered, where an answer tells.
      failures: What should not have come.
    """

    def __init__(self, names):
        self.names = names
        self.calls = collections.Counter()
        self.versions = collections.defaultdict(set)
        self.failures = []

    def went_on(self, more=20):
        """Waits until every caller has had some answers more."""
        before, end = dict(self.calls), time.monotonic() + 60
        while any(self.calls[name] < before.get(name, 0) + more for name in self.names):
            assert not self.failures, self.failures
            assert time.monotonic() < end, "callers wait in vain"
            time.sleep(0.01)


@contextmanager
def load_on(server, label=None):
    """Calls `half_plus_two` without a pause until the block ends: the newest version, and that of a label.

    Args:
      server: A :class:`benchmarks.server_process.ServerProcess`.
      label: Of versions; `None` to ask for the newest ones only.
    """
    asked = {
        f"{interface} {of or 'newest'}": make(server, of)
        for interface, make in (("grpc", _grpc), ("rest", _rest))
        for of in {None, label}
    }
    load, ended = Load(list(asked)), threading.Event()
    callers = [threading.Thread(target=_call, args=(load, ended, *item)) for item in asked.items()]
    for caller in callers:
        caller.start()
    try:
        yield load
    finally:
        ended.set()
        for caller in callers:
            caller.join()


def _call(load, ended, name, calls):
    while not ended.is_set():
        try:
            version = next(calls)
        except Exception as error:  # whatever it is, it fails the test
            load.failures.append((name, error))
            return
        load.calls[name] += 1
        load.versions[name].add(version)


def _grpc(server, label):
    request = ask.predict(HPT, {"x": [2.0]}, label=label)
    with grpc.insecure_channel(server.grpc) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        while True:
            answer = stub.Predict(request, timeout=30)
            assert answer.outputs["y"].float_val == [3.0]
            yield answer.model_spec.version.value


def _rest(server, label):
    at = f"/v1/models/{HPT}{f'/labels/{label}' if label else ''}"
    connection = http.client.HTTPConnection(server.rest, timeout=30)
    while True:
        connection.request("POST", f"{at}:predict", b'{"instances": [2]}')
        response = connection.getresponse()
        body = response.read()
        assert (response.status, json.loads(body)) == (200, {"predictions": [3.0]}), body
        yield None  # REST's answers do not tell
