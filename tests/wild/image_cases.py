"""Cases of convolutions, autoencoders and losses on embeddings and distances."""

from __future__ import annotations

import numpy as np

from tests.wild.base import Case, attributes, jitter, seed_author
from tests.wild.nets import (
    book_multilayer,
    conv_dilated,
    conv_fancy,
    conv_loops,
    conv_six_loops,
    conv_strided,
    deconv_decoder,
    density_net,
    factorization_machine,
    gcn,
    group_norm,
    lenet_im2col,
    matrix_factorization,
    mixture_of_experts,
    rbf_net,
    sgns_vectorized,
    siamese,
    sparse_autoencoder,
    tied_autoencoder,
    triplet,
    vae,
    word2vec,
)


def make_lenet_im2col(
    seed: int = 0,
    image: int = 16,
    filters: tuple[int, int] = (4, 8),
    hidden: int = 120,
    batch: int = 4,
) -> Case:
    rng = np.random.default_rng(seed)
    x, t = rng.random((batch, 1, image, image)), rng.integers(0, 10, batch)
    seed_author(seed)
    net = lenet_im2col.LeNet(image, filters, hidden)
    return Case(
        "lenet_im2col", lambda: net.loss(x, t), net.params, lambda: net.gradient(x, t),
        "layer objects, im2col",
    )  # fmt: skip


def make_conv_fancy(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(3, 3, 8, 8)), rng.integers(0, 10, 3)
    seed_author(seed)
    net = conv_fancy.ThreeLayerConvNet()
    jitter(rng, net.params)
    return Case(
        "conv_fancy", lambda: net.loss(X, y)[0], net.params, lambda: net.loss(X, y)[1],
        "class, dict of parameters, index arrays",
    )  # fmt: skip


def make_conv_strided(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(4, 1, 12, 12)), rng.integers(0, 10, 4)
    seed_author(seed)
    net = conv_strided.Net()
    layers = {i: f for i, f in enumerate(net.stack) if hasattr(f, "w")}

    def collect(d=""):
        return {f"{k}{i}": getattr(f, d + k) for i, f in layers.items() for k in ("w", "b")}

    def grads():
        net.nll(x, y)
        net.backprop()
        return collect("d")

    p = collect()
    jitter(rng, p)
    return Case("conv_strided", lambda: net.nll(x, y), p, grads, "callable layers, as_strided")


def make_conv_dilated(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(3, 2, 10, 10)), rng.integers(0, 5, 3)
    p = conv_dilated.init_params(rng)
    f = conv_dilated.compute_loss
    return Case(
        "conv_dilated", lambda: f(p, x, y), p, lambda: conv_dilated.backward(p, x, y),
        "functions, windows and einsum", (f, (p, x, y)),
    )  # fmt: skip


def loops_case(name: str, seed: int, mode: str) -> Case:
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(2, 6, 6, 2)), rng.normal(size=(2, 2))
    p = {
        "W": 0.4 * rng.normal(size=(3, 3, 2, 2)), "b": 0.1 * rng.normal(size=(1, 1, 1, 2)),
        "V": 0.5 * rng.normal(size=(8, 2)),
    }  # fmt: skip

    def f(p, X, Y):
        return conv_loops.model(p, X, Y, mode)[0]

    return Case(
        name, lambda: f(p, X, Y), p, lambda: conv_loops.model_backward(p, X, Y, mode),
        "functions, plain loops, channels last", (f, (p, X, Y)),
    )  # fmt: skip


def make_conv_loops_max(seed: int = 0) -> Case:
    return loops_case("conv_loops_max", seed, "max")


def make_conv_loops_average(seed: int = 0) -> Case:
    return loops_case("conv_loops_average", seed, "average")


def make_group_norm(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(3, 3, 6, 6)), rng.integers(0, 4, 3)
    net = group_norm.GNNet(3, 8, 2, 4, seed)

    def grads():
        net.loss(x, y)
        return net.grad()

    p = attributes(net, "w gamma beta v")
    return Case("group_norm", lambda: net.loss(x, y), p, grads, "class, attributes")


def make_sparse_autoencoder(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    data = rng.uniform(0.1, 0.9, (64, 20))
    seed_author(seed)
    theta = sparse_autoencoder.initialize(25, 64)

    def f(theta, data):
        return sparse_autoencoder.cost(theta, 64, 25, 1e-4, 0.1, 3.0, data)[0]

    def grads():
        return {"theta": sparse_autoencoder.cost(theta, 64, 25, 1e-4, 0.1, 3.0, data)[1]}

    return Case(
        "sparse_autoencoder", lambda: f(theta, data), {"theta": theta}, grads,
        "flat vector, columns", (f, (theta, data)),
    )  # fmt: skip


def make_tied_autoencoder(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    x = rng.random((10, 36))
    net = tied_autoencoder.dA(rng=np.random.RandomState(seed))
    noisy = net.get_corrupted_input(x, 0.3, np.random.RandomState(seed))
    p = attributes(net, "W hbias vbias")
    jitter(rng, p)

    def grads():
        return dict(zip(p, net.updates(x, noisy), strict=True))

    return Case("tied_autoencoder", lambda: net.cost(x, noisy), p, grads, "class, tied weights")


def make_vae(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    x, eps = rng.integers(0, 2, (8, 30)).astype(float), rng.normal(size=(8, 4))
    net = vae.VAE(seed=seed)
    jitter(rng, net.theta)

    def grads():
        net.neg_elbo(x, eps)
        return net.backward()

    return Case("vae", lambda: net.neg_elbo(x, eps), net.theta, grads, "class, dict")


def make_mixture_of_experts(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(12, 5)), rng.normal(size=(12, 2))
    p = mixture_of_experts.setup(5, 6, 3, 2, rng)
    f = mixture_of_experts.cost
    return Case(
        "mixture_of_experts", lambda: f(p, X, Y), p,
        lambda: mixture_of_experts.cost_grad(p, X, Y), "functions", (f, (p, X, Y)),
    )  # fmt: skip


def make_density_net(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(15, 3)), rng.normal(size=15)
    net = density_net.MDN(3, 14, 4, rng)

    def grads():
        net.nll(x, y)
        return net.grads()

    return Case(
        "density_net", lambda: net.nll(x, y), attributes(net, "w1 b1 w2 b2"), grads,
        "class, attributes",
    )  # fmt: skip


def make_rbf_net(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(20, 3)), rng.normal(size=(20, 2))
    net = rbf_net.RBFNet(rng.normal(size=(9, 3)), 2, rng)

    def grads():
        net.loss(X, Y)
        return net.backward()

    p = attributes(net, "C log_beta W bias")
    return Case("rbf_net", lambda: net.loss(X, Y), p, grads, "class, distances")


def make_word2vec(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(2 * 12, 6))
    corpus = [(int(rng.integers(12)), rng.integers(0, 12, 3), rng.integers(0, 12, (3, 5)))
              for _ in range(4)]  # fmt: skip

    def f(vectors, corpus):
        return word2vec.batch(vectors, corpus)[0]

    return Case(
        "word2vec", lambda: f(vectors, corpus), {"vectors": vectors},
        lambda: {"vectors": word2vec.batch(vectors, corpus)[1]}, "functions, pair by pair",
        (f, (vectors, corpus)),
    )  # fmt: skip


def make_sgns_vectorized(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    batch = rng.integers(0, 120, 32), rng.integers(0, 120, 32), rng.integers(0, 120, (32, 5))
    seed_author(seed)
    net = sgns_vectorized.SGNS(120, 16)

    def grads():
        net.forward(*batch)
        return dict(zip(("W_in", "W_out"), net.backward(), strict=True))

    p = attributes(net, "W_in W_out")
    return Case("sgns_vectorized", lambda: net.forward(*batch), p, grads, "class, embeddings")


def make_matrix_factorization(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    u, i, r = rng.integers(0, 15, 60), rng.integers(0, 20, 60), rng.normal(size=60)
    net = matrix_factorization.MF(15, 20, seed=seed)
    p = attributes(net, "P Q bu bi")

    def grads():
        return dict(zip(p, net.gradient(u, i, r), strict=True))

    return Case("matrix_factorization", lambda: net.objective(u, i, r), p, grads, "class")


def make_siamese(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    xa, xb, same = rng.normal(size=(14, 10)), rng.normal(size=(14, 10)), rng.integers(0, 2, 14)
    seed_author(seed)
    net = siamese.Siamese(10, 16, 5)

    def grads():
        net.loss(xa, xb, same)
        return net.backprop()

    p = attributes(net, "W1 b1 W2 b2")
    return Case("siamese", lambda: net.loss(xa, xb, same), p, grads, "class, shared weights")


def make_triplet(seed: int = 0) -> Case:
    batch = np.random.default_rng(seed).normal(size=(3, 16, 12))
    layers = triplet.init_weights(12, 20, 6, seed)

    def named(layers):
        return {f"{k}{i}": a for i, pair in enumerate(layers) for k, a in zip("Wb", pair)}  # noqa: B905

    f = triplet.triplet_loss
    return Case(
        "triplet", lambda: f(layers, batch), named(layers),
        lambda: named(triplet.triplet_grads(layers, batch)), "functions, list of pairs",
        (f, (layers, batch)),
    )  # fmt: skip


def make_gcn(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.random((18, 18)) < 0.2, 1).astype(float)
    A, X = gcn.normalize_adj(upper + upper.T), rng.normal(size=(18, 10))
    labels, train = rng.integers(0, 3, 18), np.arange(0, 18, 2)
    net = gcn.GCN(10, 12, 3, seed=seed)

    def grads():
        return dict(zip(("W0", "W1"), net.grads(A, X, labels, train), strict=True))

    return Case(
        "gcn", lambda: net.loss(A, X, labels, train), attributes(net, "W0 W1"), grads, "class"
    )


def make_factorization_machine(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(20, 12)), rng.choice([-1.0, 1.0], 20)
    p = {"w0": rng.normal(size=1), "w": rng.normal(size=12), "V": 0.3 * rng.normal(size=(12, 4))}

    def f(p, X, y):
        return factorization_machine.fm_loss(p["w0"], p["w"], p["V"], X, y)

    def grads():
        g = factorization_machine.fm_grad(p["w0"], p["w"], p["V"], X, y)
        return dict(zip(p, g, strict=True))

    return Case("factorization_machine", lambda: f(p, X, y), p, grads, "functions", (f, (p, X, y)))


def make_deconv_decoder(seed: int = 0) -> Case:
    x = np.random.default_rng(seed).normal(size=(3, 2, 10, 10))
    seed_author(seed)
    net = deconv_decoder.ConvAE(2, 6)

    def grads():
        net.loss(x)
        net.backward()
        return {k: getattr(net, "d" + k) for k in ("We", "be", "Wd", "bd")}

    p = attributes(net, "We be Wd bd")
    return Case("deconv_decoder", lambda: net.loss(x), p, grads, "class, transposed convolution")


def make_conv_six_loops(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    x, target = rng.normal(size=(1, 2, 5, 5)), rng.normal(size=(1, 2, 3, 3))
    p = {"w": rng.normal(size=(2, 2, 3, 3)), "b": rng.normal(size=2)}
    f = conv_six_loops.loss
    return Case(
        "conv_six_loops", lambda: f(p, x, target), p,
        lambda: conv_six_loops.gradient(p, x, target), "functions, scalar loops",
        (f, (p, x, target)),
    )  # fmt: skip


def make_book_multilayer(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    x, t = rng.random((12, 30)), rng.integers(0, 10, 12)
    seed_author(seed)
    net = book_multilayer.MultiLayerNetExtend([30, 40, 25, 10])
    net.loss(x, t)  # draws the masks
    for layer in net.layers.values():
        if isinstance(layer, book_multilayer.Dropout):
            layer.frozen = True
    jitter(rng, net.params)
    return Case(
        "book_multilayer", lambda: net.loss(x, t), net.params, lambda: net.gradient(x, t),
        "layer objects in an OrderedDict, frozen masks",
    )  # fmt: skip


IMAGE = [
    make_lenet_im2col, make_conv_fancy, make_conv_strided, make_conv_dilated, make_conv_loops_max,
    make_conv_loops_average, make_group_norm, make_sparse_autoencoder, make_tied_autoencoder,
    make_vae, make_mixture_of_experts, make_density_net, make_rbf_net, make_word2vec,
    make_sgns_vectorized, make_matrix_factorization, make_siamese, make_triplet, make_gcn,
    make_factorization_machine,
    make_deconv_decoder, make_conv_six_loops, make_book_multilayer,
]  # fmt: skip
