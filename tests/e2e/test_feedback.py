"""A run, what people did with what they were shown, and the run after it, which has learnt from that."""

import shutil

import pytest

from serving.layout import versions
from tests.checkerboard import FIRST_SECOND, NUM_ITEMS, genre_of_item, write_config
from tests.e2e.conftest import World, recstack
from tests.e2e.test_bundle import Answers
from tests.gateway.events.samples import event
from tests.gateway.events.test_export import write

pytestmark = pytest.mark.slow

# Of two genres, and so never of one user: until now.
SEEN, NEXT = "i0", "i1"
PAIRS = 40


@pytest.fixture(scope="module")
def later(world, tmp_path_factory):
    """The world with a folder of runs of its own: what the first run made is reused from where it is."""
    folder = tmp_path_factory.mktemp("later")
    shutil.copytree(world.folder, folder, dirs_exist_ok=True, symlinks=True)
    return World(folder, world.first_run)


def _events():
    """People who liked one item and then the other, in the time that trains, and one who liked the first."""
    liked = {"kind": "rating", "value": 5.0}
    for person in range(PAIRS):
        first = (FIRST_SECOND + person * 15_000) * 1000
        for place, item in enumerate((SEEN, NEXT)):
            moment = first + place * 100_000
            yield event(f"{person}.{place}", user=f"v{person}", item_id=item, timestamp_ms=moment, **liked)
    yield event("last", user="w", item_id=SEEN, timestamp_ms=FIRST_SECOND * 1000, **liked)
    yield event("shown", user="w", item_id=NEXT, timestamp_ms=FIRST_SECOND * 1000, kind="impression")


def _rank_of_next(bundle):
    """Where the other item stands for somebody who did the first and nothing else."""
    inputs = {"history_item_ids": [[SEEN]], "history_values": [[5.0]], "k": [NUM_ITEMS]}
    (answer,) = Answers(bundle)(("recommender", "for_histories", inputs))
    return answer["item_ids"][0].index(NEXT) + 1


def test_the_next_bundle_has_learnt_what_people_did(later):
    assert genre_of_item(SEEN) != genre_of_item(NEXT)
    before = versions(later.bundle)
    assert _rank_of_next(later.bundle) > NUM_ITEMS // 4
    write(later.run_dir / "events" / "log", list(_events()))
    exported = recstack("events", "export", "--config", write_config(later.folder))
    assert exported.returncode == 0, exported.stderr
    assert f"2025-11-25: {2 * PAIRS + 2} events" in exported.stdout

    done, _ = later.run({"feedback": {}})
    assert done.returncode == 0, done.stdout + done.stderr
    assert versions(later.bundle) == [*before, before[-1] + 1]
    assert _rank_of_next(later.bundle) <= 3
    shown = recstack("recommend", "--config", write_config(later.folder), "--user", "w", "--k", "3")
    assert shown.returncode == 0, shown.stderr
    assert "is not known" not in shown.stdout
    items = [
        line.split()[1] for line in shown.stdout.splitlines() if line.split()[:1] in (["1"], ["2"], ["3"])
    ]
    assert NEXT in items
