"""All networks with data: `CASES` is a list of factories, each ``make(seed=0) -> Case``.

The factories in `LARGE` build the same code at the sizes at which speed is measured.
"""

from __future__ import annotations

from functools import partial

from tests.wild.base import Case, Factory
from tests.wild.dense_cases import (
    DENSE,
    make_book_layers,
    make_coursera_deep,
    make_fc_batchnorm,
    make_highway,
    make_linear_svm,
    make_resnet_mlp,
    make_theta_views,
    make_tuple_huber,
    make_unrolled_theta,
)
from tests.wild.image_cases import IMAGE, make_lenet_im2col
from tests.wild.sequence_cases import SEQUENCE, make_lstm_batched, make_transformer_lm

__all__ = ["CASES", "LARGE", "USUAL", "Case", "name_of"]

CASES: list[Factory] = [*DENSE, *IMAGE, *SEQUENCE]

LARGE: dict[str, Factory] = {
    "lenet": partial(make_lenet_im2col, image=28, filters=(6, 16), hidden=160, batch=32),
    "dense_batchnorm": partial(make_fc_batchnorm, n_in=784, hidden=(512, 512), batch=100),
    "lstm": partial(make_lstm_batched, n_in=32, hidden=64, steps=20, batch=16),
    "transformer": partial(
        make_transformer_lm, width=64, heads=4, tokens=16, batch=8, layers=2, vocab=50
    ),
}

USUAL: dict[str, Factory] = {
    "coursera_deep": partial(make_coursera_deep, n_in=784, batch=100),
    "book_layers": partial(make_book_layers, n_in=784, hidden=50, batch=100),
    "resnet_mlp": partial(make_resnet_mlp, n_in=64, width=64, hidden=128, batch=64),
    "tuple_huber": partial(make_tuple_huber, n_in=64, hidden=128, batch=64),
    "linear_svm": partial(make_linear_svm, n_in=3072, batch=100),
    "highway": partial(make_highway, n_in=64, width=50, batch=64),
    "unrolled_theta": partial(make_unrolled_theta, n_in=400, hidden=25, batch=100),
    "theta_views": partial(make_theta_views, n_in=784, batch=64),
}
"""Networks at the sizes at which people use them, beside those of `LARGE`."""


def name_of(make: Factory) -> str:
    """Return the name of the cases that a factory of `CASES` makes."""
    return make.__name__.removeprefix("make_")
