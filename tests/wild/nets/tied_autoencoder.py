"""Denoising autoencoder with tied weights: the decoder is the transpose of the encoder."""

from numpy import clip, dot, exp, log, random, sqrt, sum, zeros  # noqa: A004


def sigmoid(x):
    return 1.0 / (1.0 + exp(-x))


class dA:
    """W (visible, hidden), hbias, vbias."""

    def __init__(self, n_visible=36, n_hidden=60, rng=None):
        rng = rng or random.RandomState(1234)
        a = 4 * sqrt(6.0 / (n_visible + n_hidden))
        self.W = rng.uniform(low=-a / 4, high=a / 4, size=(n_visible, n_hidden))
        self.hbias = zeros(n_hidden)
        self.vbias = zeros(n_visible)

    def get_corrupted_input(self, input_, level, rng):
        return rng.binomial(size=input_.shape, n=1, p=1 - level) * input_

    def get_hidden_values(self, x):
        return sigmoid(dot(x, self.W) + self.hbias)

    def get_reconstructed_input(self, h):
        return sigmoid(dot(h, self.W.T) + self.vbias)

    def cost(self, x, tilde_x):
        y = self.get_hidden_values(tilde_x)
        z = clip(self.get_reconstructed_input(y), 1e-10, 1 - 1e-10)
        return -sum(x * log(z) + (1 - x) * log(1 - z)) / x.shape[0]

    def updates(self, x, tilde_x):
        y = self.get_hidden_values(tilde_x)
        z = self.get_reconstructed_input(y)
        L_h2 = (z - x) / x.shape[0]
        L_h1 = dot(L_h2, self.W) * y * (1 - y)
        # both uses of W
        L_W = dot(tilde_x.T, L_h1) + dot(L_h2.T, y)
        return L_W, sum(L_h1, axis=0), sum(L_h2, axis=0)
