"""`recstack events evaluate` on a log of the gateway, by two versions that `recstack serve` has."""

import json
import math
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
import tensorflow as tf

from benchmarks.gateway_process import gateway_process
from benchmarks.server_process import server_process
from serving.bundle_integrity import bundle_files
from serving.client import Controls, GrpcClient, RecommenderClient
from serving.file_digests import combined_digest, file_digest
from serving.layout import EXACT, MANIFEST_FILE, RECOMMENDER, model_dir, models_dir, version_dir, versions
from serving.manifest import read_manifest
from serving.push import push
from tests.checkerboard import NUM_USERS, write_config
from tests.e2e.conftest import recstack

pytestmark = pytest.mark.slow

SECONDS = 600
USERS = [f"u{number}" for number in range(NUM_USERS)]
K, RANKS, ROUNDS, EXPLORATION = 5, 2, 4, 1.0
LISTS = ROUNDS * NUM_USERS
GATEWAY = {
    "deadline_ms": 1000 * SECONDS,
    "exploration": EXPLORATION,
    "cache": {"ttl_seconds": 0},
    "limits": {"requests_per_second": 10_000},
}
LEARNT = "no later than what the version has learnt"
MODELS_CONFIG = """
model_config_list {{
  config {{
    name: "recommender"
    base_path: "{base_path}"
    model_platform: "tensorflow"
    model_version_policy {{ all {{}} }}
    version_labels {{ key: "stable" value: 1 }}
    version_labels {{ key: "canary" value: 2 }}
  }}
}}
"""
FUSION_WEIGHTS = "recommender/_fusion/_model/_weights/bias/.ATTRIBUTES/VARIABLE_VALUE"


@dataclass(frozen=True)
class Judging:
    """A log, and what it takes to ask about it.

    Attributes:
      config: Its run's; the server has versions 1 and 2.
      bundle: Their folder.
      alone: What was said of version 1 when the log had none but its own lists, and written.
      earned: What each list of version 2 earned in the end.
      half: Second in which the first half of version 1's lists were over.
    """

    config: Path
    bundle: Path
    alone: tuple[str, dict]
    earned: list[int]
    half: int


def _evaluated(config, *arguments):
    """What the command says, and writes."""
    output = config.with_suffix(".json")
    done = recstack(
        "events", "evaluate", "--config", config, "--ranks", RANKS, "--output", output, *arguments
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(output.read_text())


@pytest.fixture(scope="module")
def judging(world, tmp_path_factory):
    """Each user gets lists of version 1, then as many of version 2."""
    folder = tmp_path_factory.mktemp("judged")
    bundle = folder / "checkerboard" / "bundle"
    first = version_dir(world.bundle, versions(world.bundle)[-1])
    push(first, bundle)
    push(_weighing_otherwise(first, folder / "other"), bundle)
    models = folder / "models.config"
    models.write_text(MODELS_CONFIG.format(base_path=models_dir(bundle, EXACT) / RECOMMENDER))
    with server_process("--models-config", models) as server:
        wanted = _wanted(server.grpc)
        settings = {"output": str(folder), "gateway": {**GATEWAY, "server": server.grpc}}
        config = write_config(world.folder, settings, name="judged.yaml")
        with (
            gateway_process(config, folder / "log", server.grpc) as process,
            httpx.Client(base_url=process.url, timeout=SECONDS) as client,
        ):
            for number in range(ROUNDS):
                _round(client, number, 1, "stable", wanted)
                if number == ROUNDS // 2 - 1:
                    half = _second_that_is_over()
            alone = _evaluated(config, "--version", 1)
            earned = [
                earns
                for number in range(ROUNDS, 2 * ROUNDS)
                for earns in _round(client, number, 2, "canary", wanted)
            ]
        yield Judging(config, bundle, alone, earned, half)


def _weighing_otherwise(bundle, folder):
    """A bundle whose fusion weighs the sources otherwise."""
    shutil.copytree(bundle, folder)
    prefix = str(model_dir(folder, EXACT, RECOMMENDER) / "variables" / "variables")
    reader = tf.train.load_checkpoint(prefix)
    values = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    weights = values[FUSION_WEIGHTS]
    values[FUSION_WEIGHTS] = 0.4 * weights + 0.6 * np.random.default_rng(0).permutation(weights)
    tf.raw_ops.SaveV2(
        prefix=prefix,
        tensor_names=list(values),
        shape_and_slices=[""] * len(values),
        tensors=[tf.constant(value) for value in values.values()],
    )
    files = {name: file_digest(folder / name) for name in bundle_files(folder)}
    changes = {"files": files, "digest": combined_digest(files)}
    read_manifest(folder).model_copy(update=changes).write(folder)
    return folder


def _wanted(address):
    """What each user clicks on: the best of version 1; asked for once the server has both."""
    end = time.monotonic() + SECONDS
    with GrpcClient(address) as client:
        while [one.state for one in client.status(RECOMMENDER, timeout=SECONDS)] != ["AVAILABLE"] * 2:
            assert time.monotonic() < end
            time.sleep(0.5)
        asking = RecommenderClient(client, version=1, timeout=SECONDS)
        lists = asking.recommend_for_users(USERS, Controls(k=K))
    return {user: {item.item_id for item in one.items} for user, one in zip(USERS, lists, strict=True)}


def _round(client, number, version, label, wanted):
    """Asks for a list for each user, and sends what they click on, and an item that a few rate.

    Returns:
      How many clicks each list has among the ranks that count.
    """

    def ask(user):
        question = {"user_id": user, "k": K, "label": label}
        answer = client.post("/v1/recommendations/user", json=question).json()
        assert (answer["source"], answer["model_version"]) == ("model", version)
        return user, answer["request_id"], [item["item_id"] for item in answer["items"]]

    with ThreadPoolExecutor(4) as pool:
        lists = list(pool.map(ask, USERS))
    events = [
        {"kind": "click", "user_id": user, "request_id": request_id, "item_id": item_id, "rank": rank}
        for user, request_id, items in lists
        for rank, item_id in enumerate(items, 1)
        if item_id in wanted[user]
    ]
    rating = {"kind": "rating", "value": 5}
    events += [{"user_id": user, "item_id": items[-1], **rating} for user, _, items in lists[number::10]]
    named = [{"event_id": f"{number}-{place}", **event} for place, event in enumerate(events)]
    kept = client.post("/v1/events", json={"events": named})
    assert kept.json()["accepted"] == len(named), kept.text
    return [len(wanted[user].intersection(items[:RANKS])) for user, _, items in lists]


def _second_that_is_over():
    second = int(time.time())
    while time.time() < second + 1:
        time.sleep(0.1)
    return second


def test_the_version_that_drew_the_lists_would_have_earned_the_same(judging):
    said, found = judging.alone
    assert (found["version"], found["users"]) == (1, NUM_USERS)
    assert found["drawn_by"] == [{"version": 1, "lists": LISTS}]
    assert found["left_out"] == {}
    assert found["mean_weight"]["value"] == pytest.approx(1.0, abs=1e-3)
    assert found["gains"]["ips"]["value"] == pytest.approx(0.0, abs=1e-3)
    assert "the version: no difference shown" in said


def test_another_version_earns_what_was_said_before(judging):
    """In simulations of these two versions IPS was nearer than this allows by each of 10,000 logs."""
    said, found = _evaluated(judging.config, "--label", "canary")
    assert f"version 2, by {LISTS} lists of {NUM_USERS} users" in said
    assert found["drawn_by"] == [{"version": 1, "lists": LISTS}]
    assert found["left_out"] == {"drawn by the version itself": LISTS}
    earned, error = np.mean(judging.earned), np.std(judging.earned) / math.sqrt(LISTS)
    for name in ("ips", "dr"):
        estimate = found["estimates"][name]
        assert abs(estimate["value"] - earned) < 5 * math.hypot(estimate["error"], error)
    away = abs(found["estimates"]["ips"]["value"] - earned)
    assert away < abs(found["estimates"]["ips"]["value"] - found["logged"]["value"])


def test_lists_that_a_version_may_have_learnt_from_do_not_count(judging):
    folder = version_dir(judging.bundle, 2)
    manifest = read_manifest(folder)
    assert manifest.data_span.last < judging.half
    span = manifest.data_span.model_copy(update={"last": judging.half})
    try:
        manifest.model_copy(update={"data_span": span}).write(folder)
        said, found = _evaluated(judging.config, "--version", 2, "--max-lists", 30)
        (folder / MANIFEST_FILE).unlink()
        without, found_without = _evaluated(judging.config, "--version", 2, "--max-lists", 30)
    finally:
        manifest.write(folder)
    assert found["learnt_until"] == judging.half
    assert (found["left_out"][LEARNT], found["lists"]) == (LISTS // 2, 30)
    assert f"left out: {LISTS // 2} ({LEARNT})" in said
    # Where the bundle is elsewhere, nobody knows, which is said.
    assert (found_without["learnt_until"], LEARNT in found_without["left_out"]) == (None, False)
    assert "is not there to say until when it has learnt" in " ".join(without.split())


def test_a_version_that_the_server_does_not_have(judging):
    done = recstack("events", "evaluate", "--config", judging.config, "--version", 9)
    assert done.returncode == 2
    assert "there is no version 9; versions: 1, 2" in " ".join(done.stderr.split())
