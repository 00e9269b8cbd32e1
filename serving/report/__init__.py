"""One page about a run, its model card, and the list of runs."""
