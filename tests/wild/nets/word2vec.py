"""Skip-gram with negative sampling; the negatives are drawn once and kept with the batch."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def neg_sampling_loss_and_gradient(center_vec, outside_idx, outside_vectors, neg_indices):
    """Loss and gradients of one (center, outside) pair.

    Returns
    -------
    loss, gradient of the centre vector, gradient of all outside vectors
    """
    u_o = outside_vectors[outside_idx]
    u_k = outside_vectors[neg_indices]
    pos = sigmoid(u_o.dot(center_vec))
    neg = sigmoid(-u_k.dot(center_vec))
    loss = -np.log(pos) - np.sum(np.log(neg))

    grad_center = (pos - 1) * u_o + (1 - neg) @ u_k
    grad_outside = np.zeros(outside_vectors.shape)
    grad_outside[outside_idx] += (pos - 1) * center_vec
    for k, idx in enumerate(neg_indices):  # a word can be drawn twice
        grad_outside[idx] += (1 - neg[k]) * center_vec
    return loss, grad_center, grad_outside


def skipgram(center_idx, window, negatives, center_vectors, outside_vectors):
    loss = 0.0
    grad_center = np.zeros(center_vectors.shape)
    grad_outside = np.zeros(outside_vectors.shape)
    v = center_vectors[center_idx]
    for o, negs in zip(window, negatives, strict=True):
        l, gc, go = neg_sampling_loss_and_gradient(v, o, outside_vectors, negs)
        loss += l
        grad_center[center_idx] += gc
        grad_outside += go
    return loss, grad_center, grad_outside


def batch(word_vectors, corpus):
    """Average over (center, window, negatives); word_vectors stacks centre and outside halves."""
    n = word_vectors.shape[0] // 2
    cv, ov = word_vectors[:n, :], word_vectors[n:, :]
    loss = 0.0
    grad = np.zeros(word_vectors.shape)
    for c, window, negatives in corpus:
        l, gc, go = skipgram(c, window, negatives, cv, ov)
        loss += l / len(corpus)
        grad[:n, :] += gc / len(corpus)
        grad[n:, :] += go / len(corpus)
    return loss, grad
