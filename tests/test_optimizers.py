"""Optimizers: step for step the published formulas and PyTorch's; L-BFGS finds the optimum of least squares."""

import sys
from itertools import pairwise

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import UnknownNameError
from pellucid.optimizers import OPTIMIZERS, as_optimizer

STEPS = 20
SIZES = (3, 4, 2)

CASES = {
    "sgd": pl.SGD(0.1),
    "momentum": pl.SGD(0.1, momentum=0.9),
    "nesterov": pl.SGD(0.1, momentum=0.8, nesterov=True),
    "adam": pl.Adam(0.01),
    "adam_large_epsilon": pl.Adam(0.02, beta1=0.7, beta2=0.9, epsilon=0.1),
    "adam_short_memory": pl.Adam(0.02, beta1=0.3, beta2=0.5),
    "adamw": pl.AdamW(0.01, weight_decay=0.1),
    "rmsprop": pl.RMSprop(0.01),
    "rmsprop_large_epsilon": pl.RMSprop(0.02, alpha=0.5, epsilon=0.1),
}

every_optimizer = pytest.mark.parametrize("optimizer", CASES.values(), ids=CASES)


def some_gradients(n_parameters, dtype="float64"):
    """Gradients of very different sizes from step to step, with zeros among them."""
    rng = np.random.default_rng(1)
    gradients = rng.standard_normal((STEPS, n_parameters)) * 10.0 ** rng.integers(-3, 2, (STEPS, 1))
    gradients[:, 5] = 0
    return gradients.astype(dtype)


def steps_of(optimizer, dtype="float64"):
    """Parameters at the start and after each of the steps, shape (STEPS + 1, P), and the network's weight mask."""
    net = pl.Network(SIZES, seed=0, dtype=dtype, init="standard_normal")
    theta, mask = net.parameters.copy(), net.weight_mask()
    state, path = optimizer.start(theta), [theta.copy()]
    for gradient in some_gradients(len(theta), dtype):
        optimizer.step(theta, gradient.copy(), state, optimizer.learning_rate, mask)
        path.append(theta.copy())
    assert state.step == STEPS
    return np.array(path), mask


def decayed_sum(decay, terms):
    """Σ_s decay^(t-s) terms_s, s = 1 … t, written out."""
    t = len(terms)
    return sum(decay ** (t - s) * term for s, term in enumerate(terms, start=1))


def by_formula(optimizer, start, gradients, mask):
    """The same steps from the closed sums of the papers, which have no running memory."""
    theta, path = start.astype(np.float64), [start.astype(np.float64)]
    for t in range(1, STEPS + 1):
        g = gradients[:t].astype(np.float64)
        if isinstance(optimizer, pl.SGD):
            v = decayed_sum(optimizer.momentum, g)
            step = g[-1] + optimizer.momentum * v if optimizer.nesterov else v
        elif isinstance(optimizer, pl.RMSprop):
            v = (1 - optimizer.alpha) * decayed_sum(optimizer.alpha, g**2)
            step = g[-1] / (np.sqrt(v) + optimizer.epsilon)
        else:
            m = decayed_sum(optimizer.beta1, g) / decayed_sum(optimizer.beta1, np.ones(t))
            v = decayed_sum(optimizer.beta2, g**2) / decayed_sum(optimizer.beta2, np.ones(t))
            step = m / (np.sqrt(v) + optimizer.epsilon)
            if isinstance(optimizer, pl.AdamW):
                step = step + optimizer.weight_decay * mask * theta
        theta = theta - optimizer.learning_rate * step
        path.append(theta)
    return np.array(path)


def rounding(optimizer, path, gradients):
    """A bound on the rounding of every step, added up: a few eps of the largest numbers that it adds."""
    eps = np.finfo(path.dtype).eps
    largest_step = np.abs(gradients).max() / (1 - getattr(optimizer, "momentum", 0.0))
    if not isinstance(optimizer, pl.SGD):
        largest_step = 1 / np.sqrt(1 - getattr(optimizer, "beta2", getattr(optimizer, "alpha", 0.0)))
    return 8 * STEPS * eps * (np.abs(path).max() + optimizer.learning_rate * largest_step)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@every_optimizer
def test_every_step_is_that_of_the_closed_formula(optimizer, dtype):
    path, mask = steps_of(optimizer, dtype)
    assert path.dtype == dtype
    gradients = some_gradients(path.shape[1], dtype)
    expected = by_formula(optimizer, path[0], gradients, mask)
    np.testing.assert_allclose(path, expected, rtol=0, atol=rounding(optimizer, path, gradients))


def torch_optimizer(torch, optimizer, weights, biases):
    rate = optimizer.learning_rate
    if isinstance(optimizer, pl.SGD):
        return torch.optim.SGD([weights, biases], rate, momentum=optimizer.momentum, nesterov=optimizer.nesterov)
    if isinstance(optimizer, pl.RMSprop):
        return torch.optim.RMSprop([weights, biases], rate, alpha=optimizer.alpha, eps=optimizer.epsilon)
    settings = {"betas": (optimizer.beta1, optimizer.beta2), "eps": optimizer.epsilon}
    if isinstance(optimizer, pl.AdamW):
        groups = [
            {"params": [weights], "weight_decay": optimizer.weight_decay},
            {"params": [biases], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, rate, **settings)
    return torch.optim.Adam([weights, biases], rate, **settings)


@every_optimizer
def test_every_step_is_that_of_pytorch(optimizer):
    torch = pytest.importorskip("torch", reason="PyTorch, the outside oracle, is not installed: pellucid[oracles]")
    path, mask = steps_of(optimizer)
    gradients = some_gradients(path.shape[1])
    is_weight = mask == 1
    weights = torch.tensor(path[0][is_weight], requires_grad=True)
    biases = torch.tensor(path[0][~is_weight], requires_grad=True)
    theirs = torch_optimizer(torch, optimizer, weights, biases)
    for ours, gradient in zip(path[1:], gradients, strict=True):
        weights.grad, biases.grad = torch.tensor(gradient[is_weight]), torch.tensor(gradient[~is_weight])
        theirs.step()
        atol = rounding(optimizer, path, gradients)
        np.testing.assert_allclose(ours[is_weight], weights.detach().numpy(), rtol=0, atol=atol)
        np.testing.assert_allclose(ours[~is_weight], biases.detach().numpy(), rtol=0, atol=atol)


@every_optimizer
def test_training_takes_the_steps_of_the_formula_on_the_networks_own_gradient(optimizer):
    rng = np.random.default_rng(2)
    X, Y = rng.standard_normal((7, 3)), rng.standard_normal((7, 2))
    net = pl.Network(SIZES, "tanh", seed=3)
    path, gradients = [net.parameters.copy()], [net.gradient(X, Y).vector]

    def look(epoch):
        path.append(epoch.network.parameters.copy())
        gradients.append(net.gradient(X, Y).vector)

    net.train(X, Y, optimizer=optimizer, batch_size=None, epochs=STEPS, seed=0, callbacks=look)
    expected = by_formula(optimizer, path[0], np.array(gradients[:-1]), net.weight_mask())
    np.testing.assert_allclose(path, expected, rtol=0, atol=rounding(optimizer, np.array(path), np.array(gradients)))


def test_weight_decay_shrinks_weights_and_spares_biases():
    decaying, plain = pl.AdamW(0.01, weight_decay=0.1), pl.AdamW(0.01, weight_decay=0.0)
    path, mask = steps_of(decaying)
    without, _ = steps_of(plain)
    np.testing.assert_array_equal(path[:, mask == 0], without[:, mask == 0])
    eps = np.finfo(path.dtype).eps
    np.testing.assert_allclose(
        (path[1] - without[1])[mask == 1], -0.01 * 0.1 * path[0][mask == 1], rtol=0, atol=8 * eps * np.abs(path).max()
    )


def test_adamw_without_decay_is_adam_bit_for_bit():
    np.testing.assert_array_equal(steps_of(pl.AdamW(0.01, weight_decay=0.0))[0], steps_of(pl.Adam(0.01))[0])


def test_adams_first_step_is_the_learning_rate_whatever_the_gradients_size():
    for size in (1e-3, 1.0, 1e5):
        theta = np.zeros(2)
        optimizer = pl.Adam(0.25, epsilon=1e-300)
        optimizer.step(theta, np.array([size, -size]), optimizer.start(theta), 0.25, np.ones(2))
        np.testing.assert_allclose(theta, [-0.25, 0.25], rtol=8 * np.finfo(float).eps)


@every_optimizer
def test_a_copied_state_goes_on_alone(optimizer):
    theta = np.ones(6)
    state = optimizer.start(theta)
    optimizer.step(theta, np.full(6, 0.5), state, 0.1, np.ones(6))
    kept = state.copy()
    arrays = {name: array.copy() for name, array in kept.arrays.items()}
    optimizer.step(theta, np.full(6, 0.5), state, 0.1, np.ones(6))
    assert (kept.step, state.step) == (1, 2)
    for name, array in arrays.items():
        np.testing.assert_array_equal(kept.arrays[name], array)
        assert (state.arrays[name] != array).all()


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: pl.SGD(0.0), ValueError, r"learning_rate must be in \(0, inf\)"),
        (lambda: pl.SGD(-0.1), ValueError, "learning_rate"),
        (lambda: pl.SGD(np.inf), ValueError, "learning_rate"),
        (lambda: pl.SGD(np.nan), ValueError, "learning_rate"),
        (lambda: pl.SGD("0.1"), TypeError, "learning_rate must be a number"),
        (lambda: pl.SGD(True), TypeError, "learning_rate must be a number"),
        (lambda: pl.SGD(0.1, momentum=1.0), ValueError, "momentum"),
        (lambda: pl.SGD(0.1, momentum=-0.1), ValueError, "momentum"),
        (lambda: pl.SGD(0.1, nesterov=True), ValueError, "nesterov needs a momentum"),
        (lambda: pl.Adam(beta1=1.0), ValueError, "beta1"),
        (lambda: pl.Adam(beta1=-0.1), ValueError, "beta1"),
        (lambda: pl.Adam(beta2=1.0), ValueError, "beta2"),
        (lambda: pl.Adam(epsilon=0.0), ValueError, "epsilon"),
        (lambda: pl.Adam(learning_rate=0.0), ValueError, "learning_rate"),
        (lambda: pl.AdamW(weight_decay=-0.01), ValueError, "weight_decay"),
        (lambda: pl.AdamW(beta2=1.5), ValueError, "beta2"),
        (lambda: pl.RMSprop(0.0), ValueError, "learning_rate"),
        (lambda: pl.RMSprop(0.1, alpha=1.0), ValueError, "alpha"),
        (lambda: pl.RMSprop(0.1, epsilon=0.0), ValueError, "epsilon"),
        (lambda: pl.LBFGS(memory=0), ValueError, "memory"),
        (lambda: pl.LBFGS(memory=2.0), TypeError, "memory"),
        (lambda: pl.LBFGS(tolerance=-1e-6), ValueError, "tolerance"),
        (lambda: pl.LBFGS(max_evaluations=0), ValueError, "max_evaluations"),
    ],
)
def test_an_illegal_setting_is_refused_by_its_name(make, error, says):
    with pytest.raises(error, match=says):
        make()


def test_a_name_gives_the_optimizer_with_its_default_settings():
    assert as_optimizer("adam") == pl.Adam(learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8)
    assert as_optimizer("adamw") == pl.AdamW(1e-3, 0.9, 0.999, 1e-8, weight_decay=0.01)
    assert as_optimizer("lbfgs") == pl.LBFGS()
    for name, row in OPTIMIZERS.items():
        made = row()
        assert row.__name__.lower() == name
        assert as_optimizer(made) is made
        assert as_optimizer(name) == as_optimizer(row.__name__) == as_optimizer(row) == made
    assert pl.SGD().learning_rate == pl.RMSprop().learning_rate == 0.01


def test_an_unknown_optimizer_is_refused_with_the_nearest_name():
    with pytest.raises(UnknownNameError, match="did you mean 'adam'"):
        as_optimizer("adamm")
    for stranger in (None, 0.1, len, dict):
        with pytest.raises(TypeError, match="an optimizer is a name or an object"):
            as_optimizer(stranger)


# L-BFGS.


def least_squares(n=40):
    rng = np.random.default_rng(4)
    X = rng.standard_normal((n, 3))
    return X, X @ rng.standard_normal((3, 2)) + 1 + 0.3 * rng.standard_normal((n, 2))


def solved(net, X, Y, share, l2):
    """W and b where the gradient of Σ_i share_i (1/m) Σ_j (a_ij - y_ij)² + (l2/2) Σ w² is zero."""
    design = np.hstack([X, np.ones((len(X), 1))])
    scale = 2 / Y.shape[1]
    normal = scale * design.T @ (share[:, None] * design) + l2 * np.diag([1.0] * X.shape[1] + [0.0])
    solution = np.linalg.solve(normal, scale * design.T @ (share[:, None] * Y))
    best = net.copy()
    best.W[2], best.b[2] = solution[:-1].T, solution[-1]
    return best, np.linalg.eigvalsh(normal).min()


def test_lbfgs_finds_the_least_squares_solution_of_lstsq():
    pytest.importorskip("scipy", reason="L-BFGS is SciPy's: pellucid[scipy]")
    X, Y = least_squares()
    net = pl.Network([3, 2], "identity", seed=0)
    tolerance = 1e-9
    history = net.train(X, Y, optimizer=pl.LBFGS(tolerance=tolerance), batch_size=None, epochs=200)
    assert history.stopped == "converged"
    solution, *_ = np.linalg.lstsq(np.hstack([X, np.ones((len(X), 1))]), Y)
    best, curvature = solved(net, X, Y, np.full(len(X), 1 / len(X)), 0.0)
    eps = np.finfo(float).eps
    np.testing.assert_allclose(best.W[2], solution[:-1].T, rtol=0, atol=1e3 * eps * np.abs(solution).max())
    # A loss within δ of the least is reached within √(2δ/λ) of the solution, λ the smallest curvature; SciPy stops
    # at a decrease of 64 eps of the loss.
    atol = np.sqrt(2 * 64 * eps * history["loss"][-1] / curvature) + tolerance / curvature
    np.testing.assert_allclose(net.W[2], solution[:-1].T, rtol=0, atol=atol)
    np.testing.assert_allclose(net.b[2], solution[-1], rtol=0, atol=atol)
    assert history["loss"][-1] == net.gradient(X, Y).loss


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_lbfgs_minimises_the_weighted_and_penalised_loss(dtype):
    pytest.importorskip("scipy", reason="L-BFGS is SciPy's: pellucid[scipy]")
    X, Y = least_squares()
    weight = np.random.default_rng(5).uniform(0, 2, len(X))
    net = pl.Network([3, 2], "identity", seed=0, dtype=dtype)
    history = net.train(
        X, Y, optimizer=pl.LBFGS(tolerance=1e-9), batch_size=None, epochs=200, sample_weight=weight, l2=0.3
    )
    best, curvature = solved(net, X, Y, weight / weight.sum(), 0.3)
    eps = np.finfo(dtype).eps
    atol = np.sqrt(2 * 64 * eps * history["loss"][-1] / curvature)
    np.testing.assert_allclose(net.parameters, best.parameters, rtol=0, atol=atol)
    reached, least = (n.gradient(X, Y, sample_weight=weight, l2=0.3).loss for n in (net, best))
    assert reached <= least * (1 + 64 * eps)


def test_lbfgs_never_raises_the_loss_and_each_epoch_is_one_iteration():
    pytest.importorskip("scipy", reason="L-BFGS is SciPy's: pellucid[scipy]")
    X, Y = least_squares()
    net = pl.Network([3, 5, 2], "tanh", output="identity", seed=0)
    start = net.gradient(X, Y).loss
    seen = []
    history = net.train(
        X, Y, optimizer="lbfgs", batch_size=None, epochs=15, metrics="rmse", validation=(X, Y),
        callbacks=lambda epoch: seen.append((epoch.number, epoch.network.parameters.copy())),
    )  # fmt: skip
    losses = [start, *history["loss"]]
    assert all(after <= before for before, after in pairwise(losses))
    assert [number for number, _ in seen] == list(range(1, 16))
    assert history.stopped == "epochs"
    np.testing.assert_array_equal(seen[-1][1], net.parameters)
    for loss, validation_loss, rmse in zip(history["loss"], history["validation_loss"], history["rmse"], strict=True):
        np.testing.assert_allclose([validation_loss, rmse**2], loss, rtol=8 * np.finfo(float).eps)


def test_lbfgs_stops_when_a_callback_says_so_and_keeps_that_epoch():
    pytest.importorskip("scipy", reason="L-BFGS is SciPy's: pellucid[scipy]")
    X, Y = least_squares()
    net, other = (pl.Network([3, 5, 2], "tanh", output="identity", seed=0) for _ in range(2))
    history = net.train(
        X, Y, optimizer="lbfgs", batch_size=None, epochs=15,
        callbacks=lambda epoch: epoch.stop() if epoch.number == 4 else None,
    )  # fmt: skip
    assert (history.epochs, history.stopped) == (4, "callback")
    assert history["loss"] == other.train(X, Y, optimizer="lbfgs", batch_size=None, epochs=4)["loss"]
    np.testing.assert_array_equal(net.parameters, other.parameters)


@pytest.mark.parametrize(
    ("argument", "value"),
    [("batch_size", 8), ("dropout", 0.5), ("clip_norm", 1.0), ("schedule", "cosine"), ("checkpoint", "here")],
)
def test_lbfgs_refuses_what_would_break_its_line_search(argument, value, tmp_path):
    X, Y = least_squares()
    net = pl.Network([3, 5, 2], "tanh", seed=0)
    before = net.parameters.tobytes()
    value = tmp_path / value if argument == "checkpoint" else value
    with pytest.raises(ValueError, match=f"L-BFGS takes no {argument}"):
        net.train(X, Y, optimizer="lbfgs", epochs=3, **({"batch_size": None} | {argument: value}))
    assert net.parameters.tobytes() == before
    assert not list(tmp_path.iterdir())


def test_lbfgs_without_scipy_names_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    X, Y = least_squares()
    net = pl.Network([3, 2], "identity", seed=0)
    before = net.parameters.tobytes()
    with pytest.raises(pl.MissingExtraError, match=r"pip install 'pellucid\[scipy\]'"):
        net.train(X, Y, optimizer="lbfgs", batch_size=None)
    assert net.parameters.tobytes() == before
