"""Axes that stand for several axes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastcheck.lower.factors import common, fitted, groups, joined, lengths

SHAPES = st.lists(st.integers(1, 6), min_size=0, max_size=5).map(tuple)


def test_common_factors_are_the_coarsest_that_both_are_joined_from():
    assert common((2, 3, 4), (6, 4)) == (2, 3, 4)
    assert common((24,), (2, 12), (6, 4)) == (2, 3, 4)
    assert common((24,), (2, 12), (3, 8)) is None
    assert common((24,), (2, 12), (4, 6)) == (2, 2, 6)


def test_sizes_that_cut_at_different_places_have_nothing_in_common():
    assert common((2, 3), (3, 2)) is None
    assert fitted((4, 6), (6, 4)) is None


def test_one_is_kept_where_all_have_it():
    assert common((1,), (1, 1)) == (1,)


@given(shape=SHAPES, joins=st.lists(st.booleans(), min_size=5, max_size=5))
def test_joining_neighbouring_axes_always_fits(shape, joins):
    target: list[int] = []
    for n, join in zip(shape, joins, strict=False):
        if join and target:
            target[-1] *= n
        else:
            target.append(n)
    factors = fitted(shape, tuple(target))
    assert factors is not None
    assert lengths(factors) == tuple(target)
    assert [n for n in joined(factors) if n > 1] == [n for n in shape if n > 1]


@given(shape=SHAPES)
def test_groups_point_at_the_axes_of_the_node(shape):
    factors = tuple((n, 2) for n in shape)
    flat = joined(factors)
    assert [tuple(flat[p] for p in places) for places in groups(factors)] == list(factors)


@pytest.mark.parametrize(
    ("shape", "target", "factors"),
    [
        ((5, 8, 8, 6), (320, 6), ((5, 8, 8), (6,))),
        ((320, 6), (5, 8, 8, 6), ((5,), (8,), (8,), (6,))),
        ((4, 6), (4, 1, 6), ((4,), (1,), (6,))),
        ((2, 3, 4), (1, 6, 1, 4), ((1,), (2, 3), (1,), (4,))),
        ((), (1,), ((1,),)),
    ],
)
def test_known_cases(shape, target, factors):
    assert fitted(shape, target) == factors
    assert np.prod(joined(factors)) == np.prod(shape)
