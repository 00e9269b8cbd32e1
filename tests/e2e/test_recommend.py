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


@pytest.mark.parametrize(("suffix", "k"), [(".csv", 4), (".parquet", 1000)])
def test_many_users(world, tmp_path, suffix, k):
    users = [f"u{i}" for i in range(NUM_USERS)]
    pd.DataFrame({"who": [*users, "u0", "nobody"]}).to_csv(tmp_path / "users.csv", index=False)
    output = tmp_path / f"out{suffix}"
    done = recstack(
        "recommend", "--bundle", world.bundle, "--users", tmp_path / "users.csv",
        "--column", "who", "--output", output, "--k", k,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "recommendations for 61 users" in done.stdout  # u0 once
    table = pd.read_csv(output) if suffix == ".csv" else pd.read_parquet(output)
    assert table.columns.tolist() == COLUMNS
    assert table.user_id.unique().tolist() == [*users, "nobody"]
    log = pd.read_csv(world.folder / "log.csv")
    assert table.merge(log, on=["user_id", "item_id"]).empty
    seen = log.groupby("user_id").size().reindex(table.user_id.unique(), fill_value=0)
    ranks = table.groupby("user_id", sort=False)["rank"].apply(list)
    expected = [list(range(1, min(k, NUM_ITEMS - count) + 1)) for count in seen]  # what is left, if k is more
    assert ranks.tolist() == expected
    best = table[(table["rank"] <= 4) & (table.user_id != "nobody")]
    assert (best.item_id.map(genre_of_item) == best.user_id.map(genre_of_user)).mean() > 0.9
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([output.name, "users.csv"])
