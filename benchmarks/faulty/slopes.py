"""Mistakes in the slopes of hidden layers and in their dropout, on the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.faulty.activations import HIDDEN, SLOPES
from benchmarks.faulty.catalogue import FAULTS, Planted, both, expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.faulty.network import Net
    from benchmarks.faulty.passes import Floats


def sloped(
    kinds: str, slope: Callable[[Net, Floats, Floats], Floats], of: tuple[str, ...] = HIDDEN
) -> Any:
    """Return a hidden layer whose slopes are something else, made of z and a."""

    def plant(net: Net, k: int) -> Planted | None:
        if net.setting.activation not in of:
            return None
        z, a = net.forward[f"z{k}"], net.forward[f"a{k}"]
        other = slope(net, z, a) + 0 * z
        return Planted({("slope", k): lambda _, at: other}, expect(kinds, both(k)))

    return plant


def own(net: Net) -> Callable[[Floats], Floats]:
    """Return the slope of the hidden layers."""
    return SLOPES[net.setting.activation]


FAULTS.add("slope missing", "delta")(sloped("slope-missing", lambda n, z, a: 1 + 0 * z))
FAULTS.add("slope squared", "delta")(sloped("slope-squared", lambda n, z, a: own(n)(z) ** 2))
FAULTS.add("slope at a, not z", "delta")(sloped("slope-of-value", lambda n, z, a: own(n)(a)))
FAULTS.add("value for the slope", "delta")(sloped("value-for-slope", lambda n, z, a: a))
FAULTS.add("1 - a for 1 - a^2", "delta")(
    sloped("slope-without-square", lambda n, z, a: 1 - a, ("tanh",))
)
# g(a) = 1 - a^2 fed with z: the other way round of a slope at a, for which there is no other word
FAULTS.add("1 - z^2 for 1 - a^2", "delta")(
    sloped("slope-of-value slope-of-other", lambda n, z, a: 1 - z**2, ("tanh",))
)
FAULTS.add("z (1 - z) for a (1 - a)", "delta")(
    sloped("slope-of-value slope-of-other", lambda n, z, a: z * (1 - z), ("sigmoid",))
)
FAULTS.add("mask inverted", "delta")(
    sloped("mask-inverted", lambda n, z, a: own(n)(-z), ("relu", "leaky"))
)
for _name in HIDDEN:
    FAULTS.add(f"slope of {_name} instead", "delta")(
        sloped(
            "slope-of-other",
            lambda n, z, a, name=_name: SLOPES[name](z),
            tuple(h for h in HIDDEN if h != _name),
        )
    )
FAULTS.add("slope 1 - a^2 of tanh instead", "delta")(
    sloped("slope-of-other", lambda n, z, a: 1 - a**2, ("sigmoid", "softplus"))
)
FAULTS.add("slope a (1 - a) of sigmoid instead", "delta")(
    sloped("slope-of-other", lambda n, z, a: a * (1 - a), ("tanh", "softplus"))
)


@FAULTS.add("slope of the layer above", "delta")
def _(net: Net, k: int) -> Planted | None:
    z = net.forward[f"z{k + 1}"]
    if z.shape != net.forward[f"z{k}"].shape:
        return None
    return Planted({("slope", k): lambda _, at: own(net)(z)}, expect("slope-elsewhere", both(k)))


@FAULTS.add("slope of the layer below", "delta")
def _(net: Net, k: int) -> Planted | None:
    if k == 1 or net.forward[f"z{k - 1}"].shape != net.forward[f"z{k}"].shape:
        return None
    z = net.forward[f"z{k - 1}"]
    return Planted({("slope", k): lambda _, at: own(net)(z)}, expect("slope-elsewhere", both(k)))


# ------------------------------------------------------------ dropout


def dropped(kind: str, factors: Callable[[Floats, float], Floats]) -> Any:
    """Return other factors of the dropout on the way back."""

    def plant(net: Net, k: int) -> Planted | None:
        if net.mask is None:
            return None
        mask, rate = net.mask, net.setting.rate
        changed = factors(mask, rate)
        return Planted({("dropout", 1): lambda _, at: changed}, expect(kind, both(1)))

    return plant


FAULTS.add("dropout forgotten", "whole")(dropped("dropout-missing", lambda mask, r: 1 + 0 * mask))
FAULTS.add("dropout not rescaled", "whole")(dropped("dropout-unscaled", lambda mask, r: mask))
FAULTS.add("dropout twice", "whole")(dropped("dropout-twice", lambda mask, r: mask / (1 - r) ** 2))
