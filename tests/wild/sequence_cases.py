"""Cases of recurrences, embeddings, attention and convolutions over time."""

from __future__ import annotations

import numpy as np

from tests.wild.base import Case, attributes, jitter, one_hot, seed_author
from tests.wild.nets import (
    additive_attention,
    attention_einsum,
    birnn_tagger,
    causal_conv1d,
    char_rnn,
    crf_tagger,
    encoder_block,
    gru_regressor,
    lstm_batched,
    lstm_four_gates,
    text_bag,
    time_layers,
    transformer_lm,
)


def make_char_rnn(seed: int = 0) -> Case:
    """Refill the globals of the module: all cases of this factory share their arrays."""
    rng = np.random.default_rng(seed)
    net = char_rnn
    p = attributes(net, "Wxh Whh Why bh by")
    for array in p.values():
        array[...] = 0.2 * rng.normal(size=array.shape)
    ids = [net.char_to_ix[c] for c in net.data[: net.seq_length + 1]]
    hprev = 0.1 * rng.normal(size=(net.hidden_size, 1))

    def loss():
        return net.lossFun(ids[:-1], ids[1:], hprev)[0]

    def grads():
        return dict(zip(p, net.lossFun(ids[:-1], ids[1:], hprev)[1:6], strict=True))

    return Case("char_rnn", loss, p, grads, "module globals, dicts over time, columns")


def make_lstm_batched(
    seed: int = 0, n_in: int = 8, hidden: int = 16, steps: int = 8, batch: int = 4
) -> Case:
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(steps, batch, n_in)), rng.integers(0, 5, batch)
    seed_author(seed)
    net = lstm_batched.SequenceClassifier(n_in, hidden)
    jitter(rng, net.model)
    return Case(
        "lstm_batched", lambda: net.loss(X, y), net.model, lambda: net.grads(X, y),
        "class, dict, preallocated arrays over time",
    )  # fmt: skip


def make_lstm_four_gates(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, 9, 8).tolist()
    h, C = 0.1 * rng.normal(size=(2, 10, 1))
    seed_author(seed)
    q = lstm_four_gates.Parameters(10, 9)
    p = {param.name: param.v for param in q.all()}
    jitter(rng, p)

    def loss():
        return lstm_four_gates.forward_backward(ids[:-1], ids[1:], h, C, q)

    def grads():
        loss()
        return {param.name: param.d for param in q.all()}

    return Case("lstm_four_gates", loss, p, grads, "parameter objects, columns, dicts over time")


def make_gru_regressor(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(6, 7, 10)), rng.normal(size=6)
    seed_author(seed)
    net = gru_regressor.GRU(10, 24)

    def grads():
        net.loss(x, y)
        return net.backward()

    p = attributes(net, " ".join(net.names))
    return Case("gru_regressor", lambda: net.loss(x, y), p, grads, "class, attributes")


def make_birnn_tagger(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    words, tags = rng.integers(1, 80, (5, 9)), rng.integers(0, 6, (5, 9))
    words[1, 6:] = words[3, 4:] = 0
    p = birnn_tagger.init_model(80, 16, 20, 6, seed)
    jitter(rng, p)

    def f(p, words, tags):
        return birnn_tagger.loss_and_cache(p, words, tags)[0]

    return Case(
        "birnn_tagger", lambda: f(p, words, tags), p,
        lambda: birnn_tagger.gradients(p, words, tags), "functions", (f, (p, words, tags)),
    )  # fmt: skip


def make_text_bag(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    idx, t = rng.integers(0, 150, (10, 7)), rng.integers(0, 2, 10)
    seed_author(seed)
    net = text_bag.BagOfWords()

    def collect(d=""):
        layers = {"emb": ("W",), "l1": ("W", "b"), "l2": ("W", "b")}
        return {f"{n}.{k}": getattr(getattr(net, n), d + k) for n in layers for k in layers[n]}

    def grads():
        net.forward_loss(idx, t)
        net.backward()
        return collect("d")

    p = collect()
    return Case("text_bag", lambda: net.forward_loss(idx, t), p, grads, "layer objects")


def make_attention_einsum(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(4, 6, 12)), one_hot(rng.integers(0, 4, 4), 4)
    p = attention_einsum.init(rng)
    f = attention_einsum.compute_loss
    return Case(
        "attention_einsum", lambda: f(p, X, Y), p, lambda: attention_einsum.backward(p, X, Y),
        "functions, einsum", (f, (p, X, Y)),
    )  # fmt: skip


def make_transformer_lm(
    seed: int = 0,
    width: int = 16,
    heads: int = 2,
    tokens: int = 6,
    batch: int = 2,
    layers: int = 2,
    vocab: int = 11,
) -> Case:
    rng = np.random.default_rng(seed)
    idx, targets = rng.integers(0, vocab, (2, batch, tokens))
    net = transformer_lm.TransformerLM(vocab, width, heads, tokens, layers, seed)
    jitter(rng, net.params)

    def grads():
        net.loss(idx, targets)
        return net.backward()

    return Case(
        "transformer_lm", lambda: net.loss(idx, targets), net.params, grads,
        "layer objects, one dict",
    )  # fmt: skip


def make_encoder_block(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    x, target = rng.normal(size=(2, 3, 5, 12))
    p = encoder_block.build(12, 3, 20, seed)
    f = encoder_block.mse

    def named(tree):
        return {f"{a}.{k}": v for a, group in tree.items() for k, v in group.items()}

    jitter(rng, named(p))
    return Case(
        "encoder_block", lambda: f(p, x, target, 3), named(p),
        lambda: named(encoder_block.backward(p, x, target, 3)), "functions, nested dicts",
        (f, (p, x, target, 3)),
    )  # fmt: skip


def make_causal_conv1d(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    wave = np.sin(np.linspace(0, 6, 20)) + 0.3 * rng.normal(size=(3, 20))
    seed_author(seed)
    net = causal_conv1d.TinyWaveNet()

    def named(inp, head, lists):
        blocks = {
            f"block{i}.{j}": a for i, arrays in enumerate(lists) for j, a in enumerate(arrays)
        }
        return {"inp": inp, "head": head, **blocks}

    def grads():
        net.loss(wave)
        net.backward()
        return named(net.dinp, net.dhead, [b.grads for b in net.blocks])

    p = named(net.inp, net.head, [b.params for b in net.blocks])
    jitter(rng, p)
    return Case("causal_conv1d", lambda: net.loss(wave), p, grads, "block objects, lists")


def make_time_layers(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    words = rng.integers(0, 40, (3, 8))
    seed_author(seed)
    net = time_layers.Rnnlm(40, 12, 16)
    p = {f"p{i}": a for i, a in enumerate(net.params)}
    jitter(rng, p)

    def loss():
        return net.forward(words[:, :-1], words[:, 1:])

    def grads():
        loss()
        net.backward()
        return {f"p{i}": g for i, g in enumerate(net.grads)}

    return Case("time_layers", loss, p, grads, "layer objects with lists, one object per step")


def make_additive_attention(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    enc, s0 = rng.normal(size=(4, 5, 6)), rng.normal(size=(4, 7))
    targets = rng.normal(size=(4, 2, 3))
    net = additive_attention.Decoder(6, 7, 8, 3, rng)

    def grads():
        net.loss(enc, s0, targets)
        return net.backward()

    p = attributes(net, "Wa Ua va Wc Ws bs Wo")
    jitter(rng, p)
    return Case(
        "additive_attention", lambda: net.loss(enc, s0, targets), p, grads, "class, attributes"
    )


def make_crf_tagger(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(9, 5)), rng.integers(0, 4, 9)
    p = {
        "A": rng.normal(size=(4, 4)), "U": rng.normal(size=(6, 4)),
        "W": rng.normal(size=(5, 6)) / 2, "b": rng.normal(size=6),
    }  # fmt: skip
    f = crf_tagger.compute_loss
    return Case(
        "crf_tagger", lambda: f(p, x, y), p, lambda: crf_tagger.backward(p, x, y),
        "functions, recursion over time", (f, (p, x, y)),
    )  # fmt: skip


SEQUENCE = [
    make_char_rnn, make_lstm_batched, make_lstm_four_gates, make_gru_regressor, make_birnn_tagger,
    make_text_bag, make_attention_einsum, make_transformer_lm, make_encoder_block,
    make_causal_conv1d,
    make_time_layers, make_additive_attention, make_crf_tagger,
]  # fmt: skip
