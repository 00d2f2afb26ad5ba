"""The figures of the page on numerics, drawn from measurements."""
