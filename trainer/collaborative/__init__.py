"""Collaborative filtering: what goes with what people engaged with, learnt from the interactions alone."""
