"""Three-layer ConvNet: conv - relu - 2x2 max pool - affine - relu - affine - softmax.

The convolution is one matrix product after im2col with index arrays k, i, j, and the
max pool reshapes the image into windows.
"""

import numpy as np


def get_im2col_indices(x_shape, field_height, field_width, padding=1, stride=1):
    _, C, H, W = x_shape
    assert (H + 2 * padding - field_height) % stride == 0
    out_height = (H + 2 * padding - field_height) // stride + 1
    out_width = (W + 2 * padding - field_width) // stride + 1

    i0 = np.repeat(np.arange(field_height), field_width)
    i0 = np.tile(i0, C)
    i1 = stride * np.repeat(np.arange(out_height), out_width)
    j0 = np.tile(np.arange(field_width), field_height * C)
    j1 = stride * np.tile(np.arange(out_width), out_height)
    i = i0.reshape(-1, 1) + i1.reshape(1, -1)
    j = j0.reshape(-1, 1) + j1.reshape(1, -1)
    k = np.repeat(np.arange(C), field_height * field_width).reshape(-1, 1)
    return k, i, j


def im2col_indices(x, field_height, field_width, padding=1, stride=1):
    p = padding
    x_padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), mode="constant")
    k, i, j = get_im2col_indices(x.shape, field_height, field_width, padding, stride)
    cols = x_padded[:, k, i, j]
    C = x.shape[1]
    return cols.transpose(1, 2, 0).reshape(field_height * field_width * C, -1)


def col2im_indices(cols, x_shape, field_height, field_width, padding=1, stride=1):
    N, C, H, W = x_shape
    x_padded = np.zeros((N, C, H + 2 * padding, W + 2 * padding), dtype=cols.dtype)
    k, i, j = get_im2col_indices(x_shape, field_height, field_width, padding, stride)
    cols_reshaped = cols.reshape(C * field_height * field_width, -1, N).transpose(2, 0, 1)
    np.add.at(x_padded, (slice(None), k, i, j), cols_reshaped)
    if padding == 0:
        return x_padded
    return x_padded[:, :, padding:-padding, padding:-padding]


def conv_forward_im2col(x, w, b, conv_param):
    N, _, H, W = x.shape
    num_filters, _, fh, fw = w.shape
    stride, pad = conv_param["stride"], conv_param["pad"]
    out_height = (H + 2 * pad - fh) // stride + 1
    out_width = (W + 2 * pad - fw) // stride + 1
    x_cols = im2col_indices(x, fh, fw, pad, stride)
    res = w.reshape((w.shape[0], -1)).dot(x_cols) + b.reshape(-1, 1)
    out = res.reshape(num_filters, out_height, out_width, N)
    out = out.transpose(3, 0, 1, 2)
    return out, (x, w, b, conv_param, x_cols)


def conv_backward_im2col(dout, cache):
    x, w, _, conv_param, x_cols = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    db = np.sum(dout, axis=(0, 2, 3))
    num_filters, _, fh, fw = w.shape
    dout_reshaped = dout.transpose(1, 2, 3, 0).reshape(num_filters, -1)
    dw = dout_reshaped.dot(x_cols.T).reshape(w.shape)
    dx_cols = w.reshape(num_filters, -1).T.dot(dout_reshaped)
    return col2im_indices(dx_cols, x.shape, fh, fw, pad, stride), dw, db


def max_pool_forward_reshape(x, ph=2, pw=2):
    N, C, H, W = x.shape
    x_reshaped = x.reshape(N, C, H // ph, ph, W // pw, pw)
    out = x_reshaped.max(axis=3).max(axis=4)
    return out, (x, x_reshaped, out)


def max_pool_backward_reshape(dout, cache):
    x, x_reshaped, out = cache
    dx_reshaped = np.zeros_like(x_reshaped)
    out_newaxis = out[:, :, :, np.newaxis, :, np.newaxis]
    mask = x_reshaped == out_newaxis
    dout_newaxis = dout[:, :, :, np.newaxis, :, np.newaxis]
    dout_broadcast, _ = np.broadcast_arrays(dout_newaxis, dx_reshaped)
    dx_reshaped[mask] = dout_broadcast[mask]
    dx_reshaped /= np.sum(mask, axis=(3, 5), keepdims=True)
    return dx_reshaped.reshape(x.shape)


class ThreeLayerConvNet:
    def __init__(self, input_dim=(3, 8, 8), num_filters=8, filter_size=3, hidden_dim=20, C=10):
        D, H, W = input_dim
        flat = num_filters * (H // 2) * (W // 2)
        self.filter_size = filter_size
        self.params = {
            "W1": 0.3 * np.random.randn(num_filters, D, filter_size, filter_size),
            "b1": np.zeros(num_filters),
            "W2": np.random.randn(flat, hidden_dim) / np.sqrt(flat),
            "b2": np.zeros(hidden_dim),
            "W3": np.random.randn(hidden_dim, C) / np.sqrt(hidden_dim),
            "b3": np.zeros(C),
        }

    def loss(self, X, y, reg=1e-3):
        p = self.params
        conv_param = {"stride": 1, "pad": (self.filter_size - 1) // 2}
        a, conv_cache = conv_forward_im2col(X, p["W1"], p["b1"], conv_param)
        r = np.maximum(a, 0)
        pool, pool_cache = max_pool_forward_reshape(r)
        flat = pool.reshape(pool.shape[0], -1)
        z = flat.dot(p["W2"]) + p["b2"]
        h = np.maximum(z, 0)
        scores = h.dot(p["W3"]) + p["b3"]
        N = len(y)
        probs = np.exp(scores - np.max(scores, axis=1, keepdims=True))
        probs /= np.sum(probs, axis=1, keepdims=True)
        loss = -np.sum(np.log(probs[np.arange(N), y])) / N
        loss += 0.5 * reg * sum(np.sum(p[w] ** 2) for w in ("W1", "W2", "W3"))

        ds = probs.copy()
        ds[np.arange(N), y] -= 1
        ds /= N
        grads = {"W3": h.T.dot(ds), "b3": ds.sum(0)}
        dz = ds.dot(p["W3"].T) * (z > 0)
        grads["W2"], grads["b2"] = flat.T.dot(dz), dz.sum(0)
        dr = max_pool_backward_reshape(dz.dot(p["W2"].T).reshape(pool.shape), pool_cache)
        da = dr * (a > 0)
        _, grads["W1"], grads["b1"] = conv_backward_im2col(da, conv_cache)
        for w in ("W1", "W2", "W3"):
            grads[w] += reg * p[w]
        return loss, grads
