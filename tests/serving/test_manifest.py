"""The manifest: what is read back, and what is refused."""

import json

import pytest

from pipeline.errors import BundleError
from serving.file_digests import FileDigest, combined_digest
from serving.manifest import Manifest, add_metrics, read_digest, read_manifest, stack_versions

FILES = {"exact/retrieval/saved_model.pb": FileDigest(size=3, sha256="ab" * 32)}
CONTENT = {
    "name": "small",
    "digest": combined_digest(FILES),
    "versions": {"tensorflow": "2.16.2"},
    "data_span": {"first": 1, "last": 2},
    "interactions": 5,
    "num_items": 4,
    "embedding_dim": 3,
    "variants": ("exact", "scann"),
    "index": "exact",
    "towers": {"retrieval": "a", "index": "a"},
    "tasks": {"like": "event"},
    "signatures": {"retrieval": ("serving_default", "top_k")},
    "pseudonym_key": "0123456789abcdef",
    "parts": {"schema": "cd"},
    "ops": {"exact": {"retrieval": {"tensorflow": ("MatMul",)}}},
    "files": FILES,
}


@pytest.fixture
def folder(tmp_path):
    Manifest(**CONTENT).write(tmp_path)
    return tmp_path


def _change(folder, **entries):
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


def test_what_is_written_is_read(folder):
    assert read_manifest(folder) == Manifest(**CONTENT)
    raw = json.loads((folder / "manifest.json").read_text())
    # What other programs look for.
    assert (raw["format"], raw["digest"], raw["pseudonym_key"]) == (3, CONTENT["digest"], "0123456789abcdef")


def test_metrics_are_added_and_the_digest_stays(folder):
    add_metrics(folder, {"recommender/recall@20": 0.25})
    assert read_manifest(folder).metrics == {"recommender/recall@20": 0.25}
    assert read_digest(folder) == CONTENT["digest"]


@pytest.mark.parametrize("old", [1, 2, None, 4])
def test_another_format_says_what_to_do(folder, old):
    _change(folder, format=old)
    with pytest.raises(BundleError, match=rf"has format {old}, .* reads format 3: make a new version"):
        read_manifest(folder)
    assert read_digest(folder) == CONTENT["digest"]  # a new version can still be pushed beside it


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"digest": "0" * 64}, "digest does not follow from the files"),
        ({"files": {}}, "digest does not follow from the files"),
        ({"index": "fast"}, r"manifest.json is damaged \(index: "),
        ({"towers": {"retrieval": "a"}}, r"damaged \(towers.index: Field required"),
        ({"variants": ["scann"]}, "damaged .*index exact is none of the variants"),
        ({"surprise": 1}, "surprise: Extra inputs"),
    ],
)
def test_a_manifest_that_cannot_be_is_damaged(folder, entries, message):
    _change(folder, **entries)
    with pytest.raises(BundleError, match=message):
        read_manifest(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot read .*No such file"),
        ("{", "holds no JSON:"),
        ("[]", "no JSON object"),
        ("\xff", "no JSON"),
    ],
)
def test_no_manifest_at_all(tmp_path, text, message):
    if text is not None:
        (tmp_path / "manifest.json").write_text(text, encoding="latin-1")
    for read in (read_manifest, read_digest):
        with pytest.raises(BundleError, match=message) as caught:
            read(tmp_path)
        assert caught.value.exit_code == 6


def test_the_stack_is_named():
    assert {"recstack", "tensorflow", "tensorflow-text", "scann", "keras-nlp"} <= set(stack_versions())
