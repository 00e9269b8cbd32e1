"""One adapter a source: raw files to canonical tables."""
