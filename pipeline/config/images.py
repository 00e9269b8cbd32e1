"""Names of container images, as configurations may have them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

# A repository, then a tag that says something or, better, a digest.
_PINNED = re.compile(
    r"[a-z0-9][a-zA-Z0-9._:/-]*[a-z0-9](:(?P<tag>[\w][\w.-]{0,127}))?(@sha256:[0-9a-f]{64})?"
)


def _pinned(image: str) -> str:
    match = _PINNED.fullmatch(image)
    name = image.split("/")[-1]
    if not match or (":" not in name and "@" not in name):
        raise ValueError(
            f"an image needs a tag or a digest, as in NAME:1.2 or NAME@sha256:..., not '{image}'"
        )
    if re.search(r":latest($|@)", image):
        raise ValueError(f"'{image}': the tag latest is another image tomorrow; name a version or a digest")
    return image


PinnedImage = Annotated[str, AfterValidator(_pinned)]
"""An image with a tag other than `latest`, or with a digest."""
