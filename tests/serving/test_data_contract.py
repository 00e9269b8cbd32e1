"""Schema and vocabularies in a bundle."""

from tfx.types.standard_artifacts import Schema, TransformGraph

from schemas.features import Stream
from serving.data_contract import export_schema, export_vocabularies
from serving.layout import schema_dir, vocabularies_dir


def _artifact(kind, folder, files):
    artifact = kind()
    artifact.uri = str(folder)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return artifact


def test_each_streams_schema_byte_by_byte(tmp_path):
    schemas = [_artifact(Schema, tmp_path / s.value, {"schema.pbtxt": f"# {s.value}"}) for s in Stream]
    for _ in range(2):  # a step that was killed runs again
        export_schema(*schemas, str(tmp_path / "version"))
    for stream in Stream:
        assert (schema_dir(tmp_path / "version") / f"{stream.value}.pbtxt").read_text() == f"# {stream.value}"


def test_vocabularies_without_users(tmp_path):
    assets = "transform_fn/assets"
    of_log = {f"{assets}/user_id": "ann\nbob\n", f"{assets}/user_region": "north\n"}
    log = _artifact(TransformGraph, tmp_path / "log", of_log)
    items = _artifact(TransformGraph, tmp_path / "items", {f"{assets}/item_genre": "drama\n"})
    for _ in range(2):
        export_vocabularies(log, items, str(tmp_path / "version"))
    folder = vocabularies_dir(tmp_path / "version")
    found = {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()}
    assert found == {"interactions/user_region": "north\n", "items/item_genre": "drama\n"}


def test_a_stream_without_vocabularies_has_an_empty_folder(tmp_path):
    graphs = [_artifact(TransformGraph, tmp_path / s.value, {"metadata": ""}) for s in Stream]
    export_vocabularies(*graphs, str(tmp_path / "version"))
    assert [list(folder.iterdir()) for folder in vocabularies_dir(tmp_path / "version").iterdir()] == [[], []]
