"""Random graphs, each of which can be declared with samples or as one whole."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from fastcheck.graph import Graph, Node, ops


@dataclass(frozen=True)
class Recipe:
    """What a random graph is made from; the same recipe gives the same graph."""

    steps: tuple[int, ...]
    seed: int
    n_batch: int
    examples_last: bool
    mixes: bool


def recipes(*, mixes: bool = False) -> st.SearchStrategy[Recipe]:
    """Return a strategy of recipes; only those with ``mixes`` may couple samples."""
    return st.builds(
        Recipe,
        steps=st.lists(st.integers(0, len(STEPS) - 1), min_size=1, max_size=6).map(tuple),
        seed=st.integers(0, 10**6),
        n_batch=st.integers(2, 5),
        examples_last=st.booleans(),
        mixes=st.just(mixes),
    )


@dataclass
class Maker:
    """A graph in the making. Values on the way have shape (n_batch, k), or transposed."""

    recipe: Recipe
    declared: bool
    graph: Graph = field(default_factory=Graph)
    params: dict[str, np.ndarray] = field(default_factory=dict)
    pool: list[Node] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.recipe.seed)
        self.axis = 1 if self.recipe.examples_last else 0

    def data(self, value: np.ndarray, axis: int) -> Node:
        """Declare data whose samples lie along `axis`."""
        return self.graph.data(value, axis if self.declared else None)

    def features(self, width: int) -> Node:
        """Return data of `width` features, half of them zero."""
        shape = (self.recipe.n_batch, width)
        x = self.rng.standard_normal(shape) * (self.rng.random(shape) < 0.6)
        return self.data(x.T if self.axis else x, self.axis)

    def recipe_data(self, width: int) -> Node:
        """Return data with the samples first, however the recipe orders them."""
        node = self.features(width)
        return node.T if self.axis else node

    def param(self, *shape: int, centre: float = 0.0) -> Node:
        """Return a parameter of that shape, sometimes one that exists."""
        same = [n for n in self.graph.params.values() if n.shape == shape]
        if same and self.rng.random() < 0.4:
            return same[self.rng.integers(len(same))]
        name = f"p{len(self.params)}"
        value = centre + self.rng.standard_normal(shape) / max(shape, default=1) ** 0.5
        self.params[name] = np.asarray(value)
        return self.graph.param(name, shape)

    def pick(self) -> Node:
        """Return one of the values so far."""
        return self.pool[self.rng.integers(len(self.pool))]

    def width(self, node: Node) -> int:
        """Return the number of features of a value."""
        return node.shape[1 - self.axis]

    def across(self, *sizes: int) -> tuple[int, ...]:
        """Return a shape with `sizes` for (samples, features), as this graph orders them."""
        return sizes[::-1] if self.axis else sizes

    def wide(self, width: int) -> Node:
        """Return a value of `width` features."""
        h = self.pick()
        return h if self.width(h) == width else dense(self, h, width)


def dense(m: Maker, h: Node, width: int) -> Node:
    """Multiply by weights in any order of operands and axes."""
    k = m.width(h)
    own = "jb" if m.axis else "bj"
    kind = m.rng.integers(5)
    if kind == 0:
        return m.param(width, k) @ h if m.axis else h @ m.param(k, width)
    if kind == 1:
        return m.param(k, width).T @ h if m.axis else h @ m.param(width, k).T
    letters, shape = [("ij", (width, k)), ("ji", (k, width))][m.rng.integers(2)]
    out = "ib" if m.axis else "bi"
    if kind == 2:
        return ops.contract(f"{own},{letters}->{out}", h, m.param(*shape))
    if kind == 3:
        return ops.contract(f"{letters},{own}->{out}", m.param(*shape), h)
    # effective weights: a product of a parameter and something else without samples
    w = m.param(*shape)
    w = ops.tanh(w) if m.rng.random() < 0.5 else w
    mask = m.rng.random(shape) < 0.7
    w = ops.contract("ij,ij->ij", mask, w) if m.rng.random() < 0.5 else w * mask
    return ops.contract(f"{letters},{own}->{out}", w, h)


def affine(m: Maker) -> Node:
    z = dense(m, m.pick(), int(m.rng.integers(1, 4)))
    return z + m.param(*m.across(1, m.width(z)))


def act(m: Maker) -> Node:
    functions = [ops.tanh, ops.sigmoid, ops.softplus, ops.relu, ops.leaky_relu, ops.square]
    return functions[m.rng.integers(len(functions))](m.pick())


def positive(m: Maker) -> Node:
    h = ops.softplus(m.pick()) + 0.3
    functions = [ops.log, ops.sqrt, ops.reciprocal, lambda a: ops.exp(-1.0 * a)]
    return functions[m.rng.integers(len(functions))](h)


def combine(m: Maker) -> Node:
    a = m.pick()
    b = m.wide(m.width(a))
    kind = m.rng.integers(5)
    if kind == 0:
        return a + b
    if kind == 1:
        return a - 2.0 * b
    if kind == 2:
        return a * b
    if kind == 3:
        return a / (ops.softplus(b) + 0.5)
    return m.param() * a - b * m.param(1, 1)


def rowwise(m: Maker) -> Node:
    """Combine with something that has one number per sample, or per feature."""
    a = m.pick()
    kind = m.rng.integers(4)
    if kind == 0:
        return a - ops.mean(a, axis=1 - m.axis, keepdims=True)
    if kind == 1:
        return a / (ops.sum(ops.square(a), axis=1 - m.axis, keepdims=True) + 1.0)
    if kind == 2:
        return m.param(*m.across(1, m.width(a)), centre=1.0) * a
    return a / m.param(*m.across(1, m.width(a)), centre=4.0)


def soften(m: Maker) -> Node:
    return ops.softmax(m.pick(), axis=1 - m.axis)


def outer(m: Maker) -> Node:
    """Multiply features with features, through three axes and back."""
    a, b = m.pick(), m.wide(2)
    if m.axis:
        full = ops.contract("ib,jb->ijb", a, b)
        return ops.reshape(full, (-1, m.recipe.n_batch))
    full = ops.contract("bi,bj->jbi", a, b)
    full = ops.reshape(ops.transpose(full, (1, 2, 0)), (m.recipe.n_batch, m.width(a), 2))
    return ops.sum(ops.contract("bij,ij->bij", full, m.param(m.width(a), 2)), axis=-1)


def convolve(m: Maker) -> Node:
    """Contract with weights of three axes, of which two survive in either order."""
    h = m.wide(2)
    w = m.param(2, 2, 3)
    own = "jb" if m.axis else "bj"
    order = ["bkl", "blk", "lbk"][m.rng.integers(3)]
    full = ops.contract(f"{own},jkl->{order}", h, w)
    over = [order.index("k"), order.index("l")][m.rng.integers(2)]
    bend = ops.relu if m.rng.random() < 0.5 else ops.tanh
    full = ops.sum(bend(full), axis=over)
    rest = order.replace("k" if over == order.index("k") else "l", "")
    return full if (rest.index("b") == m.axis) else full.T


def normalise(m: Maker) -> Node:
    if not m.recipe.mixes:
        return act(m)
    a = m.pick()
    c = a - ops.mean(a, axis=m.axis, keepdims=True)
    v = ops.mean(ops.square(c), axis=m.axis, keepdims=True)
    return c / ops.sqrt(v + 0.1)


def attend(m: Maker) -> Node:
    """Let features look at each other, as tokens do: both factors of the products change."""
    a, b = m.pick(), m.wide(2)
    a, b = (a.T, b.T) if m.axis else (a, b)
    tokens = ops.contract("bi,bj->bij", a, b)
    query = ops.contract("bij,jd->bid", tokens, m.param(2, 2))
    key = tokens if m.rng.random() < 0.5 else ops.contract("bsj,jd->bsd", tokens, m.param(2, 2))
    weight = ops.softmax(ops.contract("bid,bsd->bis", query, key) * 0.5, axis=-1)
    mixed = ops.contract("bis,bsj->bij", weight, tokens)
    if m.rng.random() < 0.5:  # at each place of its own: pins stay
        mixed = tokens + ops.tanh(ops.contract("bij,jd->bid", mixed, m.param(2, 2)))
    out = ops.sum(mixed, axis=-1)
    return out.T if m.axis else out


def recur(m: Maker) -> Node:
    """Use one weight at several steps, with an input joined to the state."""
    a = m.pick()
    a = a.T if m.axis else a
    w = m.param(2 * a.shape[1], a.shape[1])
    h = ops.tanh(a)
    for _ in range(int(m.rng.integers(1, 4))):
        joined = [a, h] if m.rng.random() < 0.5 else [h, m.recipe_data(a.shape[1])]
        h = ops.tanh(ops.concatenate(joined, axis=1) @ w) * h
    return h.T if m.axis else h


STEPS = [
    affine, act, positive, combine, rowwise, soften, outer, convolve, normalise, attend, recur,
]  # fmt: skip


def made(recipe: Recipe, *, declared: bool) -> tuple[Graph, dict[str, np.ndarray]]:
    """Return the graph of a recipe, with batch axes `declared` or not, and its parameters."""
    m = Maker(recipe, declared)
    m.pool.append(affine_start(m))
    for step in recipe.steps:
        m.pool.append(STEPS[step](m))
        m.graph.mark(f"h{len(m.pool)}", m.pool[-1])
    m.graph.set_loss(total(m))
    return m.graph, m.params


def affine_start(m: Maker) -> Node:
    m.pool.append(m.features(3))
    return affine(m)


def total(m: Maker) -> Node:
    """Return a sum of losses of the last values, and of a term without samples."""
    loss = penalty(m)
    for h in m.pool[-2:]:
        loss = loss + sample_loss(m, h)
    if m.rng.random() < 0.3:  # what comes after the sum over samples need not be linear
        loss = ops.tanh(loss * 0.1) * m.param(centre=1.0)
    return loss


def penalty(m: Maker) -> Node:
    w = next(iter(m.graph.params.values()))
    return ops.sum(ops.square(w)) * 0.05


def sample_loss(m: Maker, h: Node) -> Node:
    n, k = m.recipe.n_batch, m.width(h)
    target = m.rng.random((n, k))
    kind = m.rng.integers(6)
    if kind == 0:
        target[:, :] = np.eye(k)[m.rng.integers(0, k, n)]
    y = m.data(target.T if m.axis else target, m.axis)
    if kind in (0, 1):
        return ops.mean(ops.softmax_cross_entropy(h, y, axis=1 - m.axis))
    if kind == 2:
        guarded = ops.softmax_cross_entropy(h, y, 1e-3, axis=1 - m.axis)
        return ops.sum(guarded) * (1.0 / n)
    if kind == 3:
        return ops.mean(ops.binary_cross_entropy_with_logits(h, y))
    if kind == 4:
        return ops.sum(ops.mean(ops.binary_cross_entropy(ops.sigmoid(h), y, 0.01), axis=m.axis))
    # summed over samples by a product, then bent
    letters = "ib" if m.axis else "bi"
    gram = ops.contract(f"{letters},{letters.replace('i', 'j')}->ij", h, y)
    return ops.mean(ops.tanh(gram * (1.0 / n)))
