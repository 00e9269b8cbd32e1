"""The benchmark of trainings on the shared run's data: our loop, alone and on a worker."""

import pytest

from benchmarks.training import compare
from benchmarks.training_loops import DEFAULT, NO_METRICS, PLAIN, TUTORIAL
from tests.e2e.test_distributed import Jobs
from trainer.streams import TransformedStream

pytestmark = pytest.mark.slow


def test_all_loops_are_timed(world, tmp_path):
    job = Jobs(world.artifacts).retrieval(tmp_path, "one_device")
    streams = tuple(TransformedStream(s.examples, s.graph) for s in (job.interactions, job.items))
    results = compare(streams, job.settings, batch_sizes=[32], pairs_sizes=[64], passes=1)
    assert [result["loop"] for result in results] == [TUTORIAL, NO_METRICS, PLAIN, DEFAULT]
    ours, theirs = results[3], results[0]
    # A pass of ours teaches each event at several moments of several windows.
    assert ours["positives"] > ours["windows"] > 0
    assert theirs["positives"] == theirs["windows"] > 0
    assert all(result["positives_per_second"] > 0 for result in results)
