"""The implementations: each makes a function that trains so many epochs in place and returns their mean losses.

Threads are settings of the process: `__main__` starts one for each measurement with the right environment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from peers.workloads import Array, Start, Workload

Train = Callable[[int], list[float]]
Epoch = Callable[[], float]


def by_epoch(epoch: Epoch) -> Train:
    """Train by a loop over epochs."""
    return lambda epochs: [epoch() for _ in range(epochs)]


def pellucid(work: Workload, begin: Start, threads: int) -> Train:
    """Train by ``Network.train``."""
    import pellucid as pl

    net = pl.Network(work.sizes, work.activation, work.output, dtype="float32", init=(begin.W, begin.b))
    optimizer = pl.Adam(work.rate) if work.optimizer == "adam" else pl.SGD(work.rate)
    settings: dict[str, Any] = {
        "loss": work.loss, "optimizer": optimizer, "batch_size": work.batch, "shuffle": False, "seed": 0,
        "threads": threads, "progress": False,
    }  # fmt: skip
    return lambda epochs: list(net.train(begin.X, begin.Y, epochs=epochs, **settings)["loss"])


def numpy(work: Workload, begin: Start, threads: int) -> Train:  # noqa: ARG001 (the environment's)
    """Train by hand in NumPy, as one who knows it would: all parameters in one vector, nothing allocated in a step."""
    L, rows = len(begin.W), work.batch
    arrays = [*begin.W, *begin.b]
    theta = np.concatenate([array.ravel() for array in arrays])
    g, m, v, s = (np.zeros_like(theta) for _ in range(4))

    def views(vector: Array) -> tuple[list[Array], list[Array]]:
        ends = np.cumsum([array.size for array in arrays])
        found = [part.reshape(array.shape) for part, array in zip(np.split(vector, ends[:-1]), arrays, strict=True)]
        return found[:L], found[L:]

    (W, b), (gW, gb) = views(theta), views(g)
    a, d, slopes = ([np.empty((rows, n), np.float32) for n in work.sizes] for _ in range(3))
    labels = np.eye(work.sizes[-1], dtype=np.float32)[begin.Y] if work.loss == "cross_entropy" else begin.Y
    step = 0

    def activate(z: Array) -> None:
        if work.activation == "tanh":
            np.tanh(z, out=z)
        elif work.activation == "relu":
            np.maximum(z, 0, out=z)
        else:
            np.negative(z, out=z)
            np.exp(z, out=z)
            z += 1
            np.reciprocal(z, out=z)

    def times_slope(d: Array, a: Array, s: Array) -> None:
        if work.activation == "relu":
            d *= a > 0
            return
        if work.activation == "tanh":
            np.multiply(a, a, out=s)
            np.subtract(1, s, out=s)
        else:
            np.subtract(1, a, out=s)
            s *= a
        d *= s

    def update() -> None:
        if work.optimizer == "sgd":
            np.multiply(g, np.float32(work.rate), out=s)
        else:
            np.subtract(g, m, out=s)
            np.multiply(s, np.float32(0.1), out=s)
            np.add(m, s, out=m)
            np.multiply(g, g, out=s)
            np.subtract(s, v, out=s)
            np.multiply(s, np.float32(0.001), out=s)
            np.add(v, s, out=v)
            np.sqrt(v, out=s)
            np.multiply(s, np.float32(1 / (1 - 0.999**step) ** 0.5), out=s)
            np.add(s, np.float32(1e-8), out=s)
            np.divide(m, s, out=s)
            np.multiply(s, np.float32(work.rate / (1 - 0.9**step)), out=s)
        np.subtract(theta, s, out=theta)

    def epoch() -> float:
        nonlocal step
        total = 0.0
        for first in range(0, len(begin.X), rows):
            y = labels[first : first + rows]
            a[0] = begin.X[first : first + rows]
            for l in range(L):
                np.matmul(a[l], W[l].T, out=a[l + 1])
                a[l + 1] += b[l]
                if l + 1 < L or work.output == "sigmoid":
                    activate(a[l + 1])
            out, delta = a[L], d[L]
            if work.loss == "cross_entropy":
                out -= out.max(axis=1, keepdims=True)
                np.exp(out, out=delta)
                sums = delta.sum(axis=1, keepdims=True)
                total += float(np.log(sums).sum() - np.vdot(out, y)) / rows
                delta /= sums
                delta -= y
                delta *= np.float32(1 / rows)
            else:
                np.subtract(out, y, out=delta)
                total += float(np.vdot(delta, delta)) / delta.size
                delta *= np.float32(2 / delta.size)
                if work.output == "sigmoid":
                    times_slope(delta, out, slopes[L])
            for l in range(L - 1, -1, -1):
                np.matmul(d[l + 1].T, a[l], out=gW[l])
                d[l + 1].sum(axis=0, out=gb[l])
                if l:
                    np.matmul(d[l + 1], W[l], out=d[l])
                    times_slope(d[l], a[l], slopes[l])
            step += 1
            update()
        return total / (len(begin.X) // rows)

    return by_epoch(epoch)


def _torch_loss(work: Workload) -> Callable[..., Any]:
    import torch
    from torch.nn import functional

    activate = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}[work.activation]

    def loss_of(parameters: tuple[list[Any], list[Any]], x: Any, y: Any) -> Any:
        a, (W, b) = x, parameters
        for l in range(len(W)):
            a = functional.linear(a, W[l], b[l])
            if l + 1 < len(W) or work.output == "sigmoid":
                a = activate(a)
        return functional.cross_entropy(a, y) if work.loss == "cross_entropy" else functional.mse_loss(a, y)

    return loss_of


def _torch_epoch(work: Workload, begin: Start, step: Callable[[Any, Any], Any]) -> Epoch:
    import torch

    X, Y = torch.from_numpy(begin.X), torch.from_numpy(begin.Y)

    def epoch() -> float:
        total = torch.zeros(())
        for first in range(0, len(X), work.batch):
            total += step(X[first : first + work.batch], Y[first : first + work.batch])
        return float(total) / (len(X) // work.batch)

    return epoch


def torch(work: Workload, begin: Start, threads: int) -> Train:
    """Train by PyTorch, eager, with its fused optimizers and batches that are slices of one tensor."""
    import torch

    torch.set_num_threads(threads)
    parameters = tuple(
        [torch.from_numpy(array.copy()).requires_grad_() for array in arrays] for arrays in (begin.W, begin.b)
    )
    loss_of = _torch_loss(work)
    kind: Any = torch.optim.Adam if work.optimizer == "adam" else torch.optim.SGD
    optimizer = kind([*parameters[0], *parameters[1]], lr=work.rate, fused=True)

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(parameters, x, y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return by_epoch(_torch_epoch(work, begin, step))


def torch_compiled(work: Workload, begin: Start, threads: int) -> Train:
    """Train by PyTorch with forward, backward and update compiled as one graph.

    That is some three times as fast on small networks as compiling forward and backward alone.
    """
    import torch

    torch.set_num_threads(threads)
    W, b = ([torch.from_numpy(array.copy()) for array in arrays] for arrays in (begin.W, begin.b))
    gradient_and_loss = torch.func.grad_and_value(_torch_loss(work))
    m, v = ([torch.zeros_like(array) for array in [*W, *b]] for _ in range(2))
    t = torch.zeros(())

    @torch.compile(dynamic=False)
    def step(x: Any, y: Any) -> Any:
        (gW, gb), loss = gradient_and_loss((W, b), x, y)
        if work.optimizer == "sgd":
            for p, g in zip([*W, *b], [*gW, *gb], strict=True):
                p.sub_(work.rate * g)
            return loss
        t.add_(1)
        rate, root = work.rate / (1 - 0.9**t), torch.rsqrt(1 - 0.999**t)
        for p, g, mean, square in zip([*W, *b], [*gW, *gb], m, v, strict=True):
            mean.mul_(0.9).add_(0.1 * g)
            square.mul_(0.999).add_(0.001 * g * g)
            p.sub_(rate * mean / (square.sqrt() * root + 1e-8))
        return loss

    train = _torch_epoch(work, begin, step)

    def epoch() -> float:
        with torch.no_grad():
            return train()

    return by_epoch(epoch)


def jax(work: Workload, begin: Start, threads: int) -> Train:  # noqa: ARG001 (the environment's)
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

    # As constants the samples would make compiling longer.
    run = jax.jit(lambda carry, X, Y: jax.lax.scan(step, carry, (X, Y)), donate_argnums=0)
    parameters = ([jnp.asarray(array) for array in begin.W], [jnp.asarray(array) for array in begin.b])
    zeros = jax.tree.map(jnp.zeros_like, parameters)
    carry = (parameters, zeros, jax.tree.map(jnp.zeros_like, parameters), jnp.float32(0))

    def epoch() -> float:
        nonlocal carry
        carry, losses = run(carry, X, Y)
        return float(losses.mean())

    return by_epoch(epoch)


def sklearn(work: Workload, begin: Start, threads: int) -> Train:  # noqa: ARG001 (the environment's)
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

    return by_epoch(epoch)


IMPLEMENTATIONS: dict[str, Callable[[Workload, Start, int], Train]] = {
    "pellucid": pellucid,
    "numpy": numpy,
    "sklearn": sklearn,
    "torch": torch,
    "torch compiled": torch_compiled,
    "jax": jax,
}
