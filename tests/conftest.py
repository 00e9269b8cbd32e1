"""What every test needs before anything else is imported, and which worker runs which test."""

from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

import pipeline  # noqa: F401  (sets the Keras switch before TensorFlow is imported)

# The same examples each time, and none fails because the machine is busy.
settings.register_profile(
    "recstack", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("recstack")


class ByFile(LoadScopeScheduling):
    """A file's tests go to one worker, and so do all end-to-end tests, which share a run of the pipeline.

    (xdist's own groups do not work with pytest 9.)
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return "tests/e2e" if file.startswith("tests/e2e/") else file


def pytest_xdist_make_scheduler(config, log):
    return ByFile(config, log)
