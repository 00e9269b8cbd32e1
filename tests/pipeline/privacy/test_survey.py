"""Which place is which."""

from pathlib import Path

import pytest

from pipeline.privacy.survey import Area, area_of, artifact_folder, files


@pytest.mark.parametrize(
    ("name", "area", "folder"),
    [
        ("data/s1/users.parquet", Area.DATA, "data"),
        ("artifacts/G/examples/3/a.gz", Area.INTERMEDIATE, "artifacts/G/examples/3"),
        ("artifacts/T/t_examples/3/S/a.gz", Area.INTERMEDIATE, "artifacts/T/t_examples/3"),
        ("artifacts/T/transform_graph/3/a", Area.INTERMEDIATE, "artifacts/T/transform_graph/3"),
        ("artifacts/T/.system/kind/3/a", Area.INTERMEDIATE, "artifacts/T/.system/kind/3"),
        ("artifacts/R/model/3/assets/user_id", Area.MODELS, "artifacts/R/model/3"),
        ("artifacts/R/something_new/3/a", Area.MODELS, "artifacts/R/something_new/3"),
        ("bundle/versions/3/ranking/assets/user_id", Area.VERSIONS, "bundle/versions/3"),
        ("validation/data/s1/users.parquet", Area.INTERMEDIATE, "validation"),
        ("run.log", Area.OTHER, "run.log"),
        ("metadata.sqlite", Area.OTHER, "metadata.sqlite"),
    ],
)
def test_areas(name, area, folder):
    assert area_of(Path(name)) is area
    assert artifact_folder(Path(name)) == Path(folder)


def test_links_are_not_followed(tmp_path):
    (tmp_path / "versions" / "1").mkdir(parents=True)
    (tmp_path / "versions" / "1" / "a").touch()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "1").symlink_to("../versions/1")
    (tmp_path / "models" / "a").symlink_to("../versions/1/a")
    assert list(files(tmp_path)) == [tmp_path / "versions" / "1" / "a"]
