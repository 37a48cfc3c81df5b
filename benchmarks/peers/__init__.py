"""Training steps of pellucid and its peers, timed in one run; see `__main__`."""
