"""Variational autoencoder with the noise handed in, so that the ELBO is a function."""

import numpy as np


def sig(x):
    return 1 / (1 + np.exp(-x))


class VAE:
    def __init__(self, x_dim=30, h_dim=24, z_dim=4, seed=0):
        np.random.seed(seed)
        init = lambda i, o: np.random.normal(size=(i, o), scale=1 / np.sqrt(i / 2.0))  # noqa: E731
        self.theta = {
            "enc_w": init(x_dim, h_dim), "enc_b": np.zeros(h_dim),
            "mu_w": init(h_dim, z_dim), "mu_b": np.zeros(z_dim),
            "lv_w": init(h_dim, z_dim) * 0.3, "lv_b": np.zeros(z_dim),
            "dec_w": init(z_dim, h_dim), "dec_b": np.zeros(h_dim),
            "out_w": init(h_dim, x_dim), "out_b": np.zeros(x_dim),
        }  # fmt: skip

    def encode(self, x):
        th = self.theta
        h = np.tanh(x @ th["enc_w"] + th["enc_b"])
        return h, h @ th["mu_w"] + th["mu_b"], h @ th["lv_w"] + th["lv_b"]

    def decode(self, z):
        th = self.theta
        h = np.tanh(z @ th["dec_w"] + th["dec_b"])
        return h, sig(h @ th["out_w"] + th["out_b"])

    def neg_elbo(self, x, eps):
        h, mu, logvar = self.encode(x)
        z = mu + np.exp(0.5 * logvar) * eps
        hd, y = self.decode(z)
        rec = -np.sum(x * np.log(np.maximum(y, 1e-8)) + (1 - x) * np.log(np.maximum(1 - y, 1e-8)))
        kl = -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar))
        self.memo = x, eps, h, mu, logvar, z, hd, y
        return (rec + kl) / x.shape[0]

    def backward(self):
        x, eps, h, mu, logvar, z, hd, y = self.memo
        th, n = self.theta, x.shape[0]
        g = {}
        do = (y - x) / n
        g["out_w"], g["out_b"] = hd.T @ do, do.sum(0)
        dhd = (do @ th["out_w"].T) * (1 - hd**2)
        g["dec_w"], g["dec_b"] = z.T @ dhd, dhd.sum(0)
        dz = dhd @ th["dec_w"].T
        dmu = dz + mu / n
        dlv = dz * eps * 0.5 * np.exp(0.5 * logvar) - 0.5 * (1 - np.exp(logvar)) / n
        g["mu_w"], g["mu_b"] = h.T @ dmu, dmu.sum(0)
        g["lv_w"], g["lv_b"] = h.T @ dlv, dlv.sum(0)
        dh = (dmu @ th["mu_w"].T + dlv @ th["lv_w"].T) * (1 - h**2)
        g["enc_w"], g["enc_b"] = x.T @ dh, dh.sum(0)
        return g
