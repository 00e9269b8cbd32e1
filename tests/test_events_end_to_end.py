"""A run on events without values, in Parquet files, without users, texts and numbers."""

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.checkerboard import genre_of_item, genre_of_user, settings, write_checkerboard
from tests.e2e.conftest import recstack, step_lines

pytestmark = pytest.mark.slow

TASKS = [{"name": "buy", "kind": "event", "event_type": "buy"}]


def _write(folder):
    """The checkerboard's log as events: what was rated 5 was bought, the rest viewed."""
    write_checkerboard(folder)
    log = pd.read_csv(folder / "log.csv")
    log["kind"] = np.where(log.stars == 5, "buy", "view")
    log["moment"] = pd.to_datetime(log.timestamp, unit="s")
    log[["user_id", "item_id", "moment", "kind"]].to_parquet(folder / "log.parquet")
    items = pd.read_csv(folder / "items.csv")
    items["genres"] = [[genre] for genre in items.genre]
    items[["item_id", "title", "genres"]].to_parquet(folder / "items.parquet")
    config = {
        **settings(folder),
        "name": "events",
        "data": {
            "source": "csv",
            "interactions": {
                "path": "log.parquet",
                "timestamp": "moment",
                "timestamp_unit": "iso",
                "event_type": "kind",
            },
            "items": {"path": "items.parquet", "categories": {"genres": "genres"}},
        },
        "features": {"history_length": 10},
        "ranking": {
            "tasks": TASKS,
            "hidden_dims": [8],
            "epochs": 2,
        },
    }
    config["retrieval"]["history_encoder"] = {"kind": "mean"}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def test_events_without_values(tmp_path):
    config = _write(tmp_path)
    run = recstack("run", "--config", config)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Pusher" in step_lines(run.stdout)
    shown = [words[:2] for words in map(str.split, run.stdout.splitlines())]
    assert ["buy", "auc"] in shown
    assert "rating" not in {words[0] for words in shown if words}

    pd.DataFrame({"user_id": [f"u{i}" for i in range(60)]}).to_csv(tmp_path / "users.csv", index=False)
    output = tmp_path / "out.parquet"
    done = recstack(
        "recommend", "--config", config, "--users", tmp_path / "users.csv", "--output", output, "--k", 3
    )
    assert done.returncode == 0, done.stderr
    answers = pd.read_parquet(output)
    assert answers.columns.tolist() == ["user_id", "rank", "item_id", "title", "retrieval_score", "buy"]
    assert (answers.item_id.map(genre_of_item) == answers.user_id.map(genre_of_user)).mean() > 0.9
    assert answers.buy.between(0, 1).all()
    one = recstack("recommend", "--config", config, "--user", "u3", "--k", "2")
    assert one.returncode == 0, one.stderr
    assert "value" not in one.stdout
