"""Judges the ranking model: its answers, their figures by TFMA, and what an exported graph makes of requests."""
