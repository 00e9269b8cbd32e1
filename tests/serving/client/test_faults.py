"""What the clients do when servers fail, are slow, or want certificates."""

import asyncio
import socket
import time

import grpc
import numpy as np
import pytest

from pipeline.errors import InputError
from serving.client import (
    AsyncGrpcClient,
    AsyncRestClient,
    BadRequestError,
    ClientOptions,
    DeadlineError,
    GrpcClient,
    NotServedError,
    RestClient,
    RetryPolicy,
    ServingCallError,
    Tls,
    UnavailableError,
)
from tests.serving.client.fault_servers import Plan, grpc_server, rest_server

QUICK = ClientOptions(timeout=10, retry=RetryPolicy(attempts=4, first_delay=0.01))
KINDS = ["grpc", "rest", "async grpc", "async rest"]
STATUSES = {
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}


def serve(kind, plan):
    if "grpc" in kind:
        return grpc_server(plan)
    plan.failures = [STATUSES[code] for code in plan.failures]
    return rest_server(plan)


def ask(kind, address, options=QUICK, x=(2.0,), **arguments):
    """One call of a client of its own."""
    arguments = {"model": "m", "inputs": {"x": np.float32(x)}, "outputs": ["y"], **arguments}
    classes = {
        "grpc": GrpcClient,
        "rest": RestClient,
        "async grpc": AsyncGrpcClient,
        "async rest": AsyncRestClient,
    }
    if kind in ("grpc", "rest"):
        with classes[kind](address, options) as client:
            return client.predict(**arguments)["y"].tolist()

    async def ask_async():
        async with classes[kind](address, options) as client:
            return (await client.predict(**arguments))["y"].tolist()

    return asyncio.run(ask_async())


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_fails_for_a_while_is_asked_again(kind):
    plan = Plan(*[grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED] * 2)
    plan.failures.pop()
    with serve(kind, plan) as address:
        assert ask(kind, address) == [3.0]
    assert plan.num_calls == 4


@pytest.mark.parametrize("kind", KINDS)
def test_attempts_come_to_an_end(kind):
    plan = Plan(*[grpc.StatusCode.UNAVAILABLE] * 9)
    with serve(kind, plan) as address, pytest.raises(UnavailableError, match="as planned") as caught:
        ask(kind, address)
    assert plan.num_calls == 4
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE
    assert caught.value.retriable


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("code", "error"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, BadRequestError),
        (grpc.StatusCode.UNIMPLEMENTED, BadRequestError),
        (grpc.StatusCode.NOT_FOUND, NotServedError),
        (grpc.StatusCode.DEADLINE_EXCEEDED, DeadlineError),
    ],
)
def test_other_errors_are_final(kind, code, error):
    plan = Plan(code)
    with serve(kind, plan) as address, pytest.raises(error, match="as planned") as caught:
        ask(kind, address)
    assert plan.num_calls == 1
    assert (caught.value.code, caught.value.message) == (code, "as planned")


@pytest.mark.parametrize("kind", KINDS)
def test_a_slow_server_ends_with_the_deadline(kind):
    with serve(kind, Plan(delay=2.0)) as address:
        since = time.monotonic()
        with pytest.raises(DeadlineError):
            ask(kind, address, timeout=0.2)
        assert time.monotonic() - since < 1.9


@pytest.mark.parametrize("kind", KINDS)
def test_no_attempt_begins_after_the_deadline(kind):
    slow = ClientOptions(timeout=0.5, retry=RetryPolicy(attempts=100, first_delay=0.1, longest_delay=0.1))
    plan = Plan(*[grpc.StatusCode.UNAVAILABLE] * 100)
    with serve(kind, plan) as address:
        since = time.monotonic()
        with pytest.raises((UnavailableError, DeadlineError)):
            ask(kind, address, slow)
        assert time.monotonic() - since < 5
    assert 1 < plan.num_calls < 100


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_not_there(kind):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(UnavailableError):
        ask(kind, address if "grpc" in kind else f"http://{address}")


@pytest.mark.parametrize("kind", KINDS)
def test_too_large_an_answer_is_refused_and_not_asked_for_again(kind):
    plan = Plan()
    small = QUICK.model_copy(update={"max_message_bytes": 3000})
    x = np.ones(700)
    with serve(kind, plan) as address:
        assert len(ask(kind, address, small, x=x[:200])) == 200
        limited = small if "rest" in kind else QUICK.model_copy(update={"max_message_bytes": 2000})
        x = np.full(1500, 1 / 3) if "rest" in kind else x
        with pytest.raises(ServingCallError, match="larger than max") as caught:
            ask(kind, address, limited, x=x)
    assert caught.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert not caught.value.retriable
    assert plan.num_calls <= 2


def test_an_answer_of_something_else():
    with rest_server(Plan()) as url, RestClient(url, QUICK) as client:
        with pytest.raises(NotServedError, match="HTTP status 404: Not Found"):
            client.status("m")
        with pytest.raises(ServingCallError, match="lacks y, z"):
            client.predict("m", {"x": [2.0]}, outputs=["y", "z"])


def test_files_that_are_no_certificates(tmp_path):
    for client, address in ((GrpcClient, "localhost:1"), (RestClient, "https://localhost:1")):
        with pytest.raises(InputError, match="No such file"):
            client(address, ClientOptions(tls=Tls(ca_file=tmp_path / "none.pem")))
    with pytest.raises(ValueError, match="cert_file and key_file go together"):
        Tls(cert_file=tmp_path / "client.pem")


def test_delays_grow_and_stay_within_bounds():
    policy = RetryPolicy(attempts=6, first_delay=0.1, factor=3, longest_delay=1)
    drawn = np.array([list(policy.delays()) for _ in range(300)])
    assert drawn.shape == (300, 5)
    bounds = np.array([0.1, 0.3, 0.9, 1.0, 1.0])
    assert (drawn <= bounds).all()
    # Even between none and the bound: 300 draws have their largest above 0.9 of it but for 0.9^300 = 2e-14.
    assert (drawn.max(0) > 0.9 * bounds).all()
    assert (drawn.min(0) < 0.1 * bounds).all()
