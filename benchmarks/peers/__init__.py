"""fastcheck beside other checkers of gradients, each asked in its own words.

* ``dialects``: the loss, written once for NumPy, torch and JAX; ``problem``: a network at a
  minibatch; ``exact``: its gradient in 50-digit arithmetic
* ``peer``: what each is asked; ``roster``: all of them; ``ours``, ``recipes``, ``with_torch``,
  ``with_jax``, ``with_scipy``, ``with_numdifftools``: how each is asked; ``rules``: by which rule a
  gradient passes
* ``planting``: the mistakes
* ``side_by_side``: time, error and verdicts on one problem; ``growth``: time and memory of larger
  and larger networks; ``survey``: which mistakes of the whole catalogue are missed
* ``page``, ``page_growth``, ``pictures``: the page, from the figures in ``results``
* ``command``: the command line; ``alone``: one core for all; ``text``: tables for a terminal
"""
