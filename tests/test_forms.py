"""pellucid check takes a backpropagation in the form in which it was written: each right, and with one mistake."""

import json

import pytest

from pellucid.cli import main

HEAD = """
import numpy as np
def sig(z):
    return 1 / (1 + np.exp(-z))
"""

# SLOPE marks the factor that the mistake leaves out
FORMS = {
    "network, X, y": """
def gradient(network, X, y):
    W2, b2, W3, b3 = network.W[2], network.b[2], network.W[3], network.b[3]
    h = sig(X @ W2.T + b2)
    o = sig(h @ W3.T + b3)
    d3 = 2 * (o - y) / y.size * o * (1 - o)
    d2 = d3 @ W3 SLOPE
    return [d2.T @ X, d2.sum(0), d3.T @ h, d3.sum(0)]
""",
    "other names by position": """
def grads(model, samples, wanted):
    W, b = model.weights, model.biases
    h = sig(samples @ W[0].T + b[0])
    o = sig(h @ W[1].T + b[1])
    d3 = 2 * (o - wanted) / wanted.size * o * (1 - o)
    d2 = d3 @ W[1] SLOPE
    return [d2.T @ samples, d2.sum(0), d3.T @ h, d3.sum(0)]
""",
    "arrays first, samples as rows": """
def backward(X, y, W1, b1, W2, b2):
    h = sig(X @ W1 + b1)
    o = sig(h @ W2 + b2)
    d3 = 2 * (o - y) / y.size * o * (1 - o)
    d2 = d3 @ W2.T SLOPE
    return X.T @ d2, d2.sum(axis=0), h.T @ d3, d3.sum(axis=0)
""",
    "arrays last, samples as columns": """
def grad(W1, b1, W2, b2, X, Y):
    n = X.shape[1]
    h = sig(W1 @ X + b1)
    o = sig(W2 @ h + b2)
    d3 = 2 * (o - Y) / Y.shape[0] * o * (1 - o)
    d2 = W2.T @ d3 SLOPE
    d2, d3 = d2 / n, d3 / n
    return {"dW1": d2 @ X.T, "db1": d2.sum(1, keepdims=True), "dW2": d3 @ h.T, "db2": d3.sum(1, keepdims=True)}
""",
    "hidden and output names": """
def backprop_step(x_train, y_train, w_hidden, b_hidden, w_out, b_out):
    h = sig(x_train @ w_hidden + b_hidden)
    o = sig(h @ w_out + b_out)
    d3 = 2 * (o - y_train) / y_train.size * o * (1 - o)
    d2 = d3 @ w_out.T SLOPE
    return x_train.T @ d2, d2.sum(axis=0), h.T @ d3, d3.sum(axis=0)
""",
    "lists of weights and biases": """
def backprop(weights, biases, x, y):
    h = sig(weights[0] @ x + biases[0])
    o = sig(weights[1] @ h + biases[1])
    d3 = 2 * (o - y) / y.size * o * (1 - o)
    d2 = weights[1].T @ d3 SLOPE
    return [np.outer(d2, x), np.outer(d3, h)], [d2, d3]
""",
    "lists of weights and biases, one column": """
def backprop(x, y, weights, biases):
    h = sig(np.dot(weights[0], x) + biases[0])
    o = sig(np.dot(weights[1], h) + biases[1])
    assert x.shape[1] == 1 and h.shape[1] == 1
    d3 = 2 * (o - y) / len(y) * o * (1 - o)
    d2 = np.dot(weights[1].T, d3) SLOPE
    return [d2 @ x.T, d3 @ h.T], [d2, d3]
""",
    "lists from 1": """
def backprop(W, b, X, y):
    h = sig(X @ W[1].T + b[1])
    o = sig(h @ W[2].T + b[2])
    d3 = 2 * (o - y) / y.size * o * (1 - o)
    d2 = d3 @ W[2] SLOPE
    return [d2.T @ X, d3.T @ h], [d2.sum(0), d3.sum(0)]
""",
    "params, cache, X, Y": """
def forward_propagation(X, params):
    Z1 = params["W1"] @ X + params["b1"]
    A1 = sig(Z1)
    Z2 = params["W2"] @ A1 + params["b2"]
    A2 = sig(Z2)
    cache = {"A1": A1, "A2": A2}
    return A2, cache
def backward_propagation(params, cache, X, Y):
    m = X.shape[1]
    h, o = cache["A1"], cache["A2"]
    d3 = 2 * (o - Y) / Y.shape[0] * o * (1 - o)
    d2 = params["W2"].T @ d3 SLOPE
    return {"dW1": d2 @ X.T / m, "db1": d2.sum(axis=1, keepdims=True) / m,
            "dW2": d3 @ h.T / m, "db2": d3.sum(axis=1, keepdims=True) / m}
""",
    "what the forward pass returns": """
def forward(X, W1, b1, W2, b2):
    h = sig(X @ W1 + b1)
    o = sig(h @ W2 + b2)
    return h, o
def backward(X, y, h, o, W2):
    d3 = 2 * (o - y) / y.size * o * (1 - o)
    d2 = d3 @ W2.T SLOPE
    return X.T @ d2, d2.sum(axis=0), h.T @ d3, d3.sum(axis=0)
""",
    "X, y, params by number": """
def gradients(X, y, params):
    depth = len(params) // 2
    a = [X]
    for l in range(depth):
        a.append(sig(a[-1] @ params["W" + str(l)] + params["b" + str(l)]))
    d = 2 * (a[-1] - y) / y.size * a[-1] * (1 - a[-1])
    grads = {}
    for l in reversed(range(depth)):
        grads["W" + str(l)], grads["b" + str(l)] = a[l].T @ d, d.sum(axis=0)
        h = a[l]
        d = d @ params["W" + str(l)].T SLOPE
    return grads
""",
    "theta": """
def cost_gradient(theta, X, y):
    n1, n2, n3 = X.shape[1], 7, y.shape[1]
    k = n2 * (n1 + 1)
    T1, T2 = theta[:k].reshape(n2, n1 + 1), theta[k:].reshape(n3, n2 + 1)
    one = np.ones((len(X), 1))
    x1 = np.hstack([one, X])
    h = sig(x1 @ T1.T)
    h1 = np.hstack([one, h])
    o = sig(h1 @ T2.T)
    d3 = 2 * (o - y) / y.size * o * (1 - o)
    d2 = d3 @ T2[:, 1:] SLOPE
    g1, g2 = d2.T @ x1, d3.T @ h1
    return {"W1": g1[:, 1:], "b1": g1[:, 0], "W2": g2[:, 1:], "b2": g2[:, 0]}
""",
    "one sample": """
def backprop(x, y, W1, b1, W2, b2):
    h = sig(W1 @ x + b1)
    o = sig(W2 @ h + b2)
    d3 = 2 / len(y) * (o - y) * o * (1 - o)
    d2 = W2.T @ d3 SLOPE
    return np.outer(d2, x), d2, np.outer(d3, h), d3
""",
    "an update in place": """
def update(X, y, W1, b1, W2, b2, lr):
    h = sig(X @ W1 + b1)
    o = sig(h @ W2 + b2)
    d3 = 2 * (o - y) / y.size * o * (1 - o)
    d2 = d3 @ W2.T SLOPE
    W2 -= lr * h.T @ d3
    b2 -= lr * d3.sum(axis=0)
    W1 -= lr * X.T @ d2
    b1 -= lr * d2.sum(axis=0)
""",
    "updated parameters": """
def train_step(X, y, W1, b1, W2, b2, learning_rate=0.1):
    h = sig(X @ W1 + b1)
    o = sig(h @ W2 + b2)
    d3 = 2 * (o - y) / y.size * o * (1 - o)
    d2 = d3 @ W2.T SLOPE
    W1, b1 = W1 - learning_rate * X.T @ d2, b1 - learning_rate * d2.sum(axis=0)
    W2, b2 = W2 - learning_rate * h.T @ d3, b2 - learning_rate * d3.sum(axis=0)
    return W1, b1, W2, b2
""",
    "a class that returns": """
class NeuralNetwork:
    def __init__(self, n_in, n_hidden, n_out):
        self.W1, self.b1 = np.random.randn(n_in, n_hidden), np.zeros(n_hidden)
        self.W2, self.b2 = np.random.randn(n_hidden, n_out), np.zeros(n_out)
    def forward(self, X):
        self.h = sig(X @ self.W1 + self.b1)
        self.o = sig(self.h @ self.W2 + self.b2)
        return self.o
    def backward(self, X, y):
        h, o = self.h, self.o
        d3 = 2 * (o - y) / y.size * o * (1 - o)
        d2 = d3 @ self.W2.T SLOPE
        return {"W1": X.T @ d2, "b1": d2.sum(axis=0), "W2": h.T @ d3, "b2": d3.sum(axis=0)}
""",
    "a class with the output as an argument": """
class Net:
    def __init__(self, layers):
        self.weights = [np.random.randn(m, n) for n, m in zip(layers, layers[1:])]
        self.biases = [np.random.randn(m, 1) for m in layers[1:]]
    def feedforward(self, x):
        self.h = sig(self.weights[0] @ x + self.biases[0])
        return sig(self.weights[1] @ self.h + self.biases[1])
    def backprop(self, x, y, output):
        h, o, n = self.h, output, x.shape[1]
        d3 = 2 * (o - y) / y.shape[0] * o * (1 - o)
        d2 = self.weights[1].T @ d3 SLOPE
        return [d2 @ x.T / n, d3 @ h.T / n], [d2.sum(axis=1) / n, d3.sum(axis=1) / n]
""",
    "a class that fits": """
class Perceptron:
    def __init__(self, input_size, hidden_size, output_size, lr=0.5):
        self.lr = lr
        self.w_ih, self.b_h = np.random.randn(hidden_size, input_size), np.zeros((hidden_size, 1))
        self.w_ho, self.b_o = np.random.randn(output_size, hidden_size), np.zeros((output_size, 1))
    def fit(self, X, y, epochs=100):
        n = len(X)
        for _ in range(epochs):
            h = sig(self.w_ih @ X.T + self.b_h)
            o = sig(self.w_ho @ h + self.b_o)
            d3 = 2 * (o - y.T) / y.size * o * (1 - o)
            d2 = self.w_ho.T @ d3 SLOPE
            self.w_ho -= self.lr * d3 @ h.T
            self.b_o -= self.lr * d3.sum(axis=1, keepdims=True)
            self.w_ih -= self.lr * d2 @ X
            self.b_h -= self.lr * d2.sum(axis=1, keepdims=True)
""",
    "a class that fits, with a rate of its own": """
class Perceptron:
    def __init__(self, input_size, hidden_size, output_size):
        self.W1, self.b1 = np.random.randn(input_size, hidden_size), np.zeros((1, hidden_size))
        self.W2, self.b2 = np.random.randn(hidden_size, output_size), np.zeros((1, output_size))
    def train(self, X, y):
        h = sig(X @ self.W1 + self.b1)
        o = sig(h @ self.W2 + self.b2)
        d3 = 2 * (o - y) / y.size * o * (1 - o)
        d2 = d3 @ self.W2.T SLOPE
        self.W2 = self.W2 - 0.05 * h.T @ d3
        self.b2 = self.b2 - 0.05 * d3.sum(axis=0, keepdims=True)
        self.W1 = self.W1 - 0.05 * X.T @ d2
        self.b1 = self.b1 - 0.05 * d2.sum(axis=0, keepdims=True)
""",
    "a class that keeps its gradient": """
class Net:
    def __init__(self, sizes):
        self.params = {}
        for l in (1, 2):
            self.params[f"W{l}"], self.params[f"b{l}"] = np.random.randn(sizes[l - 1], sizes[l]), np.zeros(sizes[l])
        self.grads = {}
    def backward(self, X, y):
        p = self.params
        h = sig(X @ p["W1"] + p["b1"])
        o = sig(h @ p["W2"] + p["b2"])
        d3 = 2 * (o - y) / y.size * o * (1 - o)
        d2 = d3 @ p["W2"].T SLOPE
        self.grads["W1"], self.grads["b1"] = X.T @ d2, d2.sum(axis=0)
        self.grads["W2"], self.grads["b2"] = h.T @ d3, d3.sum(axis=0)
""",
    "a class made from the data": """
class NeuralNetwork:
    def __init__(self, x, y):
        self.input, self.y = x, y
        self.weights1, self.bias1 = np.random.rand(x.shape[1], 7), np.random.rand(7)
        self.weights2, self.bias2 = np.random.rand(7, y.shape[1]), np.random.rand(y.shape[1])
    def feedforward(self):
        self.layer1 = sig(self.input @ self.weights1 + self.bias1)
        self.output = sig(self.layer1 @ self.weights2 + self.bias2)
    def backprop(self):
        h, o = self.layer1, self.output
        d3 = 2 * (o - self.y) / self.y.size * o * (1 - o)
        d2 = d3 @ self.weights2.T SLOPE
        x = self.input
        return {"d_weights1": x.T @ d2, "d_bias1": d2.sum(axis=0), "d_weights2": h.T @ d3, "d_bias2": d3.sum(axis=0)}
""",
    "mini-batches of pairs": """
class Network:
    def __init__(self, sizes):
        self.sizes, self.num_layers = sizes, len(sizes)
        self.biases = [np.random.randn(y, 1) for y in sizes[1:]]
        self.weights = [np.random.randn(y, x) for x, y in zip(sizes[:-1], sizes[1:])]
    def update_mini_batch(self, mini_batch, eta):
        nb, nw = [np.zeros(b.shape) for b in self.biases], [np.zeros(w.shape) for w in self.weights]
        for x, y in mini_batch:
            h = sig(self.weights[0] @ x + self.biases[0])
            o = sig(self.weights[1] @ h + self.biases[1])
            d3 = 2 * (o - y) / len(y) * o * (1 - o)
            d2 = self.weights[1].T @ d3 SLOPE
            nb, nw = [nb[0] + d2, nb[1] + d3], [nw[0] + d2 @ x.T, nw[1] + d3 @ h.T]
        self.weights = [w - eta / len(mini_batch) * g for w, g in zip(self.weights, nw)]
        self.biases = [b - eta / len(mini_batch) * g for b, g in zip(self.biases, nb)]
""",
    "a script": """
rng = np.random.default_rng(0)
X, y = rng.normal(size=(11, 4)), rng.random((11, 3))
W1, b1, W2, b2 = rng.normal(size=(4, 6)), rng.normal(size=6), rng.normal(size=(6, 3)), rng.normal(size=3)
lr = 0.3
for _ in range(5):
    h = sig(X @ W1 + b1)
    o = sig(h @ W2 + b2)
    d3 = 2 * (o - y) / y.size * o * (1 - o)
    d2 = d3 @ W2.T SLOPE
    dW1, db1, dW2, db2 = X.T @ d2, d2.sum(axis=0), h.T @ d3, d3.sum(axis=0)
    W1 -= lr * dW1
    b1 -= lr * db1
    W2 -= lr * dW2
    b2 -= lr * db2
""",
}


@pytest.fixture
def check(tmp_path, capsys):
    def run(code, *options, name="mine.py"):
        file = tmp_path / name
        file.write_text(code, encoding="utf-8")
        status = main(["check", str(file), *options])
        out, err = capsys.readouterr()
        return status, out, err

    return run


@pytest.mark.parametrize("form", FORMS)
def test_right_in_every_form(check, form):
    status, out, err = check(HEAD + FORMS[form].replace("SLOPE", "* h * (1 - h)"))
    assert (status, out.splitlines()[:1]) == (0, ["RIGHT: the gradient is that of the loss"]), out + err


@pytest.mark.parametrize("form", FORMS)
def test_the_same_mistake_in_every_form(check, form):
    status, out, err = check(HEAD + FORMS[form].replace("SLOPE", ""), "--json")
    assert status == 1, err
    assert json.loads(out)["rows"] == ["2"], out


def test_what_cannot_be_bound_gets_an_adapter_that_runs(check):
    code = (
        HEAD
        + """
def delta_rule(grad_out, X, y, W1, b1, W2, b2):
    h = sig(X @ W1.T + b1)
    d3 = grad_out(h, W2, b2, y)
    d2 = d3 @ W2 * h * (1 - h)
    return [d2.T @ X, d2.sum(0), d3.T @ h, d3.sum(0)]
"""
    )
    status, out, err = check(code)
    assert (status, out) == (2, "")
    first, *adapter = err.splitlines()
    assert "what grad_out is meant to be is not known" in first
    assert adapter[:2] == ["def gradient(network, X, y):", "    grad_out = ...  # fill in"]
    filled = "\n".join(adapter).replace("...  # fill in", "output_delta")
    rest = """
def output_delta(h, W, b, y):
    o = sig(h @ W.T + b)
    return 2 * (o - y) / y.size * o * (1 - o)
"""
    assert check(code + rest + filled)[0] == 0
    model = HEAD + "class Net:\n    def __init__(self, spam): pass\n    def backward(self, X, y): pass\n"
    status, _, err = check(model)
    assert status == 2
    assert "model = Net(spam=spam)" in err
    assert "return model.backward(X=X, y=y)" in err


def test_dataclasses_and_generators(check):
    code = HEAD + FORMS["network, X, y"].replace("SLOPE", "* h * (1 - h)").replace("    return [", "    yield from [")
    assert check("from dataclasses import dataclass\n@dataclass\nclass P:\n    a: int = 0\n" + code)[0] == 0


def test_the_depth_is_that_of_the_function(check):
    three = (
        HEAD
        + """
def backward(X, y, W1, b1, W2, b2, W3, b3):
    a1 = sig(X @ W1 + b1)
    a2 = sig(a1 @ W2 + b2)
    o = sig(a2 @ W3 + b3)
    d3 = 2 * (o - y) / y.size * o * (1 - o)
    d2 = d3 @ W3.T * a2 * (1 - a2)
    d1 = d2 @ W2.T * a1 * (1 - a1)
    return X.T @ d1, d1.sum(0), a1.T @ d2, d2.sum(0), a2.T @ d3, d3.sum(0)
"""
    )
    assert check(three)[0] == 0
    one = (
        HEAD
        + """
def gradient_step(X, y, w, b, alpha):
    o = sig(X @ w + b)
    d = 2 * (o - y) / y.size * o * (1 - o)
    return w - alpha * X.T @ d, b - alpha * d.sum(axis=0)
"""
    )
    assert check(one)[0] == 0
