"""The implementations: each makes a function that trains one epoch in place and returns its mean loss.

Threads are settings of the process: `__main__` starts one for each measurement with the right environment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from peers.workloads import Array, Start, Workload

Epoch = Callable[[], float]


def pellucid(work: Workload, begin: Start, threads: int) -> Epoch:
    """Train by ``Network.train``."""
    import pellucid as pl

    net = pl.Network(work.sizes, work.activation, work.output, dtype="float32", init=(begin.W, begin.b))
    optimizer = pl.Adam(work.rate) if work.optimizer == "adam" else pl.SGD(work.rate)
    settings: dict[str, Any] = {
        "loss": work.loss, "optimizer": optimizer, "batch_size": work.batch, "epochs": 1, "shuffle": False, "seed": 0,
        "threads": threads, "progress": False,
    }  # fmt: skip

    def epoch() -> float:
        return net.train(begin.X, begin.Y, **settings)["loss"][0]

    return epoch


def numpy(work: Workload, begin: Start, threads: int) -> Epoch:  # noqa: ARG001 (the environment's)
    """Train by hand in NumPy, as one who knows it would: in place where that is natural."""
    W, b = [array.copy() for array in begin.W], [array.copy() for array in begin.b]
    parameters = [*W, *b]
    m, v = ([np.zeros_like(array) for array in parameters] for _ in range(2))
    step = 0
    labels = np.eye(work.sizes[-1], dtype=np.float32)[begin.Y] if work.loss == "cross_entropy" else begin.Y

    def activate(z: Array) -> Array:
        if work.activation == "tanh":
            return np.tanh(z)
        return np.maximum(z, 0) if work.activation == "relu" else 1 / (1 + np.exp(-z))

    def slope(a: Array) -> Array:
        if work.activation == "tanh":
            return 1 - a * a
        return (a > 0).astype(np.float32) if work.activation == "relu" else a * (1 - a)

    def epoch() -> float:
        nonlocal step
        total = 0.0
        for first in range(0, len(begin.X), work.batch):
            y = labels[first : first + work.batch]
            a = [begin.X[first : first + work.batch]]
            for l in range(len(W)):
                z = a[-1] @ W[l].T
                z += b[l]
                if l + 1 < len(W):
                    a.append(activate(z))
            if work.loss == "cross_entropy":
                z -= z.max(axis=1, keepdims=True)
                e = np.exp(z)
                s = e.sum(axis=1, keepdims=True)
                total += float((np.log(s[:, 0]) - (z * y).sum(axis=1)).mean())
                d = (e / s - y) / len(y)
            else:
                out = activate(z) if work.output == "sigmoid" else z
                r = out - y
                total += float((r * r).mean())
                d = r * np.float32(2 / r.size)
                if work.output == "sigmoid":
                    d *= slope(out)
            gradient: list[Array] = [d] * (2 * len(W))
            for l in range(len(W) - 1, -1, -1):
                gradient[l], gradient[len(W) + l] = d.T @ a[l], d.sum(axis=0)
                if l:
                    d = (d @ W[l]) * slope(a[l])
            step += 1
            for p, g, mean, square in zip(parameters, gradient, m, v, strict=True):
                if work.optimizer == "sgd":
                    p -= np.float32(work.rate) * g
                    continue
                mean += np.float32(0.1) * (g - mean)
                square += np.float32(0.001) * (g * g - square)
                root = np.sqrt(square)
                root *= np.float32(1 / (1 - 0.999**step) ** 0.5)
                root += np.float32(1e-8)
                p -= np.float32(work.rate / (1 - 0.9**step)) * mean / root
        return total / (len(begin.X) // work.batch)

    return epoch


def _torch_epoch(work: Workload, begin: Start, threads: int, *, compiled: bool) -> Epoch:
    import torch
    from torch.nn import functional

    torch.set_num_threads(threads)
    X = torch.from_numpy(begin.X)
    Y = torch.from_numpy(begin.Y)
    W = [torch.from_numpy(array.copy()).requires_grad_() for array in begin.W]
    b = [torch.from_numpy(array.copy()).requires_grad_() for array in begin.b]
    activate = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}[work.activation]
    kind: Any = torch.optim.Adam if work.optimizer == "adam" else torch.optim.SGD
    optimizer = kind([*W, *b], lr=work.rate, fused=True)

    def loss_of(x: Any, y: Any) -> Any:
        a = x
        for l in range(len(W)):
            a = functional.linear(a, W[l], b[l])
            if l + 1 < len(W) or work.output == "sigmoid":
                a = activate(a)
        return functional.cross_entropy(a, y) if work.loss == "cross_entropy" else functional.mse_loss(a, y)

    step = torch.compile(loss_of) if compiled else loss_of

    def epoch() -> float:
        total = torch.zeros(())
        for first in range(0, len(X), work.batch):
            optimizer.zero_grad(set_to_none=True)
            loss = step(X[first : first + work.batch], Y[first : first + work.batch])
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return float(total) / (len(X) // work.batch)

    return epoch


def torch(work: Workload, begin: Start, threads: int) -> Epoch:
    """Train by PyTorch, eager, with its fused optimizers and batches that are slices of one tensor."""
    return _torch_epoch(work, begin, threads, compiled=False)


def torch_compiled(work: Workload, begin: Start, threads: int) -> Epoch:
    """Train by PyTorch with forward and backward compiled and the fused optimizer."""
    return _torch_epoch(work, begin, threads, compiled=True)


def jax(work: Workload, begin: Start, threads: int) -> Epoch:  # noqa: ARG001 (the environment's)
    """Train by JAX with the whole epoch in one compiled scan and the parameters donated."""
    import jax
    import jax.numpy as jnp

    shape = (len(begin.X) // work.batch, work.batch)
    X = jnp.asarray(begin.X.reshape(*shape, -1))
    Y = jnp.asarray(begin.Y.reshape(*shape, *begin.Y.shape[1:]))
    activate = {"tanh": jnp.tanh, "relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid}[work.activation]

    def loss_of(parameters: Any, x: Any, y: Any) -> Any:
        a = x
        W, b = parameters
        for l in range(len(W)):
            a = a @ W[l].T + b[l]
            if l + 1 < len(W) or work.output == "sigmoid":
                a = activate(a)
        if work.loss == "cross_entropy":
            return -jnp.take_along_axis(jax.nn.log_softmax(a), y[:, None], axis=1).mean()
        return jnp.square(a - y).mean()

    def step(carry: Any, batch: Any) -> Any:
        parameters, m, v, t = carry
        loss, g = jax.value_and_grad(loss_of)(parameters, *batch)
        t = t + 1
        if work.optimizer == "sgd":
            parameters = jax.tree.map(lambda p, g: p - work.rate * g, parameters, g)
        else:
            m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
            v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
            rate, root = work.rate / (1 - 0.9**t), 1 / jnp.sqrt(1 - 0.999**t)
            parameters = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) * root + 1e-8), parameters, m, v)
        return (parameters, m, v, t), loss

    run = jax.jit(lambda carry: jax.lax.scan(step, carry, (X, Y)), donate_argnums=0)
    parameters = ([jnp.asarray(array) for array in begin.W], [jnp.asarray(array) for array in begin.b])
    zeros = jax.tree.map(jnp.zeros_like, parameters)
    carry = (parameters, zeros, jax.tree.map(jnp.zeros_like, parameters), jnp.float32(0))

    def epoch() -> float:
        nonlocal carry
        carry, losses = run(carry)
        return float(losses.mean())

    return epoch


def sklearn(work: Workload, begin: Start, threads: int) -> Epoch:  # noqa: ARG001 (the environment's)
    """Train by scikit-learn's MLP; it has no sigmoid output with squared error.

    Its squared loss is half of ours and its gradient (m outputs) m/2 times ours (scikit-learn#8349): the learning rate
    of SGD takes that up, and Adam does not see it.
    """
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    is_classifier = work.loss == "cross_entropy"
    if work.output == "sigmoid":
        raise NotImplementedError
    kind: Any = MLPClassifier if is_classifier else MLPRegressor
    model = kind(
        hidden_layer_sizes=work.sizes[1:-1],
        activation=work.activation,
        solver=work.optimizer,
        alpha=0.0,
        batch_size=work.batch,
        learning_rate_init=work.rate * (2 / work.sizes[-1] if work.optimizer == "sgd" else 1),
        shuffle=False,
        momentum=0.0,
        nesterovs_momentum=False,
    )
    Y = begin.Y if is_classifier or work.sizes[-1] > 1 else begin.Y[:, 0]
    first = {"classes": np.arange(work.sizes[-1])} if is_classifier else {}
    model.partial_fit(begin.X[: work.batch], Y[: work.batch], **first)
    model.coefs_ = [array.T.copy() for array in begin.W]
    model.intercepts_ = [array.copy() for array in begin.b]
    del model._optimizer

    def epoch() -> float:
        model.partial_fit(begin.X, Y)
        return float(model.loss_) * (1 if is_classifier else 2)

    return epoch


IMPLEMENTATIONS: dict[str, Callable[[Workload, Start, int], Epoch]] = {
    "pellucid": pellucid,
    "numpy": numpy,
    "sklearn": sklearn,
    "torch": torch,
    "torch compiled": torch_compiled,
    "jax": jax,
}
