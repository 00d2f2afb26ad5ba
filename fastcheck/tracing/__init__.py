"""Recording what NumPy code computes: from a loss function to a list of calls."""
