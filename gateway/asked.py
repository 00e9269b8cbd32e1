"""What a list is made for."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass

from gateway.events.served_list import ListKind
from gateway.sessions import Session
from serving.client import Controls

NOTHING_LATELY = Session()


@dataclass(frozen=True)
class Asked:
    """What a list is made for.

    Attributes:
      kind: `user`, `item` or `text`.
      about: The user, the item or the text.
      user: Who asks, by the name that the log knows; `None` where nobody is named.
      controls: Of the list, but for the seed.
      label: Of the version that is asked; `None` for the newest.
      arm: Of the experiment.
      session: What the user did lately.
    """

    kind: ListKind
    about: str
    user: str | None
    controls: Controls
    label: str | None = None
    arm: str | None = None
    session: Session = NOTHING_LATELY

    @property
    def key(self) -> Hashable:
        """Who asks for the same gets the same list, for a while; of controls, which may be long, a digest."""
        controls = hashlib.blake2b(self.controls.model_dump_json().encode(), digest_size=16).digest()
        return self.kind, self.about, controls, self.label, self.session.revision
