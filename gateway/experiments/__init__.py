"""Which of two versions is better: who sees which, and what the log says of a difference."""
