"""Robust regression: parameters in a namedtuple, leaky ReLU by np.where, Huber loss."""

from collections import namedtuple

import numpy as np

Params = namedtuple("Params", "w_in b_in w_hid b_hid w_out b_out")


def make_params(n_in, n_hid, rng):
    he = lambda a, b: rng.normal(0.0, np.sqrt(2.0 / a), size=(a, b))  # noqa: E731
    return Params(
        w_in=he(n_in, n_hid),
        b_in=rng.normal(0, 0.1, n_hid),
        w_hid=he(n_hid, n_hid),
        b_hid=rng.normal(0, 0.1, n_hid),
        w_out=he(n_hid, 1),
        b_out=np.zeros(1),
    )


def leaky(x, slope=0.01):
    return np.where(x > 0, x, slope * x)


def huber(r, delta=1.0):
    a = np.abs(r)
    return np.where(a <= delta, 0.5 * r**2, delta * (a - 0.5 * delta))


def predict(p, x):
    z1 = x @ p.w_in + p.b_in
    a1 = leaky(z1)
    z2 = a1 @ p.w_hid + p.b_hid
    a2 = leaky(z2)
    return (a2 @ p.w_out + p.b_out)[:, 0], (z1, a1, z2, a2)


def loss(p, x, t):
    yhat, _ = predict(p, x)
    return huber(yhat - t).mean()


def gradient(p, x, t, delta=1.0):
    yhat, (z1, a1, z2, a2) = predict(p, x)
    r = yhat - t
    dr = np.where(np.abs(r) <= delta, r, delta * np.sign(r)) / len(t)
    dy = dr[:, None]
    dz2 = (dy @ p.w_out.T) * np.where(z2 > 0, 1.0, 0.01)
    dz1 = (dz2 @ p.w_hid.T) * np.where(z1 > 0, 1.0, 0.01)
    return Params(
        w_in=x.T @ dz1,
        b_in=dz1.sum(0),
        w_hid=a1.T @ dz2,
        b_hid=dz2.sum(0),
        w_out=a2.T @ dy,
        b_out=dy.sum(0),
    )
