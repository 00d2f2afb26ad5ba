"""Products of any kind become contractions with the values of NumPy."""

import numpy as np
import pytest

from fastcheck.graph.ops.contraction import Contraction
from fastcheck.graph.state import evaluate
from fastcheck.lower import contractions
from fastcheck.lower.builder import Builder, LoweringError, Value
from fastcheck.lower.factors import plain

RNG = np.random.default_rng(0)


def lowered(call, *shapes, constants=()):
    """Return the value of ``call(builder, *operands)``, its value in NumPy's shape, and arrays."""
    builder = Builder({})
    arrays = [RNG.standard_normal(shape) for shape in shapes]
    operands = [
        array
        if i in constants
        else Value(builder.graph.param(f"p{i}", array.shape), plain(array.shape))
        for i, array in enumerate(arrays)
    ]
    value = call(builder, *operands)
    params = {f"p{i}": a for i, a in enumerate(arrays) if i not in constants}
    found = evaluate(builder.graph, params)[value.node.index].reshape(value.shape)
    return value, found, arrays


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((4, 3), (3, 5)),
        ((3,), (3, 5)),
        ((4, 3), (3,)),
        ((3,), (3,)),
        ((2, 4, 3), (3, 5)),
        ((2, 6, 4, 3), (2, 6, 3, 5)),
        ((2, 1, 4, 3), (6, 3, 5)),
        ((2, 4, 3), (1, 3, 5)),
        ((1, 3), (3, 1)),
    ],
)
@pytest.mark.parametrize("constants", [(), (0,), (1,)])
def test_matmul(left, right, constants):
    value, found, (a, b) = lowered(contractions.matmul, left, right, constants=constants)
    assert value.shape == (a @ b).shape
    np.testing.assert_allclose(found, a @ b, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    ("left", "right"), [((4, 3), (3, 5)), ((2, 4, 3), (6, 3, 5)), ((3,), (3, 5)), ((2, 3), (3,))]
)
def test_dot(left, right):
    _, found, (a, b) = lowered(contractions.dot, left, right)
    np.testing.assert_allclose(found, np.dot(a, b), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    "axes", [1, 2, ([1, 2], [0, 1]), ([0], [2]), (2, 1), ([2, 1], [1, 0])], ids=str
)
def test_tensordot(axes):
    shapes = {1: ((2, 3, 4), (4, 3, 2)), 2: ((2, 3, 4), (3, 4, 2))}
    left, right = shapes.get(axes if isinstance(axes, int) else 0, ((2, 3, 4), (3, 4, 2)))

    def call(builder, a, b):
        return contractions.tensordot(builder, a, b, axes)

    _, found, (a, b) = lowered(call, left, right)
    np.testing.assert_allclose(found, np.tensordot(a, b, axes), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    ("spec", "shapes"),
    [
        ("ij,jk->ik", ((2, 3), (3, 4))),
        ("ij,jk", ((2, 3), (3, 4))),
        ("bhqd,bhkd->bhqk", ((2, 3, 4, 5), (2, 3, 6, 5))),
        ("ij,kj->ki", ((2, 3), (4, 3))),
        ("ij->ji", ((2, 3),)),
        ("ij->i", ((2, 3),)),
        ("ij,ij->", ((2, 3), (2, 3))),
        ("ij,ij->ij", ((2, 3), (2, 3))),
        ("i,j->ij", ((2,), (3,))),
        ("...ij,...jk->...ik", ((5, 2, 3), (5, 3, 4))),
        ("...ij,jk->...ik", ((5, 2, 3), (3, 4))),
        ("ij,jk,kl->il", ((2, 3), (3, 4), (4, 5))),
        ("ijk,j->k", ((2, 3, 4), (3,))),
        ("b i , i o -> b o", ((2, 3), (3, 4))),
    ],
)
def test_einsum(spec, shapes):
    def call(builder, *operands):
        return contractions.einsum(builder, spec, operands)

    value, found, arrays = lowered(call, *shapes)
    expected = np.einsum(spec, *arrays)
    assert value.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)


def test_a_diagonal_is_left_to_others():
    with pytest.raises(LoweringError, match="diagonal"):
        lowered(lambda b, x: contractions.einsum(b, "ii->i", [x]), (3, 3))


def test_joined_axes_stay_apart():
    """The columns of a convolution: samples and positions joined, channels and filter joined."""
    builder = Builder({})
    x = builder.value(builder.graph.param("x", (5, 6, 6, 2, 3, 3)), (180, 18))
    w = builder.value(builder.graph.param("w", (18, 4)), (18, 4))
    value = contractions.matmul(builder, x, w)
    assert value.node.shape == (5, 6, 6, 4)
    assert value.factors == ((5, 6, 6), (4,))


def test_a_transposed_operand_is_read_in_place():
    builder = Builder({})
    from fastcheck.graph import ops

    w = builder.graph.param("w", (4, 3))
    turned = Value(ops.transpose(w), plain((3, 4)))
    value = contractions.matmul(builder, np.ones((2, 3)), turned)
    assert isinstance(value.node.op, Contraction)
    assert value.node.inputs[1] is w


def test_outer():
    _, found, (a, b) = lowered(contractions.outer, (2, 3), (4,))
    np.testing.assert_array_equal(found, np.outer(a, b))
