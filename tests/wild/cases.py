"""All networks with data: `CASES` is a list of factories, each ``make(seed=0) -> Case``.

The factories in `LARGE` build the same code at the sizes at which speed is measured.
"""

from __future__ import annotations

from functools import partial

from tests.wild.base import Case, Factory
from tests.wild.dense_cases import DENSE, make_fc_batchnorm
from tests.wild.image_cases import IMAGE, make_lenet_im2col
from tests.wild.sequence_cases import SEQUENCE, make_lstm_batched, make_transformer_lm

__all__ = ["CASES", "LARGE", "Case", "name_of"]

CASES: list[Factory] = [*DENSE, *IMAGE, *SEQUENCE]

LARGE: dict[str, Factory] = {
    "lenet": partial(make_lenet_im2col, image=28, filters=(6, 16), hidden=160, batch=32),
    "dense_batchnorm": partial(make_fc_batchnorm, n_in=784, hidden=(512, 512), batch=64),
    "lstm": partial(make_lstm_batched, n_in=32, hidden=64, steps=20, batch=16),
    "transformer": partial(
        make_transformer_lm, width=64, heads=4, tokens=16, batch=8, layers=2, vocab=50
    ),
}


def name_of(make: Factory) -> str:
    """Return the name of the cases that a factory of `CASES` makes."""
    return make.__name__.removeprefix("make_")
