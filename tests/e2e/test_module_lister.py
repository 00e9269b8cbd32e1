"""A model that no bundle holds, asked for its lists."""

import numpy as np
import pytest
import tensorflow as tf

from serving.judged_interactions import JudgedInteractions
from serving.layout import RETRIEVAL, model_dir, version_dir
from serving.list_evaluation.model_lister import ModelLister
from serving.list_evaluation.module_lister import ModuleLister
from serving.list_evaluation.requests import ListRequests
from tests.e2e.test_ranking_predictions import SETTINGS

pytestmark = pytest.mark.slow


def _first(folder):
    """An artifact of the first run; other tests make more."""
    return min(folder.iterdir(), key=lambda path: int(path.name))


def test_a_trained_model_lists_what_its_bundle_lists(world):
    artifacts = world.artifacts
    bundle = version_dir(world.bundle, 1)
    module = tf.saved_model.load(str(_first(artifacts / "RetrievalTrainer/model")))
    served = tf.saved_model.load(str(model_dir(bundle, "exact", RETRIEVAL)))
    examples = str(_first(artifacts / "interactions.ExampleGen/examples"))
    judged = JudgedInteractions(examples, SETTINGS, module.corpus.item_ids.numpy())
    requests = ListRequests(judged, 1000, seed=0)
    ours, theirs = ModuleLister(module, judged.item_ids), ModelLister(served, judged.item_ids, False)
    blocks = list(requests.blocks())
    assert blocks
    for block in blocks:
        np.testing.assert_array_equal(ours(block), theirs(block))
