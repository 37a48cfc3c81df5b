"""σ' and ∇_a L derived: equal to the tables' functions, line by line; and formulas of the user's own."""

import pickle
import re

import numpy as np
import pytest
import sympy as sp

import pellucid as pl
from pellucid.activations import ACTIVATIONS, as_activation
from pellucid.losses import LOSSES, as_loss
from pellucid.symbolic import derive, equivalent, parse
from pellucid.symbolic.differentiation import differentiate
from pellucid.symbolic.evaluation import evaluate
from pellucid.symbolic.functions import SUMMED, loss_expression, sigma_expression, tables_document
from pellucid.symbolic.networks import equations

Z = np.concatenate([np.linspace(-6, 6, 97) + 0.013, [-30.0, 30.0]])
SIGMAS = [*(name for name in ACTIVATIONS if name != "softmax"), pl.LeakyReLU(0.2), pl.ELU(1.7)]
ROWS = [*LOSSES, pl.Huber(0.7), pl.Quantile(0.2)]


def values(e, symbol, points):
    return np.array([float(evaluate(e, {symbol: float(point)}, digits=40)) for point in points])


@pytest.mark.parametrize("row", SIGMAS, ids=str)
def test_sigma_and_its_derivative_are_those_of_the_table(row, assert_close):
    row, z = as_activation(row), sp.Symbol("z")
    e = sigma_expression(row)
    scale = np.maximum(np.abs(row.function(Z)), 1e-12)
    assert (np.abs(row.function(Z) - values(e, z, Z)) <= 64 * np.finfo(float).eps * scale * (1 + np.abs(Z))).all()
    slope = derive(row).derivative
    expected = row.derivative(Z)
    scale = np.maximum(np.abs(expected), 1e-12)
    assert (np.abs(expected - values(slope, z, Z)) <= 64 * np.finfo(float).eps * scale * (1 + np.abs(Z))).all()


@pytest.mark.parametrize("row", SIGMAS, ids=str)
def test_every_line_of_a_derivation_is_the_derivative(row):
    found = derive(row)
    name = as_activation(row).name
    if name == "gelu":  # Φ and φ are no elementary functions
        return
    constants = {"selu": {"lambda": "1.0507009873554805", "alpha": "1.6732632423543772"}}.get(name, {})
    definitions = {"u": "sqrt(2/π) (z + 0.044715 z^3)", **constants}
    sigma = (
        {} if found.function is None or found.function.has(sp.erf) else {"σ": ("z", pl.symbolic.text(found.function))}
    )
    for line in found.lines:
        assert (
            equivalent(line.latex, found.derivative, functions=sigma, definitions=definitions, names=("z",)) == "equal"
        )
    if not constants and "," not in found.definition:
        first = found.definition.split("= \\begin")[0]
        assert equivalent(first, found.function, names=("z",)) == "equal"


@pytest.mark.parametrize("m", [1, 3])
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_loss_and_its_gradient_are_those_of_the_table(row, m, draw_targets):
    loss = as_loss(row)
    rng = np.random.default_rng(3)
    a_values = rng.uniform(0.05, 0.95, (40, m))
    y_values = draw_targets(loss, 40, m, rng)
    a, y = sp.symbols("a y")
    e, slope = loss_expression(loss), derive(loss).derivative
    front = 1 if loss.name in SUMMED else 1 / m
    terms, slopes = (
        np.array(
            [
                [float(evaluate(f, {a: float(p), y: float(q)}, 40)) for p, q in zip(*pair, strict=True)]
                for pair in zip(a_values, y_values, strict=True)
            ]
        )
        for f in (e, slope)
    )
    eps = np.finfo(float).eps
    assert np.abs(loss.function(a_values, y_values) - front * terms.sum(axis=1)).max() <= 64 * eps * max(
        1, np.abs(terms).max()
    )
    expected = loss.gradient(a_values, y_values)
    assert (np.abs(expected - front * slopes) <= 64 * eps * np.maximum(np.abs(expected), 1)).all()


def test_the_textbooks_answers():
    sigmoid = derive("sigmoid")
    assert sigmoid.lines[-1].latex == r"\sigma(z) (1 - \sigma(z))"
    relu = derive("relu")
    assert "undefined" in relu.note
    assert r"1 & z > 0" in relu.lines[-1].latex
    assert equivalent(relu.lines[-1].latex, "1 if z > 0; 0 if z < 0") == "equal"
    assert derive("mse").lines[-1].latex == r"\frac2m (a_j - y_j)"


def test_softmax():
    m = 3
    z = sp.symbols("z1:4")
    a = [sp.exp(one) / sum(map(sp.exp, z)) for one in z]
    for j in range(m):
        for k in range(m):
            stated = a[j] * (int(j == k) - a[k])
            assert sp.simplify(sp.diff(a[j], z[k]) - stated) == 0
    assert derive("softmax").lines[-1].latex == r"a_j (\delta_{jk} - a_k)"
    with pytest.raises(ValueError, match="no function of one z"):
        sigma_expression("softmax")


def test_an_activation_from_a_formula_is_the_tables():
    net = pl.Network([4, 5, 3], pl.symbolic.activation("z/(1+exp(-z))"), seed=1)
    same = pl.Network([4, 5, 3], "silu", init=net.parameters, engine="numpy")
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(7, 4)), rng.normal(size=(7, 3))
    g, h = net.gradient(X, Y), same.gradient(X, Y)
    assert np.abs(g.vector - h.vector).max() <= 64 * np.finfo(float).eps * np.abs(h.vector).max()
    assert net.check_gradient(X, Y)
    assert net.engine == "numpy"
    net.train(X, Y, epochs=3, seed=0)
    assert "e^(-z)" in str(net.backprop(X[0], Y[0]).explain("a_1^2"))


@pytest.mark.parametrize(
    "formula", ["max(0, z)", "z if z > 0 else 0.1 z", "|z|", "ln(1 + e^z)", "sin z + z/2", r"\frac{z}{1+|z|}"]
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_formulas_pass_the_gradient_check(formula, dtype):
    sigma = pl.symbolic.activation(formula, "mine")
    net = pl.Network([3, 4, 2], sigma, output="identity", seed=2, dtype=dtype)
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
    assert net.check_gradient(X, Y)
    assert net.gradient(X, Y).vector.dtype == dtype
    assert str(pickle.loads(pickle.dumps(sigma))) == "mine"
    assert (sigma.kinks == (0.0,)) == ("|" in formula or "max" in formula or "if" in formula)


@pytest.mark.parametrize(
    ("formula", "reduction"),
    [("(a - y)^4", "mean"), ("ln(cosh(a - y))", "sum"), ("|a_j - y_j|", "mean"), ("max(0, 1 - a y)", "mean")],
)
def test_losses_from_formulas(formula, reduction):
    loss = pl.symbolic.loss(formula, reduction=reduction)
    net = pl.Network([3, 5, 4], "tanh", output="identity", seed=2)
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(6, 3)), rng.normal(size=(6, 4))
    assert net.check_gradient(X, Y, loss, l2=0.1)
    net.train(X, Y, loss, epochs=2, seed=0)
    assert "a_j" in loss.formula
    assert pickle.loads(pickle.dumps(loss)).name == loss.name
    if formula == "(a - y)^4":
        assert loss.gradient(np.array([[3.0, 1.0]]), np.array([[1.0, 2.0]])).tolist() == [[16.0, -2.0]]
    if "|" in formula:
        assert loss.residual_kinks == (0.0,)


def test_a_loss_knows_its_domain():
    assert pl.symbolic.loss("-y ln a").domain == (0, np.inf)
    assert pl.symbolic.loss("-(y ln a + (1 - y) ln(1 - a))", reduction="sum").domain == (0, 1)
    with pytest.raises(ValueError, match="needs outputs in"):
        pl.Network([2, 2], "identity", seed=0).gradient([[1, 2]], [[1, 0]], pl.symbolic.loss("-y ln a"))


def test_refused():
    with pytest.raises(pl.FormulaError, match="may use only z, but contains x"):
        pl.symbolic.activation("x + z")
    with pytest.raises(pl.FormulaError, match="not at z"):
        pl.symbolic.activation("1/z")
    with pytest.raises(pl.FormulaError, match="unknown function"):
        pl.symbolic.activation("sigm(z)")
    with pytest.raises(ValueError, match="reduction"):
        pl.symbolic.loss("a - y", reduction="max")
    with pytest.raises(ValueError, match="made of functions"):
        derive(pl.Activation("cube", lambda z: z**3, lambda z: 3 * z**2))


def test_derivations_of_user_made_rows_look_like_the_others():
    found = derive(pl.symbolic.activation("z/(1+exp(-z))", "swish"))
    assert "σ'(z)" in found.text
    assert "swish" in found.text
    assert found.html.startswith("<!DOCTYPE html>")
    assert derive(pl.symbolic.loss("(a - y)^4")).lines[-1].latex.startswith(r"\frac1m")
    assert "gelu" in tables_document().text


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("sizes", [(3, 4, 2), (2, 5, 3, 4), (784, 30, 10)])
@pytest.mark.parametrize(
    ("output", "loss"), [("sigmoid", "mse"), ("softmax", "cross_entropy"), ("softmax", "mse"), ("exp", "poisson")]
)
def test_the_equations_of_a_network(sizes, output, loss, bias):
    net = pl.Network(sizes, "tanh", output=output, init=0.0, bias=bias)
    text = equations(net, loss).text
    F = len(sizes)
    if max(sizes) < 8:
        for symbol in "wbza":
            for label in net.labels(symbol):
                assert str(label) in text
        total = " + ".join(f"w_1{k}^2 a_{k}^1" for k in range(1, sizes[0] + 1))
        assert f"z_1^2 = {total}{' + b_1^2' if bias else ''}\n" in text
    else:
        assert "…" in text
        assert len(text) < 30_000
    for equation in (
        "d^F = J^T ∇_a L" if output == "softmax" else "d^F = ∇_a L ⊙ σ'(z^F)",
        "d^l = ((W^{l+1})^T d^{l+1}) ⊙ σ'(z^l)",
        "∂L/∂w_jk^l = a_k^{l-1} d_j^l",
        *(["∂L/∂b_j^l = d_j^l", "z^l = W^l a^{l-1} + b^l", "(4)"] if bias else ["z^l = W^l a^{l-1},"]),
        "∂L_T/∂w = ∂/∂w ((1/n) Σ_{i=1}^n L_i) = (1/n) Σ_{i=1}^n ∂L_i/∂w",
        "chain rule",
    ):
        assert equation in text
    if not bias:
        for document in (equations(net, loss).markdown, equations(net, loss).latex, text):
            assert not re.search(r"bias|\bb_|\bb\^|\(b\^|\(4\)", document)
    assert ("d^F = ∇_a L ⊙" in text) == (output != "softmax")
    assert (f"d_j^{F} = a_j - y_j" in text) == (loss == "cross_entropy")


@pytest.mark.parametrize("l", [2, 3])
def test_the_derivatives_of_z_follow_from_its_components(l):
    """∂z/∂w = a and ∂z/∂b = 1, by SymPy from the components as they are written."""
    net = pl.Network([3, 4, 2], init=0.0)
    from pellucid.notation import Label
    from pellucid.symbolic.networks import pre_activation

    for j in range(1, net.size(l) + 1):
        z = parse(pre_activation(net, l, j), labels=net)
        for i in range(1, net.size(l) + 1):
            assert differentiate(z, sp.Symbol(str(Label("b", l, i)))) == (i == j)
            for k in range(1, net.size(l - 1) + 1):
                expected = sp.Symbol(str(Label("a", l - 1, k))) if i == j else 0
                assert differentiate(z, sp.Symbol(str(Label("w", l, i, k)))) == expected
