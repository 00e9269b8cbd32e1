"""Packaging entry point for tools that want a `setup.py` (Beam's `--setup_file`, pip's editable installs).

All metadata stand in `pyproject.toml`.
"""

from setuptools import setup

setup()
