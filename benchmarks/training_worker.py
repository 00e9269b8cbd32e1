"""A process that times our training on one processor: alone, or as a machine of a cluster.

Arguments: the folders of the streams and the settings as JSON, passes, and the number of the processor.
"""

from __future__ import annotations

import json
import os
import sys

import pipeline  # noqa: F401  (sets the Keras switch before TensorFlow is imported)
from trainer.settings import RetrievalSettings
from trainer.streams import TransformedStream


def main() -> None:
    """Times, and prints a line of JSON."""
    streams, settings, passes, processor = sys.argv[1:]
    os.sched_setaffinity(0, {int(processor)})
    from benchmarks.training_loops import ours
    from trainer.distribution import distributed

    folders = json.loads(streams)
    read = RetrievalSettings.model_validate_json(settings)
    with distributed(read.training.distribution) as distribution:
        loop = ours((TransformedStream(**folders[0]), TransformedStream(**folders[1])), read, distribution)
        loop.run()
        seconds, used = zip(*(loop.timed() for _ in range(int(passes))), strict=True)
    told = {
        "seconds": seconds,
        "processor_seconds": used,
        "positives": loop.positives,
        "windows": loop.windows,
    }
    sys.stdout.write(f"{json.dumps(told)}\n")


if __name__ == "__main__":
    main()
