"""Directional derivatives of a loss: what they rule out, and where it is wrong if they do not."""
