"""Encodings kept on disk: found again, bounded, and never trusted when damaged."""

import logging
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from pipeline.config.text import TextTowerConfig
from tests.trainer.small_bert import HIDDEN, random_tensors, write_bert
from trainer.corpus_texts import CorpusTexts
from trainer.encoding_cache import EncodingCache
from trainer.text_tower import TextTower, build_text_tower

LENGTH, DIM = 5, 3
TEXTS = np.array([b"a", b"b c", "电影".encode(), b""], dtype=object)


def _encodings(texts, seed=0):
    """Random encodings: lengths and values, zeros from a text's length on."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, LENGTH + 1, len(texts))
    values = rng.normal(size=[len(texts), LENGTH, DIM]).astype(np.float32)
    return lengths, values * (np.arange(LENGTH) < lengths[:, np.newaxis])[..., np.newaxis]


def _filled(cache, texts):
    out = np.zeros([len(texts), LENGTH, DIM], np.float32)
    return cache.fill(texts, out), out


def _files(root):
    return sorted(root.rglob("*.safetensors"))


def test_what_was_added_is_found_whatever_the_order(tmp_path):
    lengths, values = _encodings(TEXTS)
    EncodingCache(tmp_path, "key", 1).add(TEXTS[:2], lengths[:2], values[:2])
    EncodingCache(tmp_path, "key", 1).add(TEXTS[2:], lengths[2:], values[2:])
    order = [3, 1, 0, 2]
    texts = np.append(TEXTS[order], b"new")
    found, out = _filled(EncodingCache(tmp_path, "key", 1), texts)
    assert found.tolist() == [True] * 4 + [False]
    np.testing.assert_array_equal(out[:4], values[order])
    assert not out[4].any()


def test_another_key_shares_nothing(tmp_path):
    EncodingCache(tmp_path, "key", 1).add(TEXTS, *_encodings(TEXTS))
    found, out = _filled(EncodingCache(tmp_path, "other", 1), TEXTS)
    assert not found.any()
    assert not out.any()


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "text"])
def test_a_damaged_file_is_removed_with_a_warning(tmp_path, caplog, damage):
    cache = EncodingCache(tmp_path, "key", 1)
    cache.add(TEXTS, *_encodings(TEXTS))
    (path,) = _files(tmp_path)
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[-1] ^= 1  # one bit of the last value
    contents = {"cut": whole[:-8], "changed": bytes(changed), "empty": b"", "text": b"no safetensors"}
    path.write_bytes(contents[damage])
    found, out = _filled(cache, TEXTS)
    assert not found.any()
    assert not out.any()
    assert "is damaged; what it held is computed anew" in caplog.text
    assert not path.exists()


def test_encodings_of_another_shape_are_not_taken(tmp_path):
    cache = EncodingCache(tmp_path, "key", 1)
    cache.add(TEXTS, *_encodings(TEXTS))
    assert not cache.fill(TEXTS, np.zeros([len(TEXTS), LENGTH, DIM + 1], np.float32)).any()


def test_what_was_used_least_recently_goes(tmp_path, monkeypatch):
    texts = np.array([b"%d" % i for i in range(3000)], dtype=object)
    lengths, values = _encodings(texts)
    cache = EncodingCache(tmp_path, "key", 1)
    for start in range(3):
        cache.add(texts[start * 1000 : (start + 1) * 1000], lengths[:1000], values[:1000])
    files = sorted(_files(tmp_path), key=lambda path: path.stat().st_mtime_ns)
    size = files[0].stat().st_size
    for age, path in enumerate(files):
        os.utime(path, (1000 + age, 1000 + age))
    assert _filled(cache, texts[:5])[0].all()  # the oldest is used now
    monkeypatch.setattr(cache, "_max_bytes", 3 * size)
    cache.add(texts[:1000], lengths[:1000], values[:1000])
    assert files[0] in _files(tmp_path)
    assert files[1] not in _files(tmp_path)
    assert len(_files(tmp_path)) == 3


def test_all_keys_share_the_room(tmp_path, monkeypatch):
    lengths, values = _encodings(TEXTS)
    EncodingCache(tmp_path, "old", 1).add(TEXTS, lengths, values)
    (old,) = _files(tmp_path)
    os.utime(old, (1000, 1000))
    cache = EncodingCache(tmp_path, "new", 1)
    monkeypatch.setattr(cache, "_max_bytes", int(1.5 * old.stat().st_size))
    cache.add(TEXTS, lengths, values)
    assert [path.parent.name for path in _files(tmp_path)] == ["new"]


def test_more_than_the_room_is_not_written(tmp_path):
    EncodingCache(tmp_path, "key", 0).add(TEXTS, *_encodings(TEXTS))
    assert not list(tmp_path.rglob("*.*"))


def test_a_folder_that_cannot_be_written_is_a_warning(tmp_path, caplog):
    (tmp_path / "root").write_text("a file")
    EncodingCache(tmp_path / "root", "key", 1).add(TEXTS, *_encodings(TEXTS))
    assert "cannot keep encodings in" in caplog.text


def test_what_a_dead_writer_left_is_cleared(tmp_path):
    cache = EncodingCache(tmp_path, "key", 1)
    (tmp_path / "key").mkdir()
    dead, alive = tmp_path / "key" / "dead.partial", tmp_path / "key" / "alive.partial"
    for path in (dead, alive):
        path.write_bytes(b"x")
    os.utime(dead, (1000, 1000))
    cache.add(TEXTS, *_encodings(TEXTS))
    assert not dead.exists()
    assert alive.exists()


_WRITER = """
import sys
from pathlib import Path
import numpy as np
from trainer.encoding_cache import EncodingCache
start = int(sys.argv[2])
for i in range(start, start + 15):
    texts = np.array([b"%d" % i, b"shared %d" % (i % 15)], dtype=object)
    values = np.full([2, 1, 2], float(i % 15), np.float32)
    cache = EncodingCache(Path(sys.argv[1]), "key", 1)
    out = np.zeros_like(values)
    found = cache.fill(texts, out)
    assert (out[found] == values[found]).all()
    cache.add(texts[~found], np.ones((~found).sum(), int), values[~found])
"""


@pytest.mark.slow
def test_two_processes_at_once(tmp_path):
    """Each reads what it can, and what it reads is right."""
    command = [sys.executable, "-c", _WRITER, str(tmp_path)]
    writers = [subprocess.Popen([*command, start]) for start in ("0", "15")]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    texts = np.array([b"%d" % i for i in range(30)], dtype=object)
    out = np.zeros([30, 1, 2], np.float32)
    assert EncodingCache(tmp_path, "key", 1).fill(texts, out).all()
    np.testing.assert_array_equal(out[:, 0, 0], np.arange(30) % 15)


@pytest.fixture
def config(bert_dir, tmp_path, monkeypatch):
    monkeypatch.setenv("RECSTACK_CACHE", str(tmp_path))
    return TextTowerConfig(weights=str(bert_dir), max_tokens=8, training="top")


def _counted(monkeypatch):
    """The numbers of texts that go through the frozen layers."""
    counts, original = [], TextTower.frozen_outputs

    def count(self, tokens):
        tf.py_function(lambda t: counts.append(len(t)), [tokens], [])
        return original(self, tokens)

    monkeypatch.setattr(TextTower, "frozen_outputs", count)
    return counts


@pytest.mark.parametrize("training", ["frozen", "top"])
def test_a_second_run_computes_only_what_is_new(config, monkeypatch, training):
    config = config.model_copy(update={"training": training})
    counts = _counted(monkeypatch)
    texts = np.array([b"a b", b"x", "电影院".encode(), b"x"], dtype=object)
    first = CorpusTexts(build_text_tower(config, 0), texts, 1)
    assert sum(counts) == 4  # three texts and the empty one
    second = CorpusTexts(build_text_tower(config, 0), texts, 1)
    assert sum(counts) == 4
    rows = tf.range(len(texts) + 1)
    np.testing.assert_array_equal(first.embed(rows), second.embed(rows))
    more = CorpusTexts(build_text_tower(config, 0), np.append(texts, [b"new", b""]), 1)
    assert sum(counts) == 5
    np.testing.assert_allclose(more.embed(rows[:4]), first.embed(rows[:4]), atol=1e-6)


@pytest.mark.parametrize(
    "change", [{"max_tokens": 7}, {"trainable_layers": 0}, {"training": "frozen"}, {"weights": "other"}]
)
def test_other_settings_find_nothing(config, tmp_path, monkeypatch, change):
    texts = np.array([b"a b c d e f g h", b"x"], dtype=object)
    CorpusTexts(build_text_tower(config, 0), texts, 1)
    if "weights" in change:
        (tmp_path / "other").mkdir()
        write_bert(tmp_path / "other", random_tensors(seed=1))
        change = {"weights": str(tmp_path / "other")}
    counts = _counted(monkeypatch)
    CorpusTexts(build_text_tower(config.model_copy(update=change), 0), texts, 1)
    assert sum(counts) == 3


def test_nothing_is_kept_where_nothing_is_frozen_or_wanted(config, tmp_path):
    for change in ({"training": "all"}, {"training": "lora"}, {"disk_cache_mb": 0}, {"weights": "random"}):
        tower = build_text_tower(config.model_copy(update=change), 0)
        assert tower.encodings is None
        CorpusTexts(tower, TEXTS, 1)
    assert not list(tmp_path.iterdir())


def test_embeddings_of_a_frozen_tower_are_its_own(config, bert_dir, caplog):
    """From the cache and without; and no memory is asked for what is not needed."""
    config = config.model_copy(update={"training": "frozen"})
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            tower = build_text_tower(config, 0)
            corpus = CorpusTexts(tower, TEXTS, cache_mb=0)
            expected = tower(tf.constant(np.append(TEXTS, b"")))
            np.testing.assert_allclose(corpus.embed(tf.range(len(TEXTS) + 1)), expected, atol=1e-6)
            assert expected.shape == (len(TEXTS) + 1, HIDDEN)
    assert not [record for record in caplog.records if record.name.startswith("trainer")]
