"""Validated, frozen configuration: `data` and `training` are its parts, `run` is the whole."""
