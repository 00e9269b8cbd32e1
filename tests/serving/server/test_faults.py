"""The faults that a server must survive: which test has which, and those that are asked of a whole one here.

| fault | test |
|---|---|
| truncated variables, missing or empty `saved_model.pb`, half-copied version, corrupt warm-up file | here |
| names that are no version, two that parse alike | here |
| the last version deleted | here |
| a version that becomes whole between two tries | test_model_manager.py |
| unknown users and items; missing, extra and wrongly typed features | tests/e2e/test_faulty_requests.py |
| k of nothing and above the corpus, an excluded list longer than it | likewise |
| a body above the limit, a gzip bomb | test_limits.py |
| a full queue | test_batch_scheduler.py, and here over both interfaces |
| SIGKILL in mid-push | tests/serving/test_push_killed.py; with a server that reads: test_swaps.py |
| SIGTERM under load, 100 hot swaps, roll-back by label | test_swaps.py |
| bytes that nobody sends on purpose | test_fuzz.py |
"""

import shutil
import threading
import time

import grpc
import httpx
import pytest
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from serving.server.manager_options import ManagerOptions
from serving.server.server import Server
from serving.server.server_options import ServerOptions
from serving.server.warmup import WARMUP_FILE
from tests.serving.server import grpc_requests as ask
from tests.serving.server.half_plus_two import write_half_plus_two

PATIENCE = 60
MODEL = "default"
BATCHING = """max_batch_size { value: 1 } batch_timeout_micros { value: 0 }
num_batch_threads { value: 1 } max_enqueued_batches { value: 1 }"""


def cut(pattern):
    """Truncates files."""

    def damage(folder):
        for path in folder.glob(pattern):
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return damage


def without_graph(folder):
    (folder / "saved_model.pb").unlink()


def empty_graph(folder):
    (folder / "saved_model.pb").write_bytes(b"")


def half_copied(folder):
    shutil.rmtree(folder / "variables")


def corrupt_warmup(folder):
    (folder / WARMUP_FILE).parent.mkdir()
    (folder / WARMUP_FILE).write_bytes(b"this is no record" * 10)


DAMAGES = {
    "truncated variables": cut("variables/variables.data*"),
    "truncated index": cut("variables/variables.index"),
    "truncated graph": cut("saved_model.pb"),
    "no graph": without_graph,
    "empty graph": empty_graph,
    "half copied": half_copied,
    "corrupt warm-up": corrupt_warmup,
}


class Asked:
    """A server of one model, and its clients."""

    def __init__(self, server, channel):
        self._url = f"http://127.0.0.1:{server.rest_port}/v1/models/{MODEL}"
        self._prediction = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(channel)

    def over_grpc(self):
        """The version that answers, or the name of the error."""
        try:
            answer = self._prediction.Predict(ask.predict(MODEL, {"x": [2.0]}), timeout=PATIENCE)
        except grpc.RpcError as error:
            return error.code().name
        assert answer.outputs["y"].float_val == [3.0]
        return answer.model_spec.version.value

    def over_rest(self):
        """The status of HTTP."""
        return httpx.post(f"{self._url}:predict", json={"instances": [2.0]}, timeout=PATIENCE).status_code

    def states(self):
        """Version to its state and code."""
        found = self._models.GetModelStatus(ask.status(MODEL), timeout=PATIENCE).model_version_status
        return {one.version: (one.State.Name(one.state), one.status.error_code) for one in found}

    def wait_for(self, version, state):
        """Waits until a version is in a state; returns its code."""
        end = time.monotonic() + PATIENCE
        while self.states().get(version, ("", 0))[0] != state:
            assert time.monotonic() < end, self.states()
            time.sleep(0.02)
        return self.states()[version][1]


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "model"
    write_half_plus_two(path)
    return path


@pytest.fixture(scope="module")
def base(export, tmp_path_factory):
    base = tmp_path_factory.mktemp("models")
    shutil.copytree(export, base / "1")
    return base


@pytest.fixture(scope="module")
def served(base):
    manager = ManagerOptions(file_system_poll_wait_seconds=0.05, max_num_load_retries=0)
    server = Server(ServerOptions(base_path=base, grpc_port=0, rest_port=0, manager=manager))
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        yield Asked(server, channel)
    server.stop()


def appear(export, base, name, damage=lambda folder: None):
    """A version appears at once, with its damage."""
    staged = base.parent / f"staged-{name}"
    shutil.copytree(export, staged)
    damage(staged)
    staged.rename(base / name)


@pytest.mark.parametrize(("number", "damage"), enumerate(DAMAGES, start=10))
def test_a_damaged_version_is_told_and_the_old_one_answers(served, base, export, number, damage):
    appear(export, base, str(number), DAMAGES[damage])
    assert served.wait_for(number, "END") != 0
    assert (served.over_grpc(), served.over_rest()) == (1, 200)
    shutil.rmtree(base / str(number))
    time.sleep(0.3)  # for a look at the folder without it
    appear(export, base, str(number))
    assert served.wait_for(number, "AVAILABLE") == 0
    assert served.over_grpc() == number
    shutil.rmtree(base / str(number))
    served.wait_for(1, "AVAILABLE")


def test_folders_that_are_no_versions_are_left_alone(served, base, export):
    before = set(served.states())
    for name in ("latest", "-", "3.5", ".4", "5-staged", "9223372036854775808", "٣"):
        appear(export, base, name)
    (base / "6").write_text("a file")
    appear(export, base, "0000001")  # parses like 1, and is another folder
    time.sleep(0.5)
    assert set(served.states()) == before
    assert (served.over_grpc(), served.over_rest()) == (1, 200)


def test_the_last_version_deleted(served, base, export):
    for path in base.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    served.wait_for(1, "END")
    assert (served.over_grpc(), served.over_rest()) == ("NOT_FOUND", 404)
    appear(export, base, "7")
    served.wait_for(7, "AVAILABLE")
    assert (served.over_grpc(), served.over_rest()) == (7, 200)


def test_a_full_queue_refuses_with_unavailable(export, tmp_path):
    appear(export, tmp_path, "1")
    batching = tmp_path / "batching.txt"
    batching.write_text(BATCHING)
    options = ServerOptions(base_path=tmp_path, grpc_port=0, rest_port=0, batching_parameters=batching)
    server = Server(options)
    server.start()
    outcomes = set()
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        asked = Asked(server, channel)
        end = time.monotonic() + PATIENCE

        def call(over):
            while not {"UNAVAILABLE", 503} <= outcomes and time.monotonic() < end:
                outcomes.add(over())

        callers = [
            threading.Thread(target=call, args=(over,))
            for over in (asked.over_grpc, asked.over_rest)
            for _ in range(8)
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert outcomes == {1, 200, "UNAVAILABLE", 503}
        assert (asked.over_grpc(), asked.over_rest()) == (1, 200)
    server.stop()
