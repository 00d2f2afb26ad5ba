"""A neural network in a few lines: XOR with everything at module level."""

import numpy

numpy.random.seed(1)

X = numpy.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
y = numpy.array([[0, 1, 1, 0]]).T

# weights with mean 0
syn0 = 2 * numpy.random.random((3, 4)) - 1
syn1 = 2 * numpy.random.random((4, 1)) - 1


def nonlin(x, deriv=False):
    if deriv:
        return x * (1 - x)
    return 1 / (1 + numpy.exp(-x))


def error():
    l1 = nonlin(numpy.dot(X, syn0))
    l2 = nonlin(numpy.dot(l1, syn1))
    return (0.5 * (y - l2) ** 2).sum()


def step():
    l0 = X
    l1 = nonlin(numpy.dot(l0, syn0))
    l2 = nonlin(numpy.dot(l1, syn1))
    l2_error = y - l2
    l2_delta = l2_error * nonlin(l2, deriv=True)
    l1_error = l2_delta.dot(syn1.T)
    l1_delta = l1_error * nonlin(l1, deriv=True)
    # to be added to the weights
    return l0.T.dot(l1_delta), l1.T.dot(l2_delta)


def train(n=60000):
    global syn0, syn1
    for _ in range(n):
        d0, d1 = step()
        syn0 += d0
        syn1 += d1
