"""The command of a machine that no pipeline starts: what it refuses."""

import pytest

from trainer.worker import main


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot read the job"),
        ("nothing", "is not a training's job"),
        ('{"log_dir": "logs", "cluster": 1}', "cluster: unknown key"),
        ('{"log_dir": "logs"}', "interactions: missing"),
    ],
)
def test_a_job_that_cannot_be_read_is_one_message(tmp_path, capsys, text, message):
    path = tmp_path / "job.json"
    if text is not None:
        path.write_text(text)
    assert main([str(path)]) == 2
    assert message in capsys.readouterr().err
