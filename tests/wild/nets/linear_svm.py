"""Multiclass linear SVM: the fully vectorized structured hinge loss and its gradient."""

import numpy as np


def svm_loss_vectorized(W, X, y, reg, delta=1.0):
    """Structured SVM loss.

    - W: (D, C) weights, the last row is the bias (bias trick)
    - X: (N, D) minibatch
    - y: (N,) labels, 0 <= y[i] < C
    """
    num_train = X.shape[0]
    scores = X @ W
    correct_class_scores = scores[np.arange(num_train), y]
    margins = np.maximum(0, scores - correct_class_scores[:, np.newaxis] + delta)
    margins[np.arange(num_train), y] = 0
    loss = np.sum(margins) / num_train
    loss += reg * np.sum(W * W)

    # gradient: count how many classes violated the margin
    mask = np.zeros(margins.shape)
    mask[margins > 0] = 1
    mask[np.arange(num_train), y] = -np.sum(mask, axis=1)
    dW = X.T.dot(mask) / num_train
    dW += 2 * reg * W
    return loss, dW
