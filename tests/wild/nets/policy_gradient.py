"""Policy gradient on recorded frames: a tiny two-matrix policy, log-likelihood times advantage."""

import numpy as np

H = 40  # number of hidden layer neurons
D = 6 * 9  # input dimensionality

np.random.seed(0)
model = {}
model["W1"] = np.random.randn(H, D) / np.sqrt(D)
model["W2"] = np.random.randn(H) / np.sqrt(H)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def policy_forward(x):
    h = np.dot(model["W1"], x)
    h[h < 0] = 0  # ReLU nonlinearity
    logp = np.dot(model["W2"], h)
    p = sigmoid(logp)
    return p, h  # return probability of taking action 2, and hidden state


def policy_backward(eph, epdlogp, epx):
    """Eph is the array of intermediate hidden states."""
    dW2 = np.dot(eph.T, epdlogp).ravel()
    dh = np.outer(epdlogp, model["W2"])
    dh[eph <= 0] = 0
    dW1 = np.dot(dh.T, epx)
    return {"W1": dW1, "W2": dW2}


def discount_rewards(r, gamma=0.99):
    discounted_r = np.zeros_like(r)
    running_add = 0
    for t in reversed(range(r.size)):
        if r[t] != 0:
            running_add = 0  # reset the sum, this was a game boundary
        running_add = running_add * gamma + r[t]
        discounted_r[t] = running_add
    return discounted_r


def episode_loss(xs, actions, rewards):
    adv = discount_rewards(rewards)
    loss = 0.0
    for x, y, a in zip(xs, actions, adv, strict=True):
        p, _ = policy_forward(x)
        loss -= a * (np.log(p) if y == 1 else np.log(1 - p))
    return loss


def episode_grads(xs, actions, rewards):
    hs, dlogps = [], []
    for x, y in zip(xs, actions, strict=True):
        p, h = policy_forward(x)
        hs.append(h)
        dlogps.append(p - y)
    epdlogp = np.array(dlogps) * discount_rewards(rewards)
    return policy_backward(np.vstack(hs), epdlogp, np.vstack(xs))
