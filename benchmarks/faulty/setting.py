"""What a network is drawn from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Loss:
    """What is made of the last pre-activation.

    Attributes
    ----------
    output : str
        The activation of the last layer; "softmax" over the units of a sample.
    kind : {"cross-entropy", "binary", "squared"}
        What its results are compared with the labels by.
    guard : float
        Added inside logarithms.
    half : bool
        Whether squares are halved.
    one_hot : bool
        Whether labels are handed over one-hot instead of as integers.
    """

    output: str
    kind: str
    guard: float = 0.0
    half: bool = False
    one_hot: bool = False


LOSSES = {
    "softmax": Loss("softmax", "cross-entropy"),
    "softmax, one-hot": Loss("softmax", "cross-entropy", one_hot=True),
    "softmax + 1e-7": Loss("softmax", "cross-entropy", guard=1e-7),
    "softmax + 1e-8": Loss("softmax", "cross-entropy", guard=1e-8, one_hot=True),
    "sigmoid": Loss("sigmoid", "binary"),
    "sigmoid + 1e-7": Loss("sigmoid", "binary", guard=1e-7),
    "squares": Loss("linear", "squared"),
    "half squares": Loss("linear", "squared", half=True),
    "half squares of sigmoid": Loss("sigmoid", "squared", half=True),
    "squares of tanh": Loss("tanh", "squared"),
}


@dataclass(frozen=True)
class Setting:
    """Everything that a network and its minibatch follow from.

    Attributes
    ----------
    widths : tuple of int
        Inputs, units of each layer, outputs.
    activation : str
        Of the hidden layers.
    loss : str
        A key of `LOSSES`.
    n_batch : int
        Samples.
    l2 : float
        Adds ``l2 / 2 sum W**2``.
    is_divided : bool
        Whether that is divided by the number of samples too.
    rate : float
        Of the dropout after the first hidden layer; 0 for none.
    layout : {"batch_first", "features_first"}
        How arrays lie.
    is_traced : bool
        Whether the loss is handed over as a NumPy function instead of as a network.
    data : {"normal", "mnist", "catvnoncat"}
        Where the examples are from.
    seed : int
        Of parameters, examples and masks.
    """

    widths: tuple[int, ...]
    activation: str = "tanh"
    loss: str = "softmax"
    n_batch: int = 7
    l2: float = 0.0
    is_divided: bool = False
    rate: float = 0.0
    layout: str = "batch_first"
    is_traced: bool = False
    data: str = "normal"
    seed: int = 0

    @property
    def n_layers(self) -> int:
        """Dense layers."""
        return len(self.widths) - 1

    @property
    def head(self) -> Loss:
        """The loss."""
        return LOSSES[self.loss]

    @property
    def penalty(self) -> float:
        """What W is multiplied by in the gradient of the penalty."""
        return self.l2 / self.n_batch if self.is_divided else self.l2

    def __str__(self) -> str:
        parts = [
            "-".join(map(str, self.widths)), self.activation, self.loss, f"m={self.n_batch}",
            f"l2={self.l2:g}{'/m' if self.is_divided else ''}" if self.l2 else "",
            f"dropout {self.rate:g}" if self.rate else "",
            "" if self.layout == "batch_first" else "columns",
            "traced" if self.is_traced else "declared",
            "" if self.data == "normal" else self.data, f"seed {self.seed}",
        ]  # fmt: skip
        return ", ".join(filter(None, parts))
