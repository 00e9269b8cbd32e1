"""Where a training step finds the transformed data."""

from trainer.streams import TransformedStream


def test_files_of_a_split_in_order(tmp_path):
    for name in ("Split-train/b.gz", "Split-train/a.gz", "Split-train/notes.txt", "Split-eval/c.gz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    stream = TransformedStream(str(tmp_path), graph="")
    assert stream.files("train") == [str(tmp_path / "Split-train" / name) for name in ("a.gz", "b.gz")]
    assert stream.files("eval") == [str(tmp_path / "Split-eval" / "c.gz")]
    assert stream.files("test") == []
