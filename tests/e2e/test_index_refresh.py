"""New items without training: pushed, served, found; and the bundle's description, taken at its word."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from serving.client import Controls, GrpcClient, History, RecommenderClient
from serving.file_digests import folder_digests
from serving.layout import MODELS, version_dir, versions
from serving.manifest import read_manifest
from serving.tf_serving.labels import Labels, read_labels
from tests.checkerboard import GENRES, NUM_ITEMS, NUM_USERS, genre_of_user, write_config
from tests.e2e.conftest import recstack

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 300
READY = re.compile(r"gRPC on (\S+), REST on ([^;]+);")
NEW = [f"{genre}-new" for genre in GENRES]
COMEDIES = History(["i0", "i3", "i6"])


@pytest.fixture(scope="module")
def refreshed(world, tmp_path_factory):
    """A copy of the world, refreshed twice: with an item of each genre, then with another comedy."""
    folder = tmp_path_factory.mktemp("refreshed")
    shutil.copytree(world.run_dir, folder / "runs" / "checkerboard", symlinks=True)
    for name in ("log.csv", "items.csv", "users.csv"):
        shutil.copy(world.folder / name, folder)
    write_config(folder)
    rows = [f"{name},{genre},{genre} number 900,," for name, genre in zip(NEW, GENRES, strict=True)]
    for number, added in enumerate((rows, ["another,comedy,comedy number 901,,", rows[0]])):
        file = folder / f"new{number}.csv"
        file.write_text("\n".join(["item_id,genre,title,plot,minutes", *added, ""]))
        done = recstack("index", "refresh", "--items", file, "--config", folder / "config.yaml")
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"{3 + number} added items beside {NUM_ITEMS} trained ones" in done.stdout
    return folder


@pytest.fixture(scope="module")
def bundle(refreshed):
    return refreshed / "runs" / "checkerboard" / "bundle"


@pytest.fixture(scope="module")
def served(bundle):
    """The server's addresses."""
    command = [sys.executable, "-m", "pipeline", "serve", "--bundle", bundle]
    with subprocess.Popen(
        [*map(str, command), "--grpc-port", "0", "--rest-port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "300"},
    ) as process:
        found = READY.search(process.stdout.readline())
        assert found
        yield found[1], found[2]
        process.terminate()
        assert process.wait(timeout=SECONDS) == 0


@pytest.fixture(scope="module")
def client(served, bundle):
    """Asks the newest version; the server takes calls as soon as it has any version of each model."""
    newest, end = versions(bundle)[-1], time.monotonic() + SECONDS
    with GrpcClient(served[0]) as made:
        while not all(_is_available(made, model, newest) for model in MODELS):
            assert time.monotonic() < end
            time.sleep(0.5)
        yield RecommenderClient(made, label="canary", timeout=SECONDS)


def _is_available(client, model, version):
    return any((status.version, status.state) == (version, "AVAILABLE") for status in client.status(model))


def _ids(found):
    return [item.item_id for item in found.items]


def test_every_refresh_is_a_version_of_its_own(bundle):
    assert versions(bundle) == [1, 2, 3]
    assert read_labels(bundle) == Labels(stable=1, canary=3)
    first, *others = (read_manifest(version_dir(bundle, number)) for number in (1, 2, 3))
    assert first.refresh is None
    for manifest, added in zip(others, (3, 4), strict=True):
        assert manifest.num_items == NUM_ITEMS + added
        assert (manifest.refresh.judged_version, manifest.refresh.added_items) == (1, added)
        assert manifest.metrics == first.metrics
        assert manifest.towers.retrieval == manifest.towers.index != first.towers.index


def test_a_text_finds_new_items(client):
    for name, genre in zip(NEW, GENRES, strict=True):
        assert name in _ids(client.search_text(f"{genre} number 900", Controls(k=3)))


def test_who_likes_a_genre_is_shown_its_new_items_before_other_genres(client):
    found = client.recommend_for_history(COMEDIES, Controls(k=NUM_ITEMS + 4), model="retrieval")
    places = {item_id: place for place, item_id in enumerate(_ids(found))}
    assert places["comedy-new"] < min(places["western-new"], places["horror-new"])
    assert places["another"] < min(places["western-new"], places["horror-new"])
    found = client.recommend_for_history(COMEDIES, Controls(k=10, allow=("item_genre=comedy",)))
    assert all(item.title.startswith("comedy") for item in found.items)
    new = client.recommend_for_history(COMEDIES, Controls(k=NUM_ITEMS, allow=("item_genre=comedy",)))
    assert {"comedy-new", "another"} < set(_ids(new))


def test_users_are_shown_the_new_items_of_their_genre_before_those_of_others(client):
    users = [f"u{number}" for number in range(NUM_USERS)]
    lists = client.recommend_for_users(users, Controls(k=NUM_ITEMS + 4))
    first = [min(NEW, key=_ids(found).index) for found in lists]
    liked = [name == f"{genre_of_user(user)}-new" for user, name in zip(users, first, strict=True)]
    assert sum(liked) > 0.9 * NUM_USERS
    assert all(found.known for found in lists)


def test_trained_items_are_like_the_new_ones_of_their_genre(client):
    for number, name in enumerate(NEW):
        found = _ids(client.similar_items(f"i{number}", Controls(k=NUM_ITEMS + 4)))
        assert min(NEW, key=found.index) == name


def test_a_new_item_may_be_in_a_history_and_be_compared(client):
    found = client.recommend_for_history(History(["i0", "comedy-new"]), Controls(k=NUM_ITEMS + 4))
    assert "comedy-new" not in _ids(found)
    like_it = client.similar_items("comedy-new", Controls(k=5))
    assert all(item.title.startswith("comedy") for item in like_it.items)


def test_the_calls_of_the_description_work_as_pasted(served, bundle):
    text = (bundle / "README.md").read_text()
    assert "By which version 1, to which items were added since, was judged" in text
    here = text.replace("127.0.0.1:8500", served[0]).replace("127.0.0.1:8501", served[1])
    curl = next(line for line in here.splitlines() if line.startswith("curl"))
    done = subprocess.run(shlex.split(curl), capture_output=True, text=True, check=True)
    assert len(json.loads(done.stdout)["outputs"]["item_ids"][0]) == 10
    code = here.split("```python\n")[1].split("```")[0]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 10


def test_trained_items_are_refused_and_nothing_is_pushed(refreshed, bundle):
    file = refreshed / "known.csv"
    file.write_text("item_id,genre,title,plot,minutes\nnew,comedy,x,,\ni1,comedy,x,,\n")
    before = folder_digests(bundle)
    done = recstack("index", "refresh", "--items", file, "--config", refreshed / "config.yaml")
    assert done.returncode == 2
    assert "--only-new" in done.stderr
    assert folder_digests(bundle) == before


def test_too_many_faulty_rows_are_refused(refreshed, bundle):
    config = write_config(refreshed, {"cleaning": {"max_rejected": 0.0}}, name="strict.yaml")
    file = refreshed / "faulty.csv"
    file.write_text("item_id,genre,title,plot,minutes\n,comedy,x,,\nok,comedy,x,,\n")
    done = recstack("index", "refresh", "--items", file, "--config", config)
    assert done.returncode == 4
    assert "row 1: missing_key" in done.stdout
    assert versions(bundle) == [1, 2, 3]
