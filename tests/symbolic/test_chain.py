"""The chain rule over graphs, against SymPy's derivative of the whole and against difference quotients."""

import json
import math
import random
from itertools import pairwise

import pytest
import sympy as sp

import pellucid as pl
from pellucid.symbolic import chain_rule, equivalent, parse, text
from pellucid.symbolic.evaluation import evaluate

TEXTBOOK = {"f": "4*f1**2", "f1": "f2 - 2", "f2": "5*x**3 - x + 1"}
SEVERAL = {"f": "2*x**3 + y", "x": "sin(u) + cos(v)", "y": "exp(u*v)"}


def test_the_textbooks_composition():
    found = chain_rule(TEXTBOOK, "x")
    assert [(f.of, f.by, sp.sstr(f.derivative)) for f in found.factors] == [
        ("f", "f1", "8*f1"),
        ("f1", "f2", "1"),
        ("f2", "x", "15*x**2 - 1"),
    ]
    assert found.terms == (sp.sympify("8*f1*(15*x**2 - 1)"),)
    assert pl.symbolic.text(found.result) == "8 (15x^2 - 1) (5x^3 - x - 1)"
    assert found.symbol[0] == "df/dx"
    assert found.forward.multiplications == found.reverse.multiplications == 2


@pytest.mark.parametrize(
    ("by", "answer", "terms"),
    [
        ("u", "6x^2 cos u + v e^{uv}", ["6x^2 cos u", "v e^{uv}"]),
        ("v", "-6x^2 sin v + u e^{uv}", ["-6x^2 sin v", "u e^{uv}"]),
    ],
)
def test_the_textbooks_two_variables(by, answer, terms):
    found = chain_rule(SEVERAL, by)
    assert equivalent(found.unsubstituted, answer) == "equal"
    assert equivalent(found.result, answer, definitions={"x": SEVERAL["x"]}) == "equal"
    assert len(found.terms) == 2
    for term in terms:
        assert any(equivalent(term, one, names=("u", "v")) == "equal" for one in found.terms)
    assert found.symbol[0] == f"∂f/∂{by}"
    assert (found.forward.multiplications, found.forward.multiplications_for_all) == (2, 4)
    assert found.reverse.multiplications_for_all == 4


FUNCTIONS = [
    "sin({})",
    "cos({})",
    "e^({})",
    "ln(2 + ({})^2)",
    "({})^3 - 2",
    "1/(1 + ({})^2)",
    "sqrt(1 + ({})^2)",
    "tanh({})",
    "3 ({}) + 1",
]


@pytest.mark.parametrize("seed", range(12))
def test_compositions(seed):
    rng = random.Random(seed)
    depth = rng.randint(2, 8)
    names = [f"f{i}" for i in range(depth)] + ["x"]
    definitions = {name: rng.choice(FUNCTIONS).format(inner) for name, inner in pairwise(names)}
    at = rng.uniform(-1, 1)
    found = chain_rule(definitions, "x", at={"x": at})
    assert len(found.factors) == depth
    assert found.check
    whole = sp.Symbol("f0")
    for name in names[:-1]:
        whole = whole.xreplace({sp.Symbol(name): parse(definitions[name])})
    assert equivalent(sp.diff(whole, sp.Symbol("x")), found.result) == "equal"
    assert found.forward.multiplications == found.reverse.multiplications == depth - 1


@pytest.mark.parametrize("seed", range(12))
def test_graphs(seed):
    rng = random.Random(100 + seed)
    free, count = ["u", "v", "w"][: rng.randint(1, 3)], rng.randint(3, 9)
    names = [f"g{i}" for i in range(count)]
    definitions = {}
    for i, name in enumerate(names):
        below = names[i + 1 :] + free
        used = rng.sample(below, min(len(below), rng.randint(1, 3)))
        used = [*dict.fromkeys([*used, names[i + 1] if i + 1 < count else free[0]])]
        parts = [rng.choice(["{}", "sin({})", "({})^2", "2 ({})", "cos({})"]).format(one) for one in used]
        definitions[name] = rng.choice([" + ", " * "]).join(parts)
    top = definitions["g0"]
    definitions["g0"] = " + ".join([top, *(name for name in [*names[1:], *free])])
    whole = parse(definitions["g0"])
    for name in names[1:]:
        whole = whole.xreplace({sp.Symbol(name): parse(definitions[name])})
    by = rng.choice(free)
    at = {name: round(rng.uniform(-1, 1), 3) for name in free}
    found = chain_rule(definitions, by, at)
    assert found.check
    assert equivalent(sp.diff(whole, sp.Symbol(by)), found.result) == "equal"
    assert sp.expand(sp.Add(*found.terms) - found.unsubstituted) == 0
    assert len(found.terms) == found.n_paths == len(found.paths)
    assert all(path[0].of == "g0" and path[-1].by == by for path in found.paths)
    for factor in found.factors:
        assert sp.simplify(factor.derivative - sp.diff(parse(definitions[factor.of]), sp.Symbol(factor.by))) == 0


def test_multiplications_are_those_of_the_two_orders():
    # one output of three inputs: reverse needs one sweep
    many = chain_rule({"f": "sin(s)", "s": "p + q", "p": "a*b", "q": "b*c"}, "b")
    assert many.forward.multiplications == 3  # p, q into s; s into f
    assert many.forward.multiplications_for_all == 2 + 3 + 2
    assert many.reverse.multiplications_for_all == 2 + 4  # s into p, q; p into a, b; q into b, c
    assert many.reverse.multiplications == 4


def test_deep_graphs_write_no_paths():
    definitions = {f"g{i}": f"g{i + 1} h{i + 1} + 1" for i in range(30)}
    definitions |= {f"h{i}": f"g{i + 1} - h{i + 1}" for i in range(1, 30)}
    definitions |= {"g30": "x", "h30": "x^2"}
    found = chain_rule(definitions, "x", at={"x": 0.3})
    assert found.n_paths == 2**30
    assert found.check
    assert "paths" in found.text
    assert found.to_dict()["terms"] is None
    with pytest.raises(pl.FormulaError, match="1,073,741,824 paths"):
        _ = found.terms


def test_kinks_are_named():
    found = chain_rule({"f": "max(0, g)", "g": "2x - 1"}, "x", at={"x": 2})
    assert found.check.value == 2
    assert "no derivative there" in found.text
    assert chain_rule({"f": "|g|", "g": "x^3"}, "x", at={"x": -2}).check.value == -12


def test_names_are_the_users_own():
    found = chain_rule({"I": "E^2 + S", "E": "3N", "S": "sin N"}, "N")
    assert equivalent(found.result, "18N + cos N", names=("N",)) == "equal"
    assert chain_rule("e = x^2; f = e^3", "x").result == sp.sympify("6*x**5")
    assert chain_rule({"f": "x^2 + y", "y": "3x"}, "y").result == 1


def test_definitions_in_one_text():
    for written in ("f = 4 f1^2; f1 = f2 - 2; f2 = 5x^3 - x + 1", "f(f1) = 4 f1^2\nf1 = f2 - 2\nf2 = 5x^3 - x + 1\n"):
        assert chain_rule(written, "x").result == chain_rule(TEXTBOOK, "x").result
    assert chain_rule("f = max(0,5; x)", "x", at={"x": 2}).check.value == 1


@pytest.mark.parametrize(
    ("written", "by", "result"),
    [
        ("y := u^2; u = x + 1", "x", "2(x + 1)"),
        ("y = u^2, where u = x + 1", "x", "2(x + 1)"),
        ("y = u^2 where u = x + 1", "x", "2(x + 1)"),
        ("f = ax^2 + bx + c", "x", "2 a x + b"),
        ("f = xy + x", "x", "y + 1"),
        ("d = a (1 - a); a = 1/(1 + exp(-z))", "z", "e^z (1 - e^z)/(1 + e^z)^3"),
        ("d = a(1 - a); a = 1/(1 + exp(-z))", "z", "e^z (1 - e^z)/(1 + e^z)^3"),
        ("y = e^(rate t)", "t", "rate e^(rate t)"),
        ("f(x) = ln(g(x)); g(x) = x^2 + 1", "x", "2x/(x^2 + 1)"),
        ("y = f(u); f(u) = u^2; u = x^3", "x", "6x^5"),
        ("f(g(x)) = g(x)^2; g(x) = 3x + 1", "x", "6(3x + 1)"),
        ("y = 3f(x)h(x); f(x) = x^2; h(x) = sin x", "x", "6x sin x + 3x^2 cos x"),
        ("π = p q; p = x^2; q = x", "x", "3x^2"),
        ("y = 1 where x > 0, x^2 otherwise", "x", "0 if x > 0 else 2x"),
    ],
)
def test_how_definitions_are_written(written, by, result):
    assert equivalent(chain_rule(written, by).result, result) == "equal"


@pytest.mark.parametrize(
    ("loss", "result"),
    [
        ("-(y ln a + (1 - y) ln(1 - a))", "x (1/(1 + e^(-(b + w x))) - y)"),
        ("ln(1 + e^z) - y z", "x (1/(1 + e^(-(b + w x))) - y)"),
    ],
)
def test_the_textbooks_a_minus_y(loss, result):
    sigmoid = "a = 1/(1 + e^(-z)); " if "a" in loss else ""
    found = chain_rule(f"L = {loss}; {sigmoid}z = w x + b", "w")
    assert text(found.result) == result


def test_numbers_for_names_in_the_users_spelling():
    assert chain_rule("y = θ^2 + x₁", "θ", at={"θ": 2, "x₁": 1}).check.value == pytest.approx(4)
    data = chain_rule("y = e^x", "x", at={"x": 1000}).to_dict()
    assert data["check"]["value"] is None
    json.dumps(data, allow_nan=False)


@pytest.mark.parametrize(
    "of", ["max(0, x, x^2 - 1, 2x)", "min(0, x, 2x, x^2)", "max(x + 1, 2 - x, 3, x^2)", "max(a, b, x, 1)"]
)
def test_extrema_of_four(of):
    found = chain_rule({"f": of}, "x")
    assert equivalent(text(found.result), found.result) == "equal"
    assert found.latex
    assert found.to_dict()
    at = {"x": 2.3, "a": 1.0, "b": 2.0} if "b" in of else {"x": 2.3}
    assert chain_rule({"f": of}, "x", at=at).check


def test_the_logarithm_of_a_modulus():
    assert text(chain_rule("L = ln|u|; u = x^2 - 1", "x").result) == "2x/(x^2 - 1)"


def test_forms():
    found = chain_rule(SEVERAL, "u", at={"u": 0.5, "v": -1})
    assert "∂f/∂u = ∂f/∂x · ∂x/∂u + ∂f/∂y · ∂y/∂u" in found.text
    assert "4 for all 2 free variables (2 sweeps, one for each)" in found.text.replace("\n", " ")
    assert r"\frac{\partial f}{\partial x}" in found.latex
    assert found.html.startswith("<!DOCTYPE html>")
    assert "<svg" in found.html
    data = json.loads(json.dumps(found.to_dict()))
    assert data["of"] == "f"
    assert [f["value"] for f in data["factors"] if f["by"] == "u"] == pytest.approx([-math.exp(-0.5), math.cos(0.5)])
    assert equivalent(data["result"], found.result) == "equal"
    assert {"u", "v", "x", "y", "f"} <= set(found.check.at)
    assert "<svg" in found.draw().svg


@pytest.mark.parametrize(
    ("definitions", "by", "match"),
    [
        ({"f": "x", "x": "f"}, "x", "circle"),
        ({"f": "g", "g": "h + t", "h": "g"}, "t", "circle: g → h → g"),
        ({"f": "x", "g": "x"}, "x", "f and g are used by no other"),
        ({"f": "x"}, "y", "y is in none"),
        ({"f": "x"}, "f", "by which"),
        ({}, "x", "no definitions"),
        ({"f": "foo(x)"}, "x", "f: unknown function"),
        ({"2f": "x"}, "x", "no name"),
        ({"f": "g(x)", "g": "x"}, "x", "quantity and no function"),
        ("f 4x", "x", "definition looks like"),
        ("f = x; f = y", "x", "twice"),
        ({"f": 2.5}, "x", "no names"),
        *(
            (f"y = {run} + x", "x", "one name or as a product")
            for run in ("xlnx", "xsinx", "asinx", "x sqrtx", "xcos2x", "abx")
        ),
        ("y = f (x); f = x^2", "x", "quantity and no function"),
        ("a = σ(z); z = w x", "w", "σ has no formula"),
        ("f" + "(x" * 40_000 + " = x", "x", "no name"),
        ("f" + " ;" * 60_000 + "= x", "x", "letters"),
    ],
)
def test_refused(definitions, by, match):
    with pytest.raises(ValueError, match=match):
        chain_rule(definitions, by)


def test_refused_types_and_numbers():
    with pytest.raises(TypeError):
        chain_rule(3, "x")
    with pytest.raises(TypeError, match="mapping of the free variables"):
        chain_rule("f = x^2", "x", at=3)
    with pytest.raises(TypeError):
        chain_rule({"f": None}, "x")
    with pytest.raises(TypeError):
        chain_rule({"f": "x"}, 3)
    with pytest.raises(ValueError, match="missing for v"):
        chain_rule(SEVERAL, "u", at={"u": 1})
    with pytest.raises(ValueError, match="q is no free variable"):
        chain_rule(SEVERAL, "u", at={"u": 1, "v": 1, "q": 2})
    with pytest.raises(ValueError, match="f is not defined"):
        chain_rule({"f": "1/x"}, "x", at={"x": 0})
    with pytest.raises(ValueError, match="no real number"):
        chain_rule({"f": "sqrt(x)"}, "x", at={"x": -1})
    with pytest.raises(ValueError, match="finite"):
        chain_rule({"f": "x^2"}, "x", at={"x": float("inf")})


@pytest.mark.parametrize(
    "definitions",
    [
        {"y": "min(x, x^2, 1)"},
        {"y": "max(x, u, v)"},
        {"b": "piecewise((x^2, x < 0), (x, True))", "q": "max(b, y)"},
        {"b": "piecewise((x^2, z < 0), (x, z < 1), (1, True))", "z": "x^2", "r": "max(0, b)"},
        {
            "E": "2 + cos(x)",
            "b": "piecewise((y^2, z < 0), (y, z < 1), (1, True))",
            "z": "E/(1 + x^2)",
            "q": "piecewise((b, b < E), (E, b >= E))",
        },
    ],
)
def test_pieces_within_the_conditions_of_pieces(definitions):
    free = {name: 0.3 + 0.2 * i for i, name in enumerate(chain_rule(definitions, "x").free)}
    found = chain_rule(definitions, "x", free)
    assert found.check
    for form in (found.text, found.latex, found.html, json.dumps(found.to_dict())):
        assert "ITE" not in form
    assert float(evaluate(found.result, {sp.Symbol(name): at for name, at in free.items()})) == pytest.approx(
        found.check.value
    )


@pytest.mark.parametrize(
    ("formula", "at", "has_derivative"),
    [("x |x|", 0, True), ("|x|", 0, False), ("|x|", 1e-13, True), ("sin x", 1e22, True), ("sin(1/x)", 1e-9, True),
     ("ln x", 1e-14, True), ("tan x", 1.5707963267948966, True), ("max(0, x)", 0, False)],
)  # fmt: skip
def test_the_check_near_and_at_kinks(formula, at, has_derivative):
    check = chain_rule({"y": formula}, "x", {"x": at}).check
    assert check.has_derivative == bool(check) == has_derivative


def test_products_that_cancel_agree():
    assert chain_rule("f = u*v; u = exp(x); v = exp(-x)", "x", {"x": 0.7204419233710158}).check


@pytest.mark.parametrize("root", ["cbrt(u)", r"\sqrt[3]{u}", "u^(1/3)"])
def test_odd_roots_are_real(root):
    found = chain_rule({"f": root, "u": "x^2 - 1"}, "x", at={"x": 0.5})
    assert found.check
    assert found.check.value == pytest.approx(2 * 0.5 / 3 * 0.75 ** (-2 / 3))
    with pytest.raises(ValueError, match="division by 0"):
        _ = chain_rule({"f": root, "u": "x^2 - 1"}, "x", at={"x": 1}).text


def test_a_name_that_cancels_is_used_all_the_same():
    found = chain_rule({"f": "u - u + v", "u": "x^2", "v": "3x"}, "x")
    assert [str(one) for one in found.factors] == ["∂f/∂u = 0", "∂f/∂v = 1", "dv/dx = 3", "du/dx = 2x"]
    assert found.result == 3
    assert chain_rule({"f": "u - u", "u": "x^2"}, "x").result == 0


@pytest.mark.parametrize("at", [None, {"x": 0.5}])
def test_a_derivative_too_long_to_write_out_is_shown_without_its_definitions_put_in(at):
    nested = "; ".join([*(f"f_{i} = f_{i + 1} sin(f_{i + 1})" for i in range(12)), "f_12 = x sin(x)"])
    found = chain_rule(nested, "x", at=at)
    assert not found.is_written_out
    assert repr(found) == "<Derivation: df_0/dx, too long to write out>"
    assert "too long to write out" in found.text
    for form in (found.text, found.latex, found.html):
        assert len(form) < 100_000
    factors = " · ".join(f"(f_{i} cos(f_{i}) + sin(f_{i}))" for i in range(1, 13))
    assert f"df_0/dx = {factors} · (x cos(x) + sin(x))" in found.text
    assert found.to_dict()["result"] is None
    with pytest.raises(pl.FormulaError, match="written out"):
        _ = found.result
    assert at is None or found.check
    assert chain_rule("f = g^2; g = sin(x)", "x").is_written_out
