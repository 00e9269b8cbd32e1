"""Raw ids or pseudonyms: the configuration decides, else the source."""

import pytest

from pipeline.config.environment import PSEUDONYM_KEY_VARIABLE
from pipeline.config.run import RunConfig
from pipeline.errors import InputError
from pipeline.privacy.policy import stored_key

OWN = {"source": "csv", "interactions": {"path": "log.csv"}, "items": {"path": "items.csv"}}
PUBLIC = {"source": "movielens_100k"}


@pytest.mark.parametrize(
    ("data", "user_ids", "pseudonyms"),
    [
        (OWN, None, True),
        (PUBLIC, None, False),
        (OWN, "raw", False),
        (PUBLIC, "pseudonyms", True),
    ],
)
def test_who_decides(monkeypatch, data, user_ids, pseudonyms):
    config = RunConfig.model_validate({"name": "x", "data": data, "privacy": {"user_ids": user_ids}})
    monkeypatch.setenv(PSEUDONYM_KEY_VARIABLE, "ab" * 32)
    assert (stored_key(config) is not None) is pseudonyms
    monkeypatch.delenv(PSEUDONYM_KEY_VARIABLE)
    if pseudonyms:
        with pytest.raises(InputError, match="user ids are kept as pseudonyms, and there is no key"):
            stored_key(config)
    else:
        assert stored_key(config) is None
