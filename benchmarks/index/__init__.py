"""Recall of an index against its speed, beside exact search and other libraries."""
