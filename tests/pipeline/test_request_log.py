"""Files of logged requests: which count, which cannot be used."""

import gzip
import shutil

import pytest
import tensorflow as tf

from pipeline.errors import InputError
from pipeline.request_log import RequestLog, is_gzipped


def _write(path, compression="", records=(b"",)):
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for record in records:
            writer.write(record)
    return path


REQUEST = tf.train.Example(
    features=tf.train.Features(
        feature={"user_id": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"u1"]))}
    )
).SerializeToString()


@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_plain_and_gzipped_files_are_told_apart_by_what_they_hold(tmp_path, compression):
    file = _write(tmp_path / "log", compression, [REQUEST, b""])
    assert is_gzipped(file) == (compression == "GZIP")
    RequestLog(file).check()


def test_a_folder_stands_for_its_files_at_any_depth(tmp_path):
    (tmp_path / "b" / "c").mkdir(parents=True)
    wanted = [_write(tmp_path / "a.tfrecord"), _write(tmp_path / "b" / "c" / "d", "GZIP")]
    for name in (".hidden", "_SUCCESS"):
        _write(tmp_path / name)
    (tmp_path / "empty").touch()
    assert RequestLog(tmp_path).files() == wanted
    RequestLog(tmp_path).check()


def test_no_file_and_no_request(tmp_path):
    with pytest.raises(InputError, match=r"validation.served_requests: .*none does not exist"):
        RequestLog(tmp_path / "none").check()
    with pytest.raises(InputError, match=r"validation.served_requests: .* holds no requests"):
        RequestLog(tmp_path).check()


@pytest.mark.parametrize(
    "content",
    [
        b"user_id,item_id\n1,2\n",
        b"short",
        gzip.compress(b"user_id,item_id\n1,2\n", mtime=0),
        gzip.compress(b"x" * 1000, mtime=0)[:-12],
        b"\x1f\x8b\x08 no gzip",
        # A record that is no tf.Example, and one that is cut off.
        b"\x03\0\0\0\0\0\0\0\0\0\0\0abc\0\0\0\0",
        b"\x03\0\0\0\0\0\0\0\0\0\0\0\n",
    ],
)
def test_what_is_no_file_of_requests(tmp_path, content):
    (tmp_path / "log").write_bytes(content)
    with pytest.raises(InputError, match="log is no TFRecord file of tf.Examples"):
        RequestLog(tmp_path).check()


def test_the_fingerprint_changes_with_the_files(tmp_path):
    log = RequestLog(tmp_path)
    _write(tmp_path / "a")
    first = log.fingerprint()
    assert log.fingerprint() == first
    _write(tmp_path / "b")
    second = log.fingerprint()
    shutil.move(tmp_path / "b", tmp_path / "c")
    assert len({first, second, log.fingerprint()}) == 3
