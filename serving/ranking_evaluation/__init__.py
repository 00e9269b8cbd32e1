"""Judges the ranking model: its answers, their figures by TFMA, and the skew of exported graphs."""
