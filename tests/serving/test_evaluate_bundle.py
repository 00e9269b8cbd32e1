"""With which bundle a new one is compared, and what it is called."""

import logging

from serving.evaluate_bundle import _pushed_as, comparable
from serving.layout import MANIFEST_FILE
from serving.push import push
from tests.serving.small_bundle import SETTINGS, write_small_bundle


def test_a_bundle_whose_users_have_the_same_names_is_comparable(tmp_path):
    bundle = str(write_small_bundle(tmp_path / "bundle"))
    assert comparable(bundle, SETTINGS.pseudonym_key) == bundle
    assert comparable(None, SETTINGS.pseudonym_key) is None


def test_another_key_or_another_form_is_not_and_it_is_said_why(tmp_path, caplog):
    bundle = write_small_bundle(tmp_path / "bundle")
    with caplog.at_level(logging.WARNING):
        assert comparable(str(bundle), "another") is None
    assert "pseudonyms of another key" in caplog.text
    (bundle / MANIFEST_FILE).write_text('{"format": 1}')
    with caplog.at_level(logging.WARNING):
        assert comparable(str(bundle), SETTINGS.pseudonym_key) is None
    assert "has format 1" in caplog.text


def test_it_is_called_by_the_newest_version_that_it_was_pushed_as(tmp_path):
    first, second = (write_small_bundle(tmp_path / name, seed=n) for n, name in enumerate(("a", "b")))
    served = tmp_path / "served"
    for bundle in (first, second, first):
        push(bundle, served)
    assert _pushed_as(str(first), served) == 3
    assert _pushed_as(str(second), served) == 2
    assert _pushed_as(str(write_small_bundle(tmp_path / "c", seed=7)), served) is None
    assert _pushed_as(None, served) is None
