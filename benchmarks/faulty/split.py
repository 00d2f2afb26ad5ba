"""Which settings are for development and which were kept apart until the end.

Shapes, batch sizes, strengths, rates, seeds and pairs of activation and loss of the part that is
held out occur nowhere in the other. Nobody looks at single failures there while developing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from benchmarks.faulty.activations import HIDDEN
from benchmarks.faulty.setting import LOSSES, Setting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    T = TypeVar("T")

_HELD = (0, 3)
_PAIRS = [
    (a, b, (i + j) % 5 in _HELD) for (i, a), (j, b) in product(enumerate(HIDDEN), enumerate(LOSSES))
]


@dataclass(frozen=True)
class Part:
    """What settings are drawn from.

    Attributes
    ----------
    name : str
        What it is called.
    widths : tuple of tuple of int
        Shapes; some have coprime widths, some equal ones.
    narrow : tuple of tuple of int
        Shapes with one output, for a sigmoid.
    n_batch, l2, rate : tuple
        See `Setting`; a batch as large as a layer is wide is among them.
    pairs : tuple of (str, str)
        Activations of hidden layers, and losses.
    real : tuple of Setting
        Settings on real minibatches.
    seed : int
        The first seed, and what settings are drawn with.
    """

    name: str
    widths: tuple[tuple[int, ...], ...]
    narrow: tuple[tuple[int, ...], ...]
    n_batch: tuple[int, ...]
    l2: tuple[float, ...]
    rate: tuple[float, ...]
    pairs: tuple[tuple[str, str], ...]
    real: tuple[Setting, ...]
    seed: int

    def settings(self, n: int) -> list[Setting]:
        """Return `n` settings, of which the first few cover most; fewer are the first of more."""
        rng = np.random.default_rng(self.seed)
        widths, narrow = _cycled(self.widths, rng), _cycled(self.narrow, rng)
        batches, strengths = _cycled(self.n_batch, rng), _cycled(self.l2, rng)
        rates, pairs = _cycled(self.rate, rng), _cycled(self.pairs, rng)
        ways = _cycled(tuple(product(("batch_first", "features_first"), (False, True))), rng)
        divided = _cycled((False, True), rng)
        found = []
        for k in range(n):
            activation, loss = next(pairs)
            is_narrow = LOSSES[loss].kind == "binary" and k % 2 == 0
            layout, is_traced = next(ways)
            found.append(
                Setting(
                    next(narrow if is_narrow else widths), activation, loss, next(batches),
                    next(strengths), next(divided), next(rates), layout, is_traced,
                    seed=self.seed + k,
                )
            )  # fmt: skip
        return found


def _cycled(values: Sequence[T], rng: np.random.Generator) -> Iterator[T]:
    """Yield all values in one order after another."""
    while True:
        for k in rng.permutation(len(values)):
            yield values[k]


DEVELOPMENT = Part(
    "development",
    widths=((7, 5, 3), (8, 5, 6, 4), (6, 6, 6, 6), (9, 9, 9, 9, 5), (11, 8, 5, 7, 6, 3), (4, 9, 7)),
    narrow=((8, 5, 1), (6, 6, 6, 1)),
    n_batch=(4, 6, 7, 9, 24),
    l2=(0.0, 0.1, 0.03),
    rate=(0.0, 0.0, 0.25, 0.5),
    pairs=tuple((a, b) for a, b, is_held in _PAIRS if not is_held),
    real=(
        Setting((784, 6, 10), "relu", "softmax + 1e-7", 20, l2=0.01, data="mnist", seed=1),
        Setting((784, 9, 7, 10), "sigmoid", "softmax", 9, is_traced=True, data="mnist", seed=2),
        Setting((12288, 4, 1), "tanh", "sigmoid", 12, l2=0.1, is_divided=True, data="catvnoncat",
                layout="features_first", seed=3),
    ),
    seed=0,
)  # fmt: skip
HELD_OUT = Part(
    "held out",
    widths=(
        (10, 7, 4), (12, 8, 10, 6, 5), (8, 8, 8, 8), (13, 6, 5, 9, 4), (7, 7, 4, 7, 7, 3),
        (5, 11, 8, 6),
    ),
    narrow=((9, 7, 1), (5, 5, 5, 1)),
    n_batch=(5, 8, 11, 10, 30),
    l2=(0.0, 0.07, 0.3),
    rate=(0.0, 0.0, 0.3, 0.4),
    pairs=tuple((a, b) for a, b, is_held in _PAIRS if is_held),
    real=(
        Setting((784, 7, 10), "tanh", "softmax + 1e-8", 25, data="mnist", seed=101),
        Setting((784, 8, 5, 10), "leaky", "softmax, one-hot", 11, l2=0.05, layout="features_first",
                data="mnist", seed=102),
        Setting((12288, 5, 5, 1), "tanh", "sigmoid + 1e-7", 15, data="catvnoncat", seed=103),
    ),
    seed=1000,
)  # fmt: skip
PARTS = (DEVELOPMENT, HELD_OUT)
