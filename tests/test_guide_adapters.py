"""`docs/adapters.md`: its example, exactly as it stands."""

import os
import re
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.config.run import load_config
from pipeline.datasets.base import DatasetAdapter
from pipeline.datasets.registry import open_adapter
from tests.e2e.conftest import recstack
from tests.pipeline.datasets.adapter_rows import typed_interactions, typed_items

ROOT = Path(__file__).resolve().parent.parent
GUIDE = (ROOT / "docs" / "adapters.md").read_text(encoding="utf-8")


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """The folder of the example."""
    for name, text in re.findall(r"^```\w+ file=(\S+)\n(.*?)^```", GUIDE, flags=re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(text, encoding="utf-8")
    paths = [str(tmp_path), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("shop", None)


def test_the_example_is_as_short_as_the_guide_says(shop):
    code = [line for line in (shop / "shop.py").read_text().splitlines() if line.strip()]
    assert 30 <= len(code) <= 40


def test_the_example_gives_what_the_guide_says(shop):
    adapter = open_adapter(load_config(shop / "shop.yaml").data)
    adapter.check()
    typed = typed_interactions(adapter)
    assert typed.rows[:2] == [
        {
            "user_id": "ann",
            "item_id": sku,
            "timestamp": 1709284500,
            "value": count,
            "event_type": "paid",
        }
        for sku, count in (("green-tea", 2.0), ("pot", 1.0))
    ]
    assert len(typed.rows) == 11
    assert typed.rejects == [("orders.csv", 5, "missing_key"), ("orders.csv", 7, "unparsable_value")]
    assert typed_items(adapter).rows[::3] == [
        {"item_id": "green-tea", "title": "Green tea", "item_shelf": ["tea", "green"], "item_cents": 450.0},
        {"item_id": "cup", "title": "Cup", "item_shelf": ["pots"], "item_cents": None},
    ]


@pytest.mark.slow
def test_the_example_runs(shop):
    done = recstack("data", "show", "--config", "shop.yaml", cwd=shop)
    assert done.returncode == 0, done.stderr
    assert "11 interactions of 3 users with 4 items" in done.stdout
    (quarantine,) = shop.glob("runs/shop/data/*/quarantine")
    rows = pq.read_table(quarantine).to_pylist()
    assert {(row["file"], row["row"], row["rule"]) for row in rows} == {
        ("orders.csv", 5, "missing_key"),
        ("orders.csv", 7, "unparsable_value"),
    }


def test_the_table_names_every_method_that_an_adapter_may_give():
    named = set(re.findall(r"`(\w+)", "".join(re.findall(r"^\| (.*?) \|", GUIDE, flags=re.MULTILINE))))
    ours = {name for name in vars(DatasetAdapter) if not name.startswith("_")}
    assert named == ours - {"parts", "check", "fingerprint"}


def test_links_and_files_that_are_named_exist():
    prose = re.sub(r"^```.*?^```", "", GUIDE, flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)#]+)\)", prose):
        assert (ROOT / "docs" / link).exists(), link
    for path in re.findall(r"`((?:pipeline|schemas)/[\w/.]+)`", prose):
        assert (ROOT / path).exists(), path
