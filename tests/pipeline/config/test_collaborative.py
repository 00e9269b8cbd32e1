"""The sources of collaborative filtering, right and wrong."""

import pytest
from pydantic import ValidationError

from pipeline.config.collaborative import CollaborativeConfig, EaseConfig, ItemKnnConfig


def test_each_kind_is_a_source_by_default_under_its_own_name():
    sources = CollaborativeConfig().sources
    kinds = [source.kind for source in sources]
    assert kinds == ["item_knn", "user_knn", "ease", "ials", "content_factors", "popularity"]
    assert [source.source_name for source in sources] == kinds


def test_the_kind_decides_what_can_be_said():
    config = CollaborativeConfig.model_validate(
        {
            "sources": [
                {"kind": "ease", "regularization": 5},
                {"kind": "item_knn", "name": "near", "similarity": "pearson"},
                {"kind": "item_knn", "shrinkage": 3},
            ]
        }
    )
    assert config.sources == (
        EaseConfig(regularization=5),
        ItemKnnConfig(name="near", similarity="pearson"),
        ItemKnnConfig(shrinkage=3),
    )
    assert [source.source_name for source in config.sources] == ["ease", "near", "item_knn"]


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ([], "at least one source is needed"),
        ([{"kind": "ease"}, {"kind": "ease"}], "two sources share a name: ease, ease; give one a 'name'"),
        ([{"kind": "ease"}, {"kind": "ials", "name": "ease"}], "two sources share a name: ease, ease"),
        ([{"kind": "tarot"}], "'tarot' found using 'kind' does not match any of the expected tags"),
        ([{"kind": "ease", "factors": 3}], "Extra inputs are not permitted"),
        ([{"kind": "ease", "regularization": 0}], "greater than 0"),
        ([{"kind": "ials", "name": "Two words"}], "should match pattern"),
    ],
)
def test_bad_sources_are_refused(sources, message):
    with pytest.raises(ValidationError, match=message):
        CollaborativeConfig.model_validate({"sources": sources})
