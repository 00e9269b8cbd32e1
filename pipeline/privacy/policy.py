"""Whether a run keeps user ids as they are or as pseudonyms."""

from __future__ import annotations

from pipeline.config.environment import PSEUDONYM_KEY_VARIABLE
from pipeline.config.run import RunConfig
from pipeline.datasets.registry import open_adapter
from pipeline.errors import InputError
from pipeline.privacy.pseudonyms import PseudonymKey


def stored_key(config: RunConfig) -> PseudonymKey | None:
    """The key of the pseudonyms that a run keeps.

    Args:
      config: `privacy.user_ids` decides; by default the source: one's own files need pseudonyms, public
        data sets do not.

    Returns:
      The key, or `None` if user ids are kept as they are.

    Raises:
      InputError: Pseudonyms need a key, and there is none, or it cannot be read.
    """
    default = "raw" if open_adapter(config.data).ids_are_public else "pseudonyms"
    if (config.privacy.user_ids or default) == "raw":
        return None
    key = PseudonymKey.load(config.privacy.key_file)
    if key is None:
        raise InputError(
            "user ids are kept as pseudonyms, and there is no key: make one by `recstack data key --output "
            f"FILE` and name it in privacy.key_file or, its content, in {PSEUDONYM_KEY_VARIABLE}; or set "
            "privacy.user_ids to 'raw', if the ids are no persons'"
        )
    return key
