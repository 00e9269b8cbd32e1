"""The logger through which long steps say how far they are."""

PROGRESS_LOGGER = "recstack.progress"
