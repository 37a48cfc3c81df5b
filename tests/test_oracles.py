"""Loss, gradient and input gradient against two programs that share nothing with this one: autograd and PyTorch.

Activations and losses are written here a second time from their definitions, for autograd with NumPy's words and for
PyTorch with its own functions where it has them; the networks are then differentiated by the other program.
"""

import itertools
from types import SimpleNamespace

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import value_and_grad
from autograd.scipy.special import erf

import pellucid as pl
from pellucid.activations import ACTIVATIONS as TABLE_OF_ACTIVATIONS
from pellucid.losses import LOSSES as TABLE_OF_LOSSES

TOLERANCE = 2**12 * np.finfo(np.float64).eps
"""Relative, 9e-13: layers 2 … 5 and seven samples round a few hundred times."""

SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
GELU_C = (2 / np.pi) ** 0.5


def row(ours, autograd, torch):
    return SimpleNamespace(ours=ours, autograd=autograd, torch=torch)


def selu(z):
    return SELU_SCALE * anp.where(z > 0, z, SELU_ALPHA * (anp.exp(z) - 1))


def softmax(z):
    return anp.exp(z) / anp.sum(anp.exp(z), axis=-1, keepdims=True)


ACTIVATIONS = {
    "sigmoid": row("sigmoid", lambda z: 1 / (1 + anp.exp(-z)), lambda t, z: t.sigmoid(z)),
    "relu": row("relu", lambda z: anp.where(z > 0, z, 0.0), lambda t, z: t.nn.functional.relu(z)),
    "tanh": row(
        "tanh",
        lambda z: (anp.exp(z) - anp.exp(-z)) / (anp.exp(z) + anp.exp(-z)),
        lambda t, z: t.tanh(z),
    ),
    "identity": row("identity", lambda z: 1.0 * z, lambda t, z: 1.0 * z),
    "softmax": row("softmax", softmax, lambda t, z: t.nn.functional.softmax(z, dim=-1)),
    "leaky_relu": row(
        "leaky_relu", lambda z: anp.where(z > 0, z, 0.01 * z), lambda t, z: t.nn.functional.leaky_relu(z, 0.01)
    ),
    "leaky_relu(0.2)": row(
        pl.LeakyReLU(slope=0.2), lambda z: anp.where(z > 0, z, 0.2 * z), lambda t, z: t.nn.functional.leaky_relu(z, 0.2)
    ),
    "elu": row("elu", lambda z: anp.where(z > 0, z, anp.exp(z) - 1), lambda t, z: t.nn.functional.elu(z)),
    "elu(1.5)": row(
        pl.ELU(alpha=1.5),
        lambda z: anp.where(z > 0, z, 1.5 * (anp.exp(z) - 1)),
        lambda t, z: t.nn.functional.elu(z, 1.5),
    ),
    "selu": row("selu", selu, lambda t, z: t.nn.functional.selu(z)),
    "softplus": row(
        "softplus",
        lambda z: anp.log(1 + anp.exp(z)),
        lambda t, z: t.nn.functional.softplus(z, threshold=40),  # e^-40 < eps: not cut short
    ),
    "silu": row("silu", lambda z: z / (1 + anp.exp(-z)), lambda t, z: t.nn.functional.silu(z)),
    "gelu": row("gelu", lambda z: z * (1 + erf(z / 2**0.5)) / 2, lambda t, z: t.nn.functional.gelu(z)),
    "gelu_tanh": row(
        "gelu_tanh",
        lambda z: z / 2 * (1 + anp.tanh(GELU_C * (z + 0.044715 * z**3))),
        lambda t, z: t.nn.functional.gelu(z, approximate="tanh"),
    ),
    "hard_tanh": row(
        "hard_tanh",
        lambda z: anp.where(z <= -1, -1.0, anp.where(z >= 1, 1.0, z)),
        lambda t, z: t.nn.functional.hardtanh(z),
    ),
    "exp": row("exp", anp.exp, lambda t, z: t.exp(z)),
    "sine": row("sine", anp.sin, lambda t, z: t.sin(z)),
}


def huber(r, delta):
    return anp.where(anp.abs(r) <= delta, r * r / 2, delta * (anp.abs(r) - delta / 2))


LOSSES = {
    "mse": row(
        "mse",
        lambda a, y: anp.mean((a - y) ** 2, axis=-1),
        lambda t, a, y: t.nn.functional.mse_loss(a, y, reduction="none").mean(-1),
    ),
    "half_squared_error": row(
        "half_squared_error",
        lambda a, y: anp.sum((a - y) ** 2, axis=-1) / 2,
        lambda t, a, y: t.nn.functional.mse_loss(a, y, reduction="none").sum(-1) / 2,
    ),
    "mae": row(
        "mae",
        lambda a, y: anp.mean(anp.abs(a - y), axis=-1),
        lambda t, a, y: t.nn.functional.l1_loss(a, y, reduction="none").mean(-1),
    ),
    "huber": row(
        "huber",
        lambda a, y: anp.mean(huber(a - y, 1.0), axis=-1),
        lambda t, a, y: t.nn.functional.huber_loss(a, y, reduction="none").mean(-1),
    ),
    "huber(0.3)": row(
        pl.Huber(delta=0.3),
        lambda a, y: anp.mean(huber(a - y, 0.3), axis=-1),
        lambda t, a, y: t.nn.functional.huber_loss(a, y, reduction="none", delta=0.3).mean(-1),
    ),
    "quantile": row(
        "quantile",
        lambda a, y: anp.mean(anp.abs(y - a) / 2, axis=-1),
        lambda t, a, y: t.nn.functional.l1_loss(a, y, reduction="none").mean(-1) / 2,
    ),
    "quantile(0.9)": row(
        pl.Quantile(tau=0.9),
        lambda a, y: anp.mean(anp.where(y >= a, 0.9 * (y - a), 0.1 * (a - y)), axis=-1),
        lambda t, a, y: t.where(y >= a, 0.9 * (y - a), 0.1 * (a - y)).mean(-1),
    ),
    "poisson": row(
        "poisson",
        lambda a, y: anp.mean(a - y * anp.log(a), axis=-1),
        lambda t, a, y: t.nn.functional.poisson_nll_loss(a, y, log_input=False, eps=0.0, reduction="none").mean(-1),
    ),
    "cross_entropy": row(
        "cross_entropy",
        lambda a, y: -anp.sum(y * anp.log(a), axis=-1),
        lambda t, a, y: -(y * t.log(a)).sum(-1),
    ),
    "binary_cross_entropy": row(
        "binary_cross_entropy",
        lambda a, y: -anp.sum(y * anp.log(a) + (1 - y) * anp.log(1 - a), axis=-1),
        lambda t, a, y: t.nn.functional.binary_cross_entropy(a, y, reduction="none").sum(-1),
    ),
}

# Which outputs a loss allows, and with which it is tried when the activation may serve on hidden layers alone.
LEGAL_OUTPUTS = {
    "poisson": {"exp", "softplus", "sigmoid", "softmax"},
    "cross_entropy": {"sigmoid", "softmax"},
    "binary_cross_entropy": {"sigmoid", "softmax"},
}
SUBSTITUTES = {"poisson": "exp", "cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}

HIDDEN = {2: [], 3: [5], 5: [5, 2, 6]}
N, N_INPUTS = 7, 4
PENALTIES = ({}, {"l2": 0.3}, {"l1": 0.2}, {"l2": 0.3, "l1": 0.2})


def test_the_oracles_cover_both_tables():
    assert {name.partition("(")[0] for name in ACTIVATIONS} == set(TABLE_OF_ACTIVATIONS)
    assert {name.partition("(")[0] for name in LOSSES} == set(TABLE_OF_LOSSES)


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="PyTorch is the second oracle: pip install 'pellucid[oracles]'")


def in_autograd(function, *arguments):
    """Value and gradient with respect to the first argument."""
    return value_and_grad(function)(*arguments)


def in_torch(torch, function, first, *others):
    first = torch.tensor(first, requires_grad=True)
    value = function(first, *map(torch.tensor, others))
    (gradient,) = torch.autograd.grad(value, first)
    return value.item(), gradient.numpy()


def unpack(theta, sizes):
    """W^2, b^2, W^3, … from the flat vector, in either program's arrays."""
    start, W, b = 0, [], []
    for m, n in itertools.pairwise(sizes):
        W.append(theta[start : start + n * m].reshape(n, m))
        b.append(theta[start + n * m : start + n * m + n])
        start += n * m + n
    return W, b


def sample_losses(theta, x, y, problem):
    W, b = unpack(theta, problem.sizes)
    a = x
    for W_l, b_l in zip(W[:-1], b[:-1], strict=True):
        a = problem.hidden(a @ W_l.T + b_l)
    return problem.loss(problem.output(a @ W[-1].T + b[-1]), y)


def total_loss(theta, x, y, weight, l2, l1, problem):
    W, _ = unpack(theta, problem.sizes)
    losses = sample_losses(theta, x, y, problem)
    penalty = sum(l2 / 2 * (W_l * W_l).sum() + l1 * abs(W_l).sum() for W_l in W)
    return (weight * losses).sum() / weight.sum() + penalty


def problems(activation, loss, draw_targets):
    """Networks of every depth and number of outputs, sizes pairwise different, with samples."""
    legal = activation in LEGAL_OUTPUTS.get(loss, ACTIVATIONS)
    hidden = "tanh" if activation == "softmax" else activation
    output = activation if legal else SUBSTITUTES[loss]
    for F, n_outputs in itertools.product(HIDDEN, (1, 3)):
        if n_outputs == 1 and output == "softmax":
            continue  # the constant 1, whose gradient is 0: see test_backprop.py
        sizes = [N_INPUTS, *HIDDEN[F], n_outputs]
        rng = np.random.default_rng([F, n_outputs])
        spread = 0.4 if hidden == "exp" else 1.0  # a tower of exponentials
        net = pl.Network(sizes, ACTIVATIONS[hidden].ours, ACTIVATIONS[output].ours, init=0.0)
        for l in range(2, net.F + 1):
            net.W[l] = spread * rng.normal(size=net.W[l].shape) / net.size(l - 1) ** 0.5
            net.b[l] = spread * rng.normal(size=net.b[l].shape) / 2
        X = rng.normal(size=(N, N_INPUTS))
        Y = draw_targets(pl.losses.as_loss(LOSSES[loss].ours), N, n_outputs, rng)
        weight = rng.uniform(0.2, 3.0, N)
        yield net, SimpleNamespace(sizes=sizes, hidden=hidden, output=output, loss=loss), X, Y, weight


def by_program(problem, program, *namespace):
    """The problem's activations and loss as one of the programs computes them."""

    def function(entry):
        words = getattr(entry, program)
        return lambda *arguments: words(*namespace, *arguments)

    return SimpleNamespace(
        sizes=problem.sizes,
        hidden=function(ACTIVATIONS[problem.hidden]),
        output=function(ACTIVATIONS[problem.output]),
        loss=function(LOSSES[problem.loss]),
    )


def assert_agree(got, expected, terms=0.0):
    """Agree relative to what was added up, whose sum may be 0 but for rounding, as ``terms`` says."""
    scale = max(np.linalg.norm(expected), np.linalg.norm(terms))
    assert np.shape(got) == np.shape(expected)
    assert np.linalg.norm(got - expected) <= TOLERANCE * scale, (np.linalg.norm(got - expected), scale)


def compare(activation, loss, draw_targets, differentiate, program, *namespace):
    ours = LOSSES[loss].ours
    for net, problem, X, Y, weight in problems(activation, loss, draw_targets):
        oracle = by_program(problem, program, *namespace)
        for w, penalty in itertools.product((None, weight), PENALTIES):
            strengths = np.array(penalty.get("l2", 0.0)), np.array(penalty.get("l1", 0.0))
            value, gradient = differentiate(
                lambda *arguments, oracle=oracle: total_loss(*arguments, oracle),
                net.parameters.copy(), X, Y, np.ones(N) if w is None else w, *strengths,
            )  # fmt: skip
            g = net.gradient(X, Y, ours, sample_weight=w, **penalty)
            assert_agree(g.loss, value)
            W, b = unpack(gradient, problem.sizes)
            run, share = net.backprop(X, Y, ours), 1 / N if w is None else w[:, np.newaxis] / w.sum()
            for l in g.W.keys():
                d, a = np.abs(share * run.d[l]), np.abs(run.a[l - 1])
                assert_agree(g.W[l], W[l - 2], terms=d.T @ a)
                assert_agree(g.b[l], b[l - 2], terms=d.sum(axis=0))
            assert np.linalg.norm(gradient) > 0
        run = net.backprop(X, Y, ours, sample_weight=weight, l2=0.3)
        _, input_gradient = differentiate(
            lambda x, theta, y, oracle=oracle: sample_losses(theta, x, y, oracle).sum(), X, net.parameters.copy(), Y
        )
        assert_agree(run.input_gradient, input_gradient)
        assert_agree(run.gradient.vector, net.gradient(X, Y, ours, sample_weight=weight, l2=0.3).vector)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_gradient_is_autograds(activation, loss, draw_targets):
    compare(activation, loss, draw_targets, in_autograd, "autograd")


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_gradient_is_pytorchs(activation, loss, draw_targets, torch):
    def differentiate(*arguments):
        return in_torch(torch, *arguments)

    compare(activation, loss, draw_targets, differentiate, "torch", torch)


@pytest.mark.parametrize("engine", ["native", "numpy"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_without_biases_the_gradient_is_pytorchs_on_random_networks(engine, dtype, draw_targets, torch):
    """100 networks of two to five layers, wide ones among them, of every activation and loss."""
    rng = np.random.default_rng(3)
    widths = (1, 2, 3, 5, 8, 17, 40, 150)
    for number in range(100):
        loss = tuple(LOSSES)[number % len(LOSSES)]
        hidden = [int(rng.choice(widths)) for _ in range(number % 4)]
        sizes = [int(rng.integers(1, 9)), *hidden, int(rng.integers(2, 7))]
        names = [str(rng.choice([name for name in ACTIVATIONS if name not in ("softmax", "exp")])) for _ in hidden]
        legal = sorted(LEGAL_OUTPUTS.get(loss, ACTIVATIONS))
        names.append(str(rng.choice(legal)))
        how = {"seed": number, "init": "lecun_normal", "bias": False, "dtype": dtype, "engine": engine}
        net = pl.Network(sizes, [ACTIVATIONS[name].ours for name in names], **how)
        n = int(rng.integers(1, 40))
        X = rng.normal(size=(n, sizes[0])).astype(dtype)
        Y = draw_targets(pl.losses.as_loss(LOSSES[loss].ours), n, sizes[-1], rng).astype(dtype)
        weight = rng.uniform(0.2, 3.0, n).astype(dtype)
        layers = [torch.tensor(np.array(net.W[l], np.float64), requires_grad=True) for l in range(2, net.F + 1)]
        x = torch.tensor(X.astype(np.float64), requires_grad=True)
        a = x
        for name, W in zip(names, layers, strict=True):
            a = ACTIVATIONS[name].torch(torch, a @ W.T)
        losses = LOSSES[loss].torch(torch, a, torch.tensor(Y.astype(np.float64)))
        total = (torch.tensor(weight.astype(np.float64)) * losses).sum() / float(weight.sum(dtype=np.float64))
        total = total + 0.05 * sum((W * W).sum() for W in layers)
        expected = torch.autograd.grad(total, layers, retain_graph=True)
        (slopes,) = torch.autograd.grad(losses.sum(), x)
        run = net.backprop(X, Y, LOSSES[loss].ours, sample_weight=weight, l2=0.1)
        bound = 2e4 * np.finfo(dtype).eps
        assert run.gradient.vector.size == sum(W.numel() for W in layers)
        for l, truth in enumerate(expected, start=2):
            largest = max(float(truth.abs().max()), float(np.abs(run.d[l]).max()) * float(np.abs(run.a[l - 1]).max()))
            np.testing.assert_allclose(run.gradient.W[l], truth.numpy(), rtol=0, atol=bound * largest)
        largest = max(float(slopes.abs().max()), float(np.abs(run.d[2]).max()))
        np.testing.assert_allclose(run.input_gradient, slopes.numpy(), rtol=0, atol=bound * largest)
        assert abs(run.loss - float(total.detach())) <= bound * max(1.0, abs(float(total.detach())))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_activation_and_its_derivative_are_pytorchs_kinks_included(activation, dtype, torch):
    ours = pl.activations.as_activation(ACTIVATIONS[activation].ours)
    z = np.concatenate([np.linspace(-25, 25, 201), [-1.0, 0.0, 1.0]]).astype(dtype).reshape(4, 51)
    zt = torch.tensor(z, requires_grad=True)
    a = ACTIVATIONS[activation].torch(torch, zt)
    v = np.random.default_rng(0).uniform(0.5, 1.5, z.shape).astype(dtype)
    (upstream,) = torch.autograd.grad(a, zt, torch.tensor(v))
    sigma_prime = ours.derivative(z)
    backward = v * sigma_prime if ours.elementwise else np.einsum("ijk,ij->ik", sigma_prime, v)
    # PyTorch's own tails are right to eps absolutely (1 + erf, 1 - tanh²), not relatively; e^z to |z| eps relatively.
    bound = 16 * np.finfo(dtype).eps * (1 + np.abs(z)) * np.maximum(1, np.abs(a.detach().numpy()))
    assert (np.abs(ours.function(z) - a.detach().numpy()) <= bound).all()
    assert (np.abs(backward - upstream.numpy()) <= bound).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_and_its_gradient_are_pytorchs(loss, draw_targets, torch):
    ours = pl.losses.as_loss(LOSSES[loss].ours)
    rng = np.random.default_rng(1)
    y = draw_targets(ours, 50, 3, rng)
    a = rng.uniform(0.01, 0.99, (50, 3)) if loss in LEGAL_OUTPUTS else rng.normal(size=(50, 3))
    at = torch.tensor(a, requires_grad=True)
    losses = LOSSES[loss].torch(torch, at, torch.tensor(y))
    (gradient,) = torch.autograd.grad(losses.sum(), at)
    np.testing.assert_allclose(ours.function(a, y), losses.detach().numpy(), rtol=64 * np.finfo(float).eps)
    # each partial is a difference of two terms, of which the larger sets the rounding
    bound = 16 * np.finfo(float).eps * (1 + np.abs(y) / np.abs(a) + np.abs(1 - y) / np.abs(1 - a))
    assert (np.abs(ours.gradient(a, y) - gradient.numpy()) <= bound).all()


@pytest.mark.parametrize("spread", [1.0, 30.0, 1000.0])
def test_the_stable_forms_are_pytorchs(spread, torch):
    functional, rng = torch.nn.functional, np.random.default_rng(2)
    z = rng.uniform(-spread, spread, (40, 5))
    pairs = [
        ("cross_entropy", "softmax", rng.dirichlet(np.ones(5), 40),
         lambda z, y: functional.cross_entropy(z, y, reduction="none")),
        ("binary_cross_entropy", "sigmoid", rng.uniform(size=(40, 5)),
         lambda z, y: functional.binary_cross_entropy_with_logits(z, y, reduction="none").sum(-1)),
    ]  # fmt: skip
    if spread < 700:  # beyond, e^z overflows there
        pairs.append((
            "poisson", "exp", rng.poisson(2.0, (40, 5)).astype(float),
            lambda z, y: functional.poisson_nll_loss(z, y, log_input=True, reduction="none").mean(-1),
        ))  # fmt: skip
    for loss, output, y, theirs in pairs:
        row = TABLE_OF_LOSSES[loss]
        pair = row.canonical[output]
        zt = torch.tensor(z, requires_grad=True)
        losses = theirs(zt, torch.tensor(y))
        (delta,) = torch.autograd.grad(losses.sum(), zt)
        np.testing.assert_allclose(pair.function(z, y), losses.detach().numpy(), rtol=64 * np.finfo(float).eps)
        got = pair.delta(TABLE_OF_ACTIVATIONS[output].function(z), y)
        bound = 16 * np.finfo(float).eps * (y + TABLE_OF_ACTIVATIONS[output].function(z))
        assert (np.abs(got - delta.numpy()) <= bound).all()
