"""What the steps of the graph are told."""

from pathlib import Path

import pytest

from pipeline.canonical import PreparedData
from pipeline.config.run import load_config
from pipeline.nodes.models import ranking_settings, retrieval_settings
from schemas.features import TableLayout, declare_features

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "movielens_100k.yaml"


@pytest.mark.parametrize("settings", [retrieval_settings, ranking_settings])
def test_a_model_is_fitted_as_the_configuration_says(settings, tmp_path):
    changes = tmp_path / "changes.yaml"
    changes.write_text("training: {precision: mixed}")
    layout = TableLayout()
    data = PreparedData(tmp_path, layout, declare_features(layout), {}, reused=False)
    config = load_config(CONFIG, changes)
    told = settings(config, data)
    assert told.training == config.training
    assert told.training.precision == "mixed"
    assert (told.layout, told.features, told.seed) == (layout, config.features, config.seed)
