"""A gateway that is killed in a storm of events: what it acknowledged is there."""

import asyncio

import httpx
import pytest
import yaml

from tests.gateway.gateway_process import gateway_process

EVENTS, BATCH, CALLERS = 10_000, 25, 8
KILLED_AFTER = EVENTS // BATCH // 3  # batches


@pytest.fixture
def config(tmp_path):
    """Of a run that has not begun."""
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp,stars\nu1,i1,1600000000,5\n")
    (tmp_path / "items.csv").write_text("item_id,title\ni1,One\n")
    settings = {
        "name": "storm",
        "output": str(tmp_path / "runs"),
        "privacy": {"user_ids": "raw"},
        "data": {
            "source": "csv",
            "interactions": {"path": "log.csv", "value": "stars"},
            "items": {"path": "items.csv"},
        },
        "gateway": {"limits": {"requests_per_second": 1e6}},
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def _batches():
    events = [
        {
            "event_id": f"e{number}",
            "kind": "click",
            "user_id": f"u{number % 97}",
            "item_id": f"i{number % 53}",
            "timestamp_ms": 1_700_000_000_000 + number,
        }
        for number in range(EVENTS)
    ]
    return [{"events": events[first : first + BATCH]} for first in range(0, EVENTS, BATCH)]


async def _storm(gateway, batches):
    """Sends until all is sent or the gateway is gone, which it is in the middle; the batches it answered."""
    waiting, answered = list(enumerate(batches)), []

    async def call(client):
        while waiting:
            number, batch = waiting.pop(0)
            try:
                answer = await client.post("/v1/events", json=batch)
            except httpx.TransportError:
                return
            assert answer.status_code == 202, answer.text
            answered.append(number)
            if len(answered) == KILLED_AFTER:
                gateway.process.kill()

    async with httpx.AsyncClient(base_url=gateway.url, timeout=120) as client:
        await asyncio.gather(*(call(client) for _ in range(CALLERS)))
    return answered


@pytest.mark.slow
def test_what_was_acknowledged_before_a_kill_is_there_and_the_rest_can_be_sent_again(config, tmp_path):
    batches, log = _batches(), tmp_path / "gateway.log"
    with gateway_process(config, log) as gateway:
        answered = asyncio.run(_storm(gateway, batches))
        assert gateway.process.wait(120) < 0
    assert KILLED_AFTER <= len(answered) < len(batches)
    with gateway_process(config, log) as gateway, httpx.Client(base_url=gateway.url, timeout=120) as client:
        for number, batch in enumerate(batches):
            answer = client.post("/v1/events", json=batch).json()
            if number in answered:
                assert answer == {"accepted": 0, "duplicates": BATCH}
            else:  # whole or not at all
                assert answer in (
                    {"accepted": BATCH, "duplicates": 0},
                    {"accepted": 0, "duplicates": BATCH},
                )
        given = client.post("/v1/people/export", json={"user_id": "u5"}).json()
        expected = [e["event_id"] for batch in batches for e in batch["events"] if e["user_id"] == "u5"]
        assert sorted(event["event_id"] for event in given["events"]) == sorted(expected)
