"""How good lists of recommendations are: figures, their bounds, and slices of the requests."""
