"""Which bundle a new one is compared with."""

import json
import uuid

import pytest
from tfx.types.standard_artifacts import ModelBlessing

from pipeline.object_store import ObjectStore
from serving.artifacts import ServingBundle
from serving.components.last_pushed_bundle import LastPushedBundle
from serving.previous_bundle import BLESSED, BUNDLE_ID, LastBlessedBundle, bundle_folder
from tests.serving.pushed import write_export


def _bundle(number):
    bundle = ServingBundle()
    bundle.id = number
    return bundle


def _blessing(number, of, blessed=1):
    blessing = ModelBlessing()
    blessing.id = number
    blessing.set_int_custom_property(BLESSED, blessed)
    if of is not None:
        blessing.set_int_custom_property(BUNDLE_ID, of)
    return blessing


def _resolve(candidate, bundles, blessings):
    inputs = {
        "candidate": [_bundle(candidate)],
        "bundles": [_bundle(number) for number in bundles],
        "blessings": blessings,
    }
    found = LastBlessedBundle().resolve_artifacts(None, inputs)
    assert set(found) == set(inputs)
    return [bundle.id for bundle in found["bundles"]]


@pytest.mark.parametrize(
    ("candidate", "bundles", "blessings", "expected"),
    [
        pytest.param(1, [1], [], [], id="the first run"),
        pytest.param(1, [1], [_blessing(11, 1)], [], id="the first run again"),
        pytest.param(2, [1, 2], [_blessing(11, 1)], [1], id="a new bundle"),
        pytest.param(2, [1, 2], [_blessing(11, 1), _blessing(12, 2)], [1], id="a new bundle again"),
        pytest.param(1, [1, 2], [_blessing(11, 1), _blessing(12, 2)], [2], id="an old bundle comes back"),
        pytest.param(
            3,
            [1, 2, 3],
            [_blessing(13, 1), _blessing(12, 2), _blessing(11, 1)],
            [1],
            id="blessed again, in whatever order they come",
        ),
        pytest.param(3, [1, 2, 3], [_blessing(11, 1), _blessing(12, 2, 0)], [1], id="one was refused"),
        pytest.param(2, [1, 2], [_blessing(11, None)], [], id="a blessing of something else"),
    ],
)
def test_the_one_that_was_blessed_last_but_not_the_candidate(candidate, bundles, blessings, expected):
    assert _resolve(candidate, bundles, blessings) == expected


def test_an_empty_folder_is_no_bundle(tmp_path):
    bundle = ServingBundle()
    bundle.uri = str(tmp_path)
    assert bundle_folder(None) is None
    assert bundle_folder(bundle) is None
    (tmp_path / "manifest.json").touch()
    assert bundle_folder(bundle) == str(tmp_path)


def _last_pushed(tmp_path, candidate, store):
    judged, found = ServingBundle(), ServingBundle()
    judged.uri, found.uri = str(write_export(tmp_path / "candidate", candidate)), "gs://bucket/output"
    LastPushedBundle.test_call(candidate=judged, bundles=found, destination=store.uri)
    return found.uri


def test_the_newest_pushed_version_but_not_the_candidate(tmp_path):
    store = ObjectStore(f"memory://{uuid.uuid4().hex}")
    assert _last_pushed(tmp_path, "one", store) == "gs://bucket/output"  # empty, as it was
    for number, digest in ((9, "one"), (10, "two")):
        store.write(f"versions/{number}/manifest.json", json.dumps({"digest": digest}).encode())
    store.write("versions/11/exact/ranking/saved_model.pb", b"half a version")
    assert _last_pushed(tmp_path, "one", store) == store.at("versions/10")
    assert _last_pushed(tmp_path, "two", store) == store.at("versions/9")
    assert _last_pushed(tmp_path, "three", store) == store.at("versions/10")
