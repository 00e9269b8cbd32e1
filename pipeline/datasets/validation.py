"""What every adapter's layout must be, whatever its source."""

from __future__ import annotations

import re
from collections import Counter

from pipeline.errors import InputError
from schemas.features import Encoding, Stream, TableLayout, declare_features

# What TensorFlow takes for the name of an input.
_NAME = re.compile(r"[A-Za-z0-9_]+")


def check_layout(layout: TableLayout) -> None:
    """Checks the attributes' names.

    Raises:
      InputError: A name cannot be the name of a feature, or two features would share one.
    """
    features = declare_features(layout, crosses=())
    for stream in Stream:
        names = [f.name for f in features.of(stream)]
        for name in names:
            if not _NAME.fullmatch(name):
                raise InputError(
                    f"data: the attribute '{name}' cannot be a feature's name; "
                    "name it with letters a to z, digits and underscores"
                )
        names += [f.bucket_name for f in features.of(stream, Encoding.NUMBER)]
        shared = [name for name, count in Counter(names).items() if count > 1]
        if shared:
            raise InputError(f"data: two features would have the name '{shared[0]}'; rename an attribute")
