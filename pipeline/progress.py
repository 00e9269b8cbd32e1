"""The loggers through which long steps say how far they are."""

PROGRESS_LOGGER = "recstack.progress"
# What is still of interest when the step is done.
RESULT_LOGGER = f"{PROGRESS_LOGGER}.result"
