"""Compiled inner loops, by family; the only package of ours that imports numba.

Kernels are scalar loops over C-contiguous float64 arrays that write into an ``out``
argument. They know nothing of graphs, networks or users. All of them are compiled by
the one decorator :func:`fastcheck.kernels._jit.jit`.
"""
