"""Cases of nets made of matrix products: examples in rows or columns, dicts, lists, objects."""

from __future__ import annotations

import numpy as np

from tests.wild.base import Case, attributes, jitter, one_hot, seed_author
from tests.wild.nets import (
    bn_staged,
    book_layers,
    column_network,
    coursera_deep,
    coursera_dropout,
    coursera_shallow,
    deep_linear,
    fc_batchnorm,
    highway,
    layernorm_mlp,
    linear_svm,
    logreg,
    maxout,
    policy_gradient,
    q_learning,
    resnet_mlp,
    theta_views,
    toy_framework,
    tuple_huber,
    two_layer_net,
    unrolled_theta,
    xor_globals,
)


def make_coursera_shallow(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(2, 40)), rng.integers(0, 2, (1, 40))
    p = coursera_shallow.initialize_parameters(2, 4, 1)
    jitter(rng, p)

    def loss(p, X, Y):
        A2, _ = coursera_shallow.forward_propagation(X, p)
        return coursera_shallow.compute_cost(A2, Y)

    def grads():
        _, cache = coursera_shallow.forward_propagation(X, p)
        g = coursera_shallow.backward_propagation(p, cache, X, Y)
        return {k: g["d" + k] for k in p}

    return Case(
        "coursera_shallow", lambda: loss(p, X, Y), p, grads, "functions, columns", (loss, (p, X, Y))
    )


def make_coursera_deep(seed: int = 0, n_in: int = 120, batch: int = 25) -> Case:
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(n_in, batch)), rng.integers(0, 2, (1, batch))
    p = coursera_deep.initialize_parameters_deep([n_in, 20, 7, 5, 1])
    jitter(rng, p)

    def loss(p, X, Y):
        AL, _ = coursera_deep.L_model_forward(X, p)
        return coursera_deep.compute_cost(AL, Y, p, 0.7)

    def grads():
        AL, caches = coursera_deep.L_model_forward(X, p)
        g = coursera_deep.L_model_backward(AL, Y, caches, 0.7)
        return {k: g["d" + k] for k in p}

    return Case(
        "coursera_deep", lambda: loss(p, X, Y), p, grads, "functions, columns", (loss, (p, X, Y))
    )


def make_coursera_dropout(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(2, 30)), rng.integers(0, 2, (1, 30))
    p = coursera_dropout.init([2, 20, 6, 1])
    jitter(rng, p)
    net = coursera_dropout

    def loss(p, X, Y):
        a3, _ = net.forward_propagation_with_dropout(X, p, keep_prob=0.8)
        return net.compute_cost(a3, Y)

    def grads():
        _, cache = net.forward_propagation_with_dropout(X, p, keep_prob=0.8)
        return net.backward_propagation_with_dropout(X, Y, cache, keep_prob=0.8)

    return Case(
        "coursera_dropout", lambda: loss(p, X, Y), p, grads, "functions, columns, reseeded dropout",
        (loss, (p, X, Y)),
    )  # fmt: skip


def make_two_layer_net(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(12, 20)), rng.integers(0, 6, 12)
    seed_author(seed)
    net = two_layer_net.TwoLayerNet(20, 15, 6)
    jitter(rng, net.params)
    return Case(
        "two_layer_net", lambda: net.loss(X, y, reg=0.05)[0], net.params,
        lambda: net.loss(X, y, reg=0.05)[1], "class, dict of parameters",
    )  # fmt: skip


def make_linear_svm(seed: int = 0, n_in: int = 300, batch: int = 20) -> Case:
    rng = np.random.default_rng(seed)
    X = np.hstack([rng.normal(size=(batch, n_in)), np.ones((batch, 1))])
    y, p = rng.integers(0, 8, batch), {"W": 0.02 * rng.normal(size=(n_in + 1, 8))}

    def loss(p, X, y):
        return linear_svm.svm_loss_vectorized(p["W"], X, y, 0.01)[0]

    def grads():
        return {"W": linear_svm.svm_loss_vectorized(p["W"], X, y, 0.01)[1]}

    return Case("linear_svm", lambda: loss(p, X, y), p, grads, "function, hinge", (loss, (p, X, y)))


def make_fc_batchnorm(
    seed: int = 0, n_in: int = 40, hidden: tuple[int, ...] = (32, 24), batch: int = 16
) -> Case:
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(batch, n_in)), rng.integers(0, 10, batch)
    net = fc_batchnorm.FullyConnectedNet(hidden, n_in, 10, reg=0.01, seed=seed)
    jitter(rng, net.params)
    return Case(
        "fc_batchnorm", lambda: net.loss(X, y)[0], net.params, lambda: net.loss(X, y)[1],
        "class, dict of parameters, layer functions with caches",
    )  # fmt: skip


def make_bn_staged(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(14, 6)), rng.normal(size=(14, 3))
    p = {
        "W1": rng.normal(size=(6, 9)), "gamma": rng.uniform(0.5, 1.5, 9),
        "beta": rng.normal(size=9), "W2": rng.normal(size=(9, 3)), "b2": rng.normal(size=3),
    }  # fmt: skip
    f = bn_staged.compute_loss
    return Case(
        "bn_staged", lambda: f(p, X, y), p, lambda: bn_staged.backward(p, X, y), "functions",
        (f, (p, X, y)),
    )  # fmt: skip


def make_unrolled_theta(seed: int = 0, n_in: int = 64, hidden: int = 32, batch: int = 20) -> Case:
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(batch, n_in)), rng.integers(0, 10, batch)
    seed_author(seed)
    parts = [(n_in, hidden), (hidden, 10)]
    theta = np.concatenate([unrolled_theta.rand_initialize_weights(*s).ravel() for s in parts])

    def f(theta, X, y):
        return unrolled_theta.nn_cost_function(theta, n_in, hidden, 10, X, y, 1.0)[0]

    def grads():
        g = unrolled_theta.nn_cost_function(theta, n_in, hidden, 10, X, y, 1.0)[1]
        return {"theta": g}

    return Case(
        "unrolled_theta", lambda: f(theta, X, y), {"theta": theta}, grads, "flat vector",
        (f, (theta, X, y)),
    )  # fmt: skip


def make_column_network(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    data = [(rng.normal(size=(9, 1)), one_hot(rng.integers(0, 4), 4)[:, None]) for _ in range(6)]
    seed_author(seed)
    net = column_network.Network([9, 7, 5, 4])
    named = lambda bs, ws: {  # noqa: E731
        **{f"b{i}": b for i, b in enumerate(bs)}, **{f"w{i}": w for i, w in enumerate(ws)}
    }  # fmt: skip
    return Case(
        "column_network", lambda: net.total_cost(data), named(net.biases, net.weights),
        lambda: named(*net.batch_gradient(data)), "class, lists, one example at a time",
    )  # fmt: skip


def make_xor_globals(seed: int = 0) -> Case:
    """Refill the globals of the module: all cases of this factory share their arrays."""
    rng = np.random.default_rng(seed)
    p = attributes(xor_globals, "syn0 syn1")
    for array in p.values():
        array[...] = rng.uniform(-1, 1, array.shape)

    def grads():
        return {k: -d for k, d in zip(p, xor_globals.step(), strict=True)}

    return Case("xor_globals", lambda: xor_globals.error(), p, grads, "module globals")


def make_tuple_huber(seed: int = 0, n_in: int = 10, hidden: int = 48, batch: int = 24) -> Case:
    rng = np.random.default_rng(seed)
    X, t = rng.normal(size=(batch, n_in)), rng.normal(size=batch) * 2
    p = tuple_huber.make_params(n_in, hidden, rng)
    jitter(rng, p._asdict())
    return Case(
        "tuple_huber", lambda: tuple_huber.loss(p, X, t), p._asdict(),
        lambda: tuple_huber.gradient(p, X, t)._asdict(), "functions, namedtuple",
        (tuple_huber.loss, (p, X, t)),
    )  # fmt: skip


def make_highway(seed: int = 0, n_in: int = 12, width: int = 20, batch: int = 10) -> Case:
    rng = np.random.default_rng(seed)
    X, T = rng.normal(size=(batch, n_in)), one_hot(rng.integers(0, 5, batch), 5)
    seed_author(seed)
    net = highway.HighwayNet(n_in, width, 3, 5)

    def collect(prefix=""):
        named = attributes(net, f"{prefix}Win {prefix}Wout")
        for i, layer in enumerate(net.layers):
            names = " ".join(prefix + n for n in ("Wh", "bh", "Wt", "bt"))
            named.update({f"{k}_{i}": v for k, v in attributes(layer, names).items()})
        return {k.removeprefix(prefix): v for k, v in named.items()}

    def grads():
        net.cost(X, T)
        net.bprop()
        return collect("d")

    return Case("highway", lambda: net.cost(X, T), collect(), grads, "objects, attributes")


def make_maxout(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    X, T = rng.normal(size=(15, 8)), 2 * one_hot(rng.integers(0, 3, 15), 3) - 1
    seed_author(seed)
    p = maxout.init(8, 6, 4, 3)
    jitter(rng, p)
    f = maxout.compute_loss
    return Case(
        "maxout", lambda: f(p, X, T), p, lambda: maxout.backward(p, X, T), "functions",
        (f, (p, X, T)),
    )  # fmt: skip


def make_logreg(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(25, 30)), rng.integers(0, 2, (1, 30))
    p = {"w": 0.1 * rng.normal(size=(25, 1)), "b": rng.normal(size=1)}

    def loss(p, X, Y):
        return logreg.propagate(p["w"], p["b"], X, Y)[1]

    def grads():
        g, _ = logreg.propagate(p["w"], p["b"], X, Y)
        return {"w": g["dw"], "b": np.array([g["db"]])}

    return Case("logreg", lambda: loss(p, X, Y), p, grads, "function, columns", (loss, (p, X, Y)))


def make_deep_linear(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(6, 20)), rng.normal(size=(4, 20))
    net = deep_linear.DeepLinear([6, 8, 7, 4], rng)
    named = lambda arrays: {f"W{i}": W for i, W in enumerate(arrays, 1)}  # noqa: E731
    return Case(
        "deep_linear", lambda: net.loss(X, Y), named(net.Ws), lambda: named(net.grads(X, Y)),
        "class, list of matrices, columns",
    )  # fmt: skip


def make_book_layers(seed: int = 0, n_in: int = 64, hidden: int = 40, batch: int = 10) -> Case:
    rng = np.random.default_rng(seed)
    x, t = rng.random((batch, n_in)), one_hot(rng.integers(0, 10, batch), 10)
    seed_author(seed)
    net = book_layers.TwoLayerNet(n_in, hidden, 10)
    jitter(rng, net.params)
    return Case(
        "book_layers", lambda: net.loss(x, t), net.params, lambda: net.gradient(x, t),
        "layer objects in an OrderedDict",
    )  # fmt: skip


def make_layernorm_mlp(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    x, t = rng.normal(size=(9, 7)), rng.normal(size=(9, 3))
    net = layernorm_mlp.MLP([7, 16, 12, 3], seed)

    def named(*lists):
        pairs = zip(("W", "b", "gain", "bias"), lists, strict=True)
        return {f"{k}{i}": a for k, arrays in pairs for i, a in enumerate(arrays)}

    def grads():
        net.loss(x, t)
        return named(*net.backward())

    p = named(net.W, net.b, net.gain, net.bias)
    jitter(rng, p)
    return Case("layernorm_mlp", lambda: net.loss(x, t), p, grads, "class, parallel lists")


def make_resnet_mlp(
    seed: int = 0, n_in: int = 10, width: int = 24, hidden: int = 32, batch: int = 12
) -> Case:
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(batch, n_in)), rng.normal(size=(batch, 4))
    seed_author(seed)
    net = resnet_mlp.ResMLP(n_in, width, hidden, 2, 4)

    def collect(d=""):
        named = {"stem": getattr(net, d + "stem"), "head": getattr(net, d + "head")}
        for i, block in enumerate(net.blocks):
            named.update({f"{k}_{i}": getattr(block, d + k) for k in ("W1", "b1", "W2", "b2")})
        return named

    def grads():
        net.loss(X, Y)
        net.backward()
        return collect("d")

    p = collect()
    jitter(rng, p)
    return Case("resnet_mlp", lambda: net.loss(X, Y), p, grads, "block objects, attributes")


def make_q_learning(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    s, a, target = rng.normal(size=(20, 8)), rng.integers(0, 4, 20), rng.normal(size=20) * 2
    net = q_learning.DuelingDQN(8, 30, 4, seed)
    jitter(rng, net.weights)
    return Case(
        "q_learning", lambda: net.td_loss(s, a, target), net.weights,
        lambda: net.td_grads(s, a, target), "class, dict of parameters",
    )  # fmt: skip


def make_policy_gradient(seed: int = 0) -> Case:
    """Refill the globals of the module: all cases of this factory share their arrays."""
    rng = np.random.default_rng(seed)
    net = policy_gradient
    xs, actions = rng.normal(size=(14, net.D)), rng.integers(0, 2, 14)
    rewards = rng.choice([0.0, 0.0, 1.0, -1.0], 14)
    rewards[-1] = 1.0
    for array in net.model.values():
        array[...] = rng.normal(size=array.shape) / np.sqrt(array.shape[-1])
    return Case(
        "policy_gradient", lambda: net.episode_loss(xs, actions, rewards), net.model,
        lambda: net.episode_grads(xs, actions, rewards), "module globals, frame by frame",
    )  # fmt: skip


def make_theta_views(seed: int = 0, n_in: int = 30, batch: int = 16) -> Case:
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(batch, n_in)), rng.integers(0, 5, batch)
    net = theta_views.FlatNet([n_in, 50, 20, 5], seed)

    def grads():
        net.loss(X, y)
        return {"theta": net.backward()}

    return Case(
        "theta_views", lambda: net.loss(X, y), {"theta": net.theta}, grads,
        "flat vector with views",
    )  # fmt: skip


def make_toy_framework(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(11, 9)), rng.integers(0, 4, 11)
    seed_author(seed)
    t = toy_framework
    model = t.Sequential(
        t.Linear(9, 20), t.Swish(), t.Dropout(0.3, rng), t.Linear(20, 12), t.Swish(),
        t.Linear(12, 4),
    )  # fmt: skip
    criterion = t.CrossEntropyLoss()
    parameters = list(model.parameters())

    def grads():
        for module in model.modules:
            module.zero_grad()
        criterion(model.forward(x), y)
        model.backward(criterion.backward())
        return {f"p{i}": q.grad for i, q in enumerate(parameters)}

    return Case(
        "toy_framework", lambda: criterion(model.forward(x), y),
        {f"p{i}": q.value for i, q in enumerate(parameters)}, grads, "framework of modules",
    )  # fmt: skip


DENSE = [
    make_coursera_shallow, make_coursera_deep, make_coursera_dropout, make_two_layer_net,
    make_linear_svm, make_fc_batchnorm, make_bn_staged, make_unrolled_theta, make_column_network,
    make_xor_globals, make_tuple_huber, make_highway, make_maxout, make_logreg, make_deep_linear,
    make_book_layers, make_layernorm_mlp, make_resnet_mlp, make_q_learning, make_policy_gradient,
    make_theta_views, make_toy_framework,
]  # fmt: skip
