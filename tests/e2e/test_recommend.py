"""`recstack recommend`, for one user and for many."""

import pandas as pd
import pytest

from tests.checkerboard import NUM_ITEMS, NUM_USERS, genre_of_item, genre_of_user
from tests.e2e.conftest import recstack

pytestmark = pytest.mark.slow

COLUMNS = ["user_id", "rank", "item_id", "title", "retrieval_score", "rating", "like", "above_usual"]


def test_one_user_sees_history_titles_task_scores_and_ranks(world):
    done = recstack("recommend", "--config", world.folder / "config.yaml", "--user", "u4", "--k", "3")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    genre = genre_of_user("u4")
    lines = done.stdout.splitlines()
    assert lines[0].strip() == "user u4: last interactions"
    head = next(i for i, line in enumerate(lines) if "recommendations (bundle version" in line)
    assert lines[head + 1].split() == ["rank", "item", "title", "retrieval", "rating", "like", "above_usual"]
    rows = [line.split() for line in lines[head + 2 :]]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert all(row[2:4] == [genre, "number"] for row in rows)


def test_an_unknown_user_is_told_so_and_answered(world):
    done = recstack("recommend", "--bundle", world.bundle, "--user", "nobody", "--k", "2")
    assert done.returncode == 0
    assert "user nobody is not known" in done.stdout
    assert len([line for line in done.stdout.splitlines() if " number " in line]) == 2


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_many_users(world, tmp_path, suffix):
    users = [f"u{i}" for i in range(NUM_USERS)]
    pd.DataFrame({"who": [*users, "u0", "nobody"]}).to_csv(tmp_path / "users.csv", index=False)
    output = tmp_path / f"out{suffix}"
    done = recstack(
        "recommend", "--bundle", world.bundle, "--users", tmp_path / "users.csv",
        "--column", "who", "--output", output, "--k", "4",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "recommendations for 61 users" in done.stdout  # u0 once
    table = pd.read_csv(output) if suffix == ".csv" else pd.read_parquet(output)
    assert table.columns.tolist() == COLUMNS
    assert table.user_id.unique().tolist() == [*users, "nobody"]
    assert table.groupby("user_id")["rank"].apply(list).map(lambda ranks: ranks == [1, 2, 3, 4]).all()
    known = table[table.user_id != "nobody"]
    assert (known.item_id.map(genre_of_item) == known.user_id.map(genre_of_user)).mean() > 0.9
    log = pd.read_csv(world.folder / "log.csv")
    assert known.merge(log, on=["user_id", "item_id"]).empty
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([output.name, "users.csv"])


def test_k_above_the_corpus_gives_what_is_left(world, tmp_path):
    pd.DataFrame({"user_id": ["u0"]}).to_csv(tmp_path / "users.csv", index=False)
    output = tmp_path / "out.csv"
    recstack(
        "recommend", "--bundle", world.bundle, "--users", tmp_path / "users.csv",
        "--output", output, "--k", "1000",
    )  # fmt: skip
    seen = (pd.read_csv(world.folder / "log.csv").user_id == "u0").sum()
    assert len(pd.read_csv(output)) == NUM_ITEMS - seen
