"""Experiment trackers, none of which is needed."""
