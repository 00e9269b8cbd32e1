"""The small split, read once a file of tests."""

import pytest

from serving.judged_interactions import JudgedInteractions
from tests.serving.list_evaluation.small_split import ITEM_IDS, SETTINGS, make_log, write_examples


@pytest.fixture(scope="package")
def log():
    """All events, oldest first."""
    return make_log()


@pytest.fixture(scope="package")
def folders(log, tmp_path_factory):
    """Folders of the raw interactions and of the raw items."""
    return write_examples(tmp_path_factory.mktemp("examples"), log)


@pytest.fixture(scope="package")
def data(folders):
    """The test split."""
    return JudgedInteractions(folders[0], SETTINGS, ITEM_IDS)
