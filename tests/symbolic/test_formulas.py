"""Formulas in every spelling, refused with a place where they are none, and written so that they are read back."""

import subprocess
import sys
import time

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.symbolic import latex, parse, text

x, y, z, u, v = sp.symbols("x y z u v")

SPELLINGS = [
    ("4*x**2", 4 * x**2),
    ("4 x^2", 4 * x**2),
    ("4x²", 4 * x**2),
    ("−x^2", -(x**2)),
    ("2·x×y", 2 * x * y),
    ("x^-1", 1 / x),
    ("2^-x", 2 ** (-x)),
    ("x^2^3", x**8),
    ("1/2x", x / 2),
    ("x/2/y", x / 2 / y),
    ("15x^2", 15 * x**2),
    ("8(5x^3 - x - 1)(15x^2 - 1)", 8 * (5 * x**3 - x - 1) * (15 * x**2 - 1)),
    ("x(x+1)", x * (x + 1)),
    ("[x + 1](x - 1)", (x + 1) * (x - 1)),
    ("0,5x", x / 2),
    ("1.25", sp.Rational(5, 4)),
    (".5", sp.Rational(1, 2)),
    ("2e-3", sp.Rational(1, 500)),
    ("e^x", sp.exp(x)),
    ("e^-x^2", sp.exp(-(x**2))),
    ("exp(-x)", sp.exp(-x)),
    ("2 pi", 2 * sp.pi),
    ("π", sp.pi),
    ("ln x", sp.log(x)),
    ("log(x)", sp.log(x)),
    ("log10 x", sp.log(x) / sp.log(10)),
    ("log_2(x)", sp.log(x) / sp.log(2)),
    ("sqrt(x)", sp.sqrt(x)),
    ("√x", sp.sqrt(x)),
    ("root(x, 3)", x ** sp.Rational(1, 3)),
    ("sin x", sp.sin(x)),
    ("sin 2x", sp.sin(2 * x)),
    ("sin2x", sp.sin(2 * x)),
    ("cos u sin v", sp.cos(u) * sp.sin(v)),
    ("sin^2 x", sp.sin(x) ** 2),
    ("sin²x", sp.sin(x) ** 2),
    ("sin(x)^2", sp.sin(x) ** 2),
    ("sin^{-1} x", sp.asin(x)),
    ("arctan(x)", sp.atan(x)),
    ("arsinh x", sp.asinh(x)),
    ("6x^2 cos u + v e^{uv}", 6 * x**2 * sp.cos(u) + v * sp.exp(u * v)),
    ("xsin(x)", x * sp.sin(x)),
    ("2[x + 1]", 2 * (x + 1)),
    ("max(0,0.1x)", sp.Max(0, x / 10)),
    ("ye^{x}", y * sp.exp(x)),
    ("½x", x / 2),
    ("log_3 x", sp.log(x) / sp.log(3)),
    ("tg x", sp.tan(x)),
    (r"\operatorname{cosec} x", sp.csc(x)),
    (r"\frac x2", x / 2),
    (r"\(x^2\)", x**2),
    ("x sinx", x * sp.sin(x)),
    ("𝑥²𝜋", x**2 * sp.pi),
    ("x1y1", sp.Symbol("x1") * sp.Symbol("y1")),
    ("x_1 + x_{12}", sp.Symbol("x_1") + sp.Symbol("x_12")),
    ("α β", sp.Symbol("alpha") * sp.Symbol("beta")),
    (r"\alpha", sp.Symbol("alpha")),
    ("S + N + Q + I + E", sum(map(sp.Symbol, "SNQIE"))),
    (r"\frac{1}{1+e^{-z}}", 1 / (1 + sp.exp(-z))),
    (r"\frac12 x", x / 2),
    (r"$\dfrac{x}{2}\,y$", x * y / 2),
    (r"\left(x+1\right)\cdot 2", 2 * (x + 1)),
    (r"\sqrt[3]{x}", x ** sp.Rational(1, 3)),
    (r"\sin^2 x", sp.sin(x) ** 2),
    (r"\operatorname{sign}(x)", sp.sign(x)),
    ("|x|", sp.Abs(x)),
    ("|x - 1| |x|", sp.Abs(x) * sp.Abs(x - 1)),
    ("max(0, 5)", sp.Integer(5)),
    ("max(0,5; 1)", sp.Integer(1)),
    ("(-8)^(1/3)", sp.Integer(-2)),
    ("(-32)^0.4", sp.Integer(4)),
    ("x_1x_2", sp.Symbol("x_1") * sp.Symbol("x_2")),
    (r"\theta_1x", sp.Symbol("theta_1") * x),
    (r"\exp\left[x + 1\right]", sp.exp(x + 1)),
    ("0{,}25 x", x / 4),
    (r"x\cdotp y", x * y),
    (r"\vec a\mathbf{x}", sp.Symbol("a") * x),
    (r"\boxed{x + 1}", x + 1),
    (r"\biggl(x~+~1\biggr)^{2}", (x + 1) ** 2),
    (r"a_{\text{max}}", sp.Symbol("a_max")),
    ("x\u200b\u2061+ 1", x + 1),
    ("2/y [x - z]", 2 / y * (x - z)),
    ("log(8; 2)", sp.log(8) / sp.log(2)),
    ("lb x", sp.log(x) / sp.log(2)),
    ("np.exp(-x) + math.sin(y)", sp.exp(-x) + sp.sin(y)),
    ("Sin x + Exp[-y]", sp.sin(x) + sp.exp(-y)),
    ("θ1 + γ2", sp.Symbol("theta1") + sp.Symbol("gamma2")),
    ("e^-800 x", sp.exp(-800) * x),
]


@pytest.mark.parametrize(("written", "meant"), SPELLINGS, ids=[written for written, _ in SPELLINGS])
def test_spellings(written, meant):
    assert sp.expand(parse(written) - meant) == 0


@pytest.mark.parametrize(
    "written",
    [
        "piecewise((1, z > 0), (0, z <= 0))",
        "piecewise(1 if z > 0, 0 otherwise)",
        "piecewise(1, z > 0, 0, z <= 0)",
        "1 if z > 0 else 0",
        "1 if z > 0; 0 if z <= 0",
        r"\begin{cases} 1 & z > 0 \\ 0 & z \le 0 \end{cases}",
        r"\begin{cases} 1, & \text{if } z > 0, \\ 0, & \text{otherwise} \end{cases}",
        "cases((1, z > 0), (0, sonst))",
        "1 if ((z > 0) and (z < 9)) or (z >= 9) else 0",
        r"\begin{dcases} 1 & z > 0 \\[4pt] 0 & z \le 0 \end{dcases}",
    ],
)
def test_pieces(written):
    found = parse(written)
    assert isinstance(found, sp.Piecewise)
    assert [found.subs(z, at) for at in (-2, 3)] == [0, 1]


def test_chained_conditions():
    found = parse("1 if -1 < z < 1 else 0")
    assert [found.subs(z, at) for at in (-2, 0, 2)] == [0, 1, 0]
    found = parse("1 if z < -1 or z > 1 else 0")
    assert [found.subs(z, at) for at in (-2, 0, 2)] == [1, 0, 1]


def test_names_of_the_users_own_go_first():
    e = sp.Symbol("e")
    assert parse("e^x", names=("e",)) == e**x
    assert parse("uv", names=("u", "v")) == u * v
    assert parse("uv") == sp.Symbol("uv")
    assert parse("uv^2 + u + v") == u * v**2 + u + v
    assert parse("speed", names=("s", "speed")) == sp.Symbol("speed")
    assert parse("beta gamma zeta lambda") == sp.Mul(*map(sp.Symbol, ("beta", "gamma", "zeta", "lambda")))


def test_a_quotient_of_names_that_begin_with_d_is_one():
    assert parse("dx/dt", names=("dx", "dt")) == sp.Symbol("dx") / sp.Symbol("dt")
    assert parse("d x/(d t)", names=("d",)) == x / sp.Symbol("t")
    assert parse("ad/db", names=("ad", "db")) == sp.Symbol("ad") / sp.Symbol("db")


def test_labels():
    net = pl.Network([3, 4, 2], seed=0)
    w, a = sp.Symbol("w_12^2"), sp.Symbol("a_2^1")
    for written in (
        "w_12^2 a_2^1",
        "w_{12}^{2} a_{2}^{1}",
        "w^2_{12} a^1_2",
        "w_{1,2}^2·a_2^1",
        r"$w_{12}^{2}\,a_{2}^{1}$",
        r"\mathbf{w}_{12}^2 a¹₂",
    ):
        assert parse(written, labels=net) == w * a
    assert parse("(w_12^2)^2", labels=net) == w**2
    assert parse("w_12^2") == sp.Symbol("w_12") ** 2
    assert parse("a_k^{l-1} + d_j^l", labels=True) == sp.Symbol("a_k^{l-1}") + sp.Symbol("d_j^l")
    assert parse(r"a_k^{\ell-1} w_1k^2", labels=True) == sp.Symbol("a_k^{l-1}") * sp.Symbol("w_1k^2")
    assert parse("2σ'(z_1^2)", labels=True) == 2 * sp.Function("σ'")(sp.Symbol("z_1^2"))
    for written in (r"\sigma'(z_j^l)", r"\sigma^\prime(z_j^l)", r"\sigma^{\prime}(z_j^l)", r"\sigma^{\prime} z_j^l"):
        assert parse(written, labels=True) == sp.Function("σ'")(sp.Symbol("z_j^l"))
    with pytest.raises(pl.FormulaError, match="w_53"):
        parse("w_53^2", labels=net)
    with pytest.raises(pl.FormulaError, match="no a_3\\^1"):
        parse("a_3^1", labels=["a_1^1"])


def test_functions_that_are_defined():
    sigmoid = {"σ": ("z", "1/(1 + e^(-z))")}
    value = 1 / (1 + sp.exp(-z))
    for written in (
        "σ(z)(1 - σ(z))", "σ(1 - σ)", r"\sigma(z) (1-\sigma(z))", "σ(z) - σ²(z)", r"\sigma-\sigma^2(z)",
        r"{\sigma}(z) - \sigma^{2}", r"\sigma(z) - {\sigma(z)}^2",
    ):  # fmt: skip
        assert sp.simplify(parse(written, functions=sigmoid) - value * (1 - value)) == 0
    assert sp.simplify(parse("σ(-z)", functions=sigmoid) - 1 / (1 + sp.exp(z))) == 0
    assert sp.simplify(parse("σ(-(-z)) + σ(1 - σ(-z))", functions=sigmoid)
                       - value - value.subs(z, 1 - 1 / (1 + sp.exp(z)))) == 0  # fmt: skip
    assert sp.simplify(parse("σ'(2x)", functions=sigmoid) - sp.diff(value, z).subs(z, 2 * x)) == 0


REFUSED = [
    ("sinx", 0, "two ways"),
    ("2ˣ", 1, "raised letters"),
    (r"\frac{dy}{dx}", 0, "derivative"),
    (r"\frac{\mathrm{d}y_1}{\mathrm{d}x_1}", 0, "derivative"),
    ("x + dy/dx", 4, "derivative"),
    ("3d/dx x^2", 1, "derivative"),
    (r"\log_b x", 0, "subscript"),
    ("log(8,2)", 4, "two ways"),
    ("2σ(z)", 1, "no formula"),
    ("x[i]", 1, "square brackets"),
    (r"\sum_{k=1}^3 x", 0, "term by term"),
    (r"\frac{\partial L}{\partial x}", 6, "derivative"),
    (r"\operatorname{ReLU}(x)", 0, "no function"),
    ("", 0, "no formula"),
    ("   ", 3, "no formula"),
    ("2 + ", 4, "ends too early"),
    ("(x", 2, "expected"),
    ("x)", 1, "closes nothing"),
    ("foo(x)", 0, "unknown function"),
    ("sine(x)", 0, "did you mean sin"),
    ("x[0]", 1, "square brackets"),
    ("x.real", 1, "full stop"),
    ("x = 3", 2, "equation"),
    ("x < 3", 2, "condition"),
    ("x!", 1, "factorial"),
    ("50%", 2, "per cent"),
    ("'a'", 0, "cannot stand here"),
    ('"a"', 0, "quotation"),
    ("f'(x)", 1, "prime"),
    ("2 3", 2, "sign is missing"),
    ("2e3x", 0, "two ways"),
    ("cos u v + u + v", 4, "two ways"),
    ("sin", 3, "no argument"),
    ("sin -x", 4, "brackets"),
    ("max 3", 4, "brackets"),
    ("sin(x, y)", 0, "one argument"),
    ("1/0", 1, "division by 0"),
    ("1/(2 - 2)", 1, "division by 0"),
    ("0^-1", 1, "not defined"),
    ("ln 0", 0, "not defined"),
    ("∞", 0, "infinity"),
    (r"\infty", 0, "infinity"),
    (r"\input{x}", 0, "unknown LaTeX command"),
    (r"\begin{matrix} 1 \end{matrix}", 0, "only cases"),
    ("9^9^9^9", 3, "too large"),
    ("2^(123456789/7)", 1, "too large"),
    ("((2x)^1000)^1000", 11, "too large"),
    ("10^(10^10)", 2, "too large"),
    ("1e400000000", 0, "too large"),
    ("arctan(tan(10^2000))", None, "too large"),
    ("cos(arcsin(10^1000))", None, "too large"),
    ("ln(e^(10^2000))", None, "too large"),
    ("(10^400)^(1/3)", None, "too large"),
    *(
        (tower, None, "too large")
        for tower in (
            "e^e^e^e^e",
            "z e^(-e^e^e^e)",
            "sin(e^e^e^e)",
            "e^e^π^π^π z",
            "cosh(e^e^e^3) z",
            "2^(e^e^e^e) z",
            "e^2000 z",
            "1/(e^-800) x",
            "(1/e^800)^-1",
            "(e^-800)^-1",
            "e^(10^700)",
        )
    ),
    ("log2x", 0, "two ways"),
    ("relu x", 0, "not a known function"),
    ("erf x + x", 0, "not a known function"),
    ("9" * 200, 0, "digits"),
    ("(" * 5000, 51, "nested"),
    ("-" * 5000 + "x", None, "nested"),
    ("x^" * 3000 + "x", None, "nested"),
    ("x+" * 4900 + "x", None, "parts"),
    ("x/" * 4900 + "x", None, "parts"),
    ("x" * 20_000, 10_000, "letters"),
    ("x" + chr(0), 1, "U\\+0000"),
    ("x\u202ey", 1, "U\\+202E"),
    ("__import__('os')", 0, "subscript"),
    ("(lambda: 0)()", 12, "closes nothing"),
    ("x if x", None, "compares"),
    ("1 if z > 0 else", None, "ends too early"),
]


@pytest.mark.parametrize(("written", "position", "reason"), REFUSED, ids=[r[0][:20] for r in REFUSED])
def test_refused(written, position, reason):
    start = time.perf_counter()
    with pytest.raises(pl.FormulaError, match=reason) as caught:
        parse(written)
    assert time.perf_counter() - start < 1
    assert position is None or caught.value.position == position
    assert 0 <= caught.value.position <= len(written)
    assert isinstance(caught.value, ValueError)
    assert caught.value.reason in str(caught.value)


def test_a_quantity_is_no_function():
    with pytest.raises(pl.FormulaError, match="f1 is a quantity"):
        parse("f1(x)", quantities=("f1",))


@pytest.mark.parametrize("other", [None, 3, b"x", ["x"]])
def test_what_is_no_text(other):
    with pytest.raises(TypeError):
        parse(other)


ALPHABET = st.sampled_from(
    [*"xyzeuσ0123456789+-*/^()[]{}|,;.<>='_ ²√π", "sin", "\\frac", "{", "}", " if ", "exp(", "max("]
)


@given(st.lists(ALPHABET, max_size=60).map("".join) | st.text(max_size=80))
@settings(max_examples=1500)
def test_any_text_is_a_formula_or_refused(written):
    start = time.perf_counter()
    refused = None
    try:
        parse(written)
    except pl.FormulaError as error:
        refused = error
    assert refused is None or 0 <= refused.position <= max(len(written), 1)
    assert time.perf_counter() - start < 1


@pytest.mark.skipif(sys.platform != "linux", reason="the memory that a program took at most is asked of Linux")
def test_the_worst_takes_little_memory_and_time():
    program = (
        "import re, time\n"
        "from pellucid.errors import FormulaError\n"
        "from pellucid.symbolic import parse\n"
        "parse('x')\n"
        "for text in ['(' * 10**6, '9^' * 5000 + '9', 'x' * 10**7, '(x+1)^99999999', 'sin(' * 3000, '{' * 9000,\n"
        "             '1 if ' * 2500, 'max(' + '1,' * 4500 + '1)', '2^2^2^2^2^2^2', '\\\\frac' * 1500, 'x_' * 5000,\n"
        "             '|' * 9000, '9' * 10**6]:\n"
        "    start = time.perf_counter()\n"
        "    try:\n"
        "        parse(text)\n"
        "    except FormulaError:\n"
        "        pass\n"
        "    assert time.perf_counter() - start < 1, text[:20]\n"
        "print(re.search(r'VmHWM:\\s*(\\d+) kB', open('/proc/self/status').read())[1])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert int(done.stdout) < 200 * 1024


def expressions():
    leaves = st.sampled_from([x, y, sp.Symbol("f1"), sp.Symbol("theta"), sp.pi, sp.E]) | st.integers(-30, 30).map(
        sp.Integer
    )
    leaves = leaves | st.fractions(-5, 5, max_denominator=12).map(lambda f: sp.Rational(f.numerator, f.denominator))

    def extend(inner):
        pairs = st.tuples(inner, inner)
        return st.one_of(
            pairs.map(lambda p: p[0] + p[1]),
            pairs.map(lambda p: p[0] * p[1]),
            pairs.map(lambda p: p[0] / p[1] if p[1] != 0 else p[0]),
            st.tuples(inner, st.integers(-3, 4)).map(lambda p: p[0] ** p[1] if p[0] != 0 else p[0]),
            st.tuples(st.sampled_from([sp.sin, sp.exp, sp.tanh, sp.atan, sp.cosh]), inner).map(lambda p: p[0](p[1])),
            inner.map(lambda e: sp.sqrt(e) if e.free_symbols else e),
            inner.map(lambda e: sp.log(e) if e.free_symbols else e),
            inner.map(lambda e: sp.Abs(e, evaluate=False) if e.free_symbols else e),
            pairs.map(lambda p: sp.Piecewise((p[0], x > 0), (p[1], True), evaluate=False)),
        )

    return st.recursive(leaves, extend, max_leaves=8)


@given(expressions())
@settings(max_examples=400)
def test_what_is_written_is_read_back(e):
    if e.has(sp.zoo, sp.nan, sp.oo):
        return
    for write in (text, latex):
        back = parse(write(e), names=("x", "y", "f1", "theta"))
        assert pl.symbolic.equivalent(back, e) in ("equal", "undecided"), (write(e), back, e)


def test_texts_are_those_of_a_textbook():
    for written in (
        "8 (15x^2 - 1) (5x^3 - x - 1)",
        "v e^(u v) + 6x^2 cos(u)",
        "e^(-z)/(1 + e^(-z))^2",
        "1 if z > 0 else 0",
        "2 (a_j - y_j)/m",
    ):
        assert text(parse(written)) == written
    assert latex(parse("f1 + x_12")) == "f_{1} + x_{12}"
    assert latex(parse("w_12^2 a_2^1", labels=True)) == "a_{2}^{1} w_{12}^{2}"
