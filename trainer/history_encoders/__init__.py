"""Encoders of a user's history: what was known after each of its events, as one vector each."""
