"""Which arm of an experiment a user is in."""

from __future__ import annotations

import hashlib
from typing import Literal

from pipeline.config.gateway import ExperimentConfig

Arm = Literal["stable", "canary"]

_BYTES = 8
_RANGE = 2 ** (8 * _BYTES)


def arm_of(user: str, experiment: ExperimentConfig) -> Arm:
    """The arm of a user: always the same one for the same user, name and share.

    The experiment's name is the salt, so that who is in one experiment's canary says nothing of another's.
    When the share grows, nobody leaves the canary.

    Args:
      user: By the name that the log knows.
      experiment: Of which.
    """
    # No name holds a colon, so that no two pairs are one text.
    digest = hashlib.blake2b(f"{experiment.name}:{user}".encode(), digest_size=_BYTES).digest()
    return "canary" if int.from_bytes(digest, "big") < experiment.canary_share * _RANGE else "stable"
