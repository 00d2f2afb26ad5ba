"""A toy framework in one file: Parameter with value and grad, Module, Sequential, losses."""

import numpy as np


class Parameter:
    def __init__(self, value):
        self.value = np.asarray(value, dtype=np.float64)
        self.grad = np.zeros_like(self.value)


class Module:
    def parameters(self):
        for v in self.__dict__.values():
            if isinstance(v, Parameter):
                yield v

    def zero_grad(self):
        for p in self.parameters():
            p.grad[...] = 0


class Linear(Module):
    def __init__(self, fan_in, fan_out):
        bound = np.sqrt(6.0 / (fan_in + fan_out))
        self.weight = Parameter(np.random.uniform(-bound, bound, size=(fan_out, fan_in)))
        self.bias = Parameter(np.random.uniform(-0.1, 0.1, size=fan_out))

    def forward(self, x):
        self._x = x
        out = np.dot(x, self.weight.value.T)
        out += self.bias.value
        return out

    def backward(self, gy):
        self.weight.grad += np.dot(gy.T, self._x)
        self.bias.grad += gy.sum(axis=0)
        return np.dot(gy, self.weight.value)


class Swish(Module):
    def __init__(self):
        self.beta = Parameter(np.ones(1))

    def forward(self, x):
        self._x = x
        self._s = 1.0 / (1.0 + np.exp(-self.beta.value * x))
        return x * self._s

    def backward(self, gy):
        ds = self._s * (1 - self._s)
        self.beta.grad += np.sum(gy * self._x**2 * ds)
        return gy * (self._s + self._x * self.beta.value * ds)


class Dropout(Module):
    def __init__(self, p, rng):
        self.p, self.rng, self.mask = p, rng, None

    def forward(self, x):
        if self.mask is None:  # call refresh() for a new mask
            self.mask = (self.rng.random(x.shape) >= self.p) / (1 - self.p)
        return x * self.mask

    def refresh(self):
        self.mask = None

    def backward(self, gy):
        return gy * self.mask


class Sequential(Module):
    def __init__(self, *modules):
        self.modules = modules

    def parameters(self):
        for m in self.modules:
            yield from m.parameters()

    def forward(self, x):
        for m in self.modules:
            x = m.forward(x)
        return x

    def backward(self, gy):
        for m in reversed(self.modules):
            gy = m.backward(gy)
        return gy


class CrossEntropyLoss:
    def __call__(self, logits, labels):
        z = logits - logits.max(axis=1, keepdims=True)
        logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        self._p, self._labels = np.exp(logp), labels
        return -logp[np.arange(labels.size), labels].mean()

    def backward(self):
        g = self._p.copy()
        g[np.arange(self._labels.size), self._labels] -= 1.0
        return g / self._labels.size
