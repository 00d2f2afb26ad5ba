"""What is exact is so in every entry; what is nearly so is not."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from fastcheck.diagnose.backward.constants import ONE, Constants
from fastcheck.diagnose.backward.view import Subject, View
from fastcheck.diagnose.evidence import Evidence
from tests.diagnose.backward.common import Mlp
from tests.diagnose.backward.test_layers import through

BOUND = 1e-15


def view_of(
    net: Mlp, name: str, given: np.ndarray, *, bound: float = BOUND, allowance: object = None
) -> View:
    anatomy = net.anatomy
    allowed = np.full(given.shape, bound) if allowance is None else np.asarray(allowance)
    evidence = Evidence(
        name, given, net.right[name], allowed, np.ones(given.shape, bool), net.params[name], True
    )
    direct = anatomy.direct.get(name)
    return View(
        anatomy, anatomy.home[name], Subject(evidence, direct), through(anatomy),
        Constants(net.m, net.widths[-1]),
    )  # fmt: skip


@pytest.mark.parametrize("l2", [0.0, 0.2])
@pytest.mark.parametrize("name", ["W2", "b2", "W1"])
def test_the_right_gradient_is_right(l2: float, name: str) -> None:
    net = Mlp(l2=l2)
    view = view_of(net, name, net.right[name])
    assert view.is_right
    np.testing.assert_allclose(view.expected, net.right[name], rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("l2", [0.0, 0.2])
@pytest.mark.parametrize("name", ["W2", "b2", "W1"])
@pytest.mark.parametrize("size", [1e-9, 1e-6, 1e-3])
def test_one_entry_off_by_a_billionth_is_not_right(l2: float, name: str, size: float) -> None:
    net = Mlp(l2=l2)
    for place in range(0, net.right[name].size, 4):
        given = net.right[name].copy()
        given.flat[place] *= 1 + size
        assert not view_of(net, name, given).is_right, place


@pytest.mark.parametrize("name", ["W2", "b2"])
def test_a_factor_that_is_off_by_a_billionth_is_not_exact(name: str) -> None:
    net = Mlp()
    constants = Constants(net.m, 3)
    view = view_of(net, name, 2.0 * net.right[name])
    two, near = constants.called(2.0, 0.0), constants.called(2.0 * (1 + 1e-9), 0.0)
    assert view.is_exact(view.data, two)
    assert not view.is_exact(view.data, near)
    assert not view.is_exact(view.data, ONE)


def test_a_term_beside_is_exact_only_with_its_own_size() -> None:
    net = Mlp(l2=0.2)
    W = net.params["W2"]
    view = view_of(net, "W2", net.right["W2"] + 0.1 * W)
    assert view.is_exact(view.data, ONE, (0.1, W))
    assert view.is_exact(view.data, ONE, (0.3, W), own=False)
    assert not view.is_exact(view.data, ONE, (0.3, W))
    assert not view.is_exact(view.data, ONE, (0.1 * (1 + 1e-8), W))


def test_what_cancels_may_be_off_by_its_terms_and_no_more() -> None:
    """A sum of large terms has their rounding errors, which its own bound does not show."""
    net = Mlp(widths=(6, 5, 5, 3), m=6)
    net.x[3:] = net.x[:3] * (1 + 1e-13)  # pairs of samples
    view = view_of(net, "W1", net.right["W1"])
    assert view.is_right
    off = net.right["W1"] + 1e-9 * np.abs(net.right["W1"]).max()
    assert not view_of(net, "W1", off).is_right


def test_an_entry_with_a_wide_bound_may_be_off_and_the_others_not() -> None:
    net = Mlp()
    allowance = np.full((5, 5), BOUND)
    allowance[1, 2] = 1e-6
    loose, tight = net.right["W2"].copy(), net.right["W2"].copy()
    loose[1, 2] += 1e-6
    tight[2, 1] += 1e-6
    assert view_of(net, "W2", loose, allowance=allowance).is_right
    view = view_of(net, "W2", tight, allowance=allowance)
    assert view.noise > 0.0
    assert not view.is_right


def test_bounds_that_are_wide_beside_tiny_terms_are_no_reason_to_be_lax() -> None:
    """Most entries of a saturated network are next to zero, with bounds much larger than they."""
    net = Mlp(widths=(6, 5, 3))
    net.x[:, 1:] *= 1e-13
    given = net.right["W1"].copy()
    given[0, 0] *= 1 + 1e-6
    assert view_of(net, "W1", net.right["W1"]).is_right
    assert not view_of(net, "W1", given).is_right


def test_infinite_bounds_are_the_widest_of_the_others() -> None:
    net = Mlp()
    allowance = np.full((5, 5), BOUND)
    allowance[0, 0] = np.nan
    allowance[0, 1] = np.inf
    view = view_of(net, "W2", net.right["W2"], allowance=allowance)
    assert np.isfinite(view.subject.allowance[0, 0])
    assert view.is_right


# ------------------------------------------------------------ fits


@pytest.mark.parametrize(("c", "k"), [(2.0, 1.0), (1 / 7, 0.0), (-1.0, 2.0), (0.37, -0.81)])
def test_fits_find_the_factors_of_data_and_regulariser(c: float, k: float) -> None:
    net = Mlp(l2=0.2)
    data = net.right["W2"] - 0.2 * net.params["W2"]
    view = view_of(net, "W2", c * data + k * 0.2 * net.params["W2"])
    assert view.subject.direct is not None
    found = view.fit(view.data, view.subject.direct)
    assert found is not None
    assert [f.value for f in found] == pytest.approx([c, k], rel=1e-11, abs=1e-12)


def test_nothing_fits_what_is_far() -> None:
    net = Mlp()
    rng = np.random.default_rng(0)
    view = view_of(net, "W2", net.right["W2"] * rng.uniform(0.9, 1.1, (5, 5)))
    assert view.fit(view.data) is None


# ------------------------------------------------------------ a few rows


def large(given: Mapping[str, np.ndarray] | None = None) -> tuple[Mlp, View]:
    net = Mlp(widths=(200, 60, 3), m=4, l2=0.1)
    return net, view_of(net, "W1", (given or net.right)["W1"])


def test_a_few_rows_never_reject_what_constants_explain() -> None:
    net, view = large()
    assert not view.is_hopeless()
    data, penalty = net.right["W1"] - 0.1 * net.params["W1"], 0.1 * net.params["W1"]
    for c, k in ((2.0, 1.0), (0.25, 0.0), (-1.0, 1.0), (0.4, 3.0)):
        assert not view_of(net, "W1", c * data + k * penalty).is_hopeless()


def test_a_few_rows_reject_what_is_far() -> None:
    net, _ = large()
    wrong = net.grads(slope1=np.ones_like)
    assert view_of(net, "W1", wrong["W1"]).is_hopeless()


def test_a_row_that_is_not_among_the_few_is_seen_in_the_end() -> None:
    net, _ = large()
    given = net.right["W1"].copy()
    given[1] *= 1 + 1e-6
    view = view_of(net, "W1", given)
    assert not view.is_right
    assert not view.is_exact(view.data, ONE)


def test_a_gradient_to_be_divided_is_that_of_a_factor() -> None:
    net = Mlp(l2=0.2)
    view = view_of(net, "W2", 3.0 * net.right["W2"])
    view.subject = view.subject.divided(3.0)
    assert view.is_right
