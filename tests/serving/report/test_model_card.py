"""A run's model card against the run."""

import json

import pytest

from pipeline.commands.report import newest_run
from serving.report.card_page import card_page
from serving.report.run_card import run_card
from tests.serving.report.full_record import full_record
from tests.serving.report.small_run import MANIFEST, write_small_run


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    config = write_small_run(tmp_path_factory.mktemp("card"), full_record(blessed=False))
    return run_card(newest_run(config), config)


def test_the_fields_are_those_of_the_schema(card):
    fields = json.loads(card.to_json())
    assert set(fields) == {
        "schema_version",
        "model_details",
        "model_parameters",
        "quantitative_analysis",
        "considerations",
    }
    assert {"name", "overview", "version", "licenses", "references", "owners"} <= set(fields["model_details"])
    assert set(fields["model_parameters"]) == {
        "model_architecture",
        "data",
        "input_format",
        "output_format",
    }
    assert set(fields["considerations"]) == {
        "users",
        "use_cases",
        "limitations",
        "tradeoffs",
        "ethical_considerations",
    }


def test_figures_are_the_records_with_bounds_and_slices(card):
    metrics = {(m.type, m.slice): m for m in card.quantitative_analysis.performance_metrics}
    recall = metrics["lists/recall@20", ""]
    assert (recall.value, recall.confidence_interval.lower_bound) == ("0.3", "0.29")
    assert metrics["lists/coverage", ""].confidence_interval is None
    assert ("lists/recall@20", "item_popularity=tail") in metrics
    assert metrics["rating/rmse", ""].value == "0.95"
    assert metrics["index/recall@10", ""].value == "0.97"


def test_it_says_what_was_made_of_what(card):
    details = card.model_details
    assert details.version.name == MANIFEST.digest[:12]
    assert "refused (lists: recall@20" in details.overview
    assert "recall@20 +0.0200" in details.version.diff
    assert "into 16 dimensions" in card.model_parameters.model_architecture
    assert [data.name for data in card.model_parameters.data] == [
        "movielens_100k, train",
        "movielens_100k, eval",
        "movielens_100k, test",
    ]
    limitations = " ".join(limitation.description for limitation in card.considerations.limitations)
    assert "2 items of the corpus have no interaction in training" in limitations
    assert "3 rows of the source were rejected" in limitations
    risks = " ".join(risk.mitigation_strategy for risk in card.considerations.ethical_considerations)
    assert "known by pseudonyms" in risks
    assert "user_region" in risks


def test_its_page_is_escaped(card):
    page = card_page(card)
    assert "<script" not in page
    assert "&lt;b&gt;is too low&lt;/b&gt;" in page
