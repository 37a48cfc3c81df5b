"""Explanations: the number is the one recorded, and the equation printed with its numbers works out to it."""

import math
import re
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl

EPS = np.finfo(float).eps
SIZES = [3, 4, 2]

X = np.random.default_rng(0).standard_normal((3, 3))
NUMBERS = np.random.default_rng(1).standard_normal((3, 2))
COUNTS = np.array([[0.0, 3.0], [1.0, 2.0], [5.0, 0.0]])
PROBABILITIES = np.array([[0.25, 0.75], [1.0, 0.0], [0.5, 0.5]])

CASES = {
    "tanh-identity-mse": ("tanh", "identity", "mse", NUMBERS),
    "softplus-tanh-half_squared_error": ("softplus", "tanh", "half_squared_error", NUMBERS),
    "relu-sigmoid-mae": ("relu", "sigmoid", "mae", NUMBERS),
    "sine-identity-huber": ("sine", "identity", pl.Huber(0.5), NUMBERS),
    "leaky_relu-identity-quantile": (pl.LeakyReLU(0.2), "identity", pl.Quantile(0.3), NUMBERS),
    "gelu-exp-poisson": ("gelu", "exp", "poisson", COUNTS),
    "elu-softplus-poisson": ("elu", "softplus", "poisson", COUNTS),
    "silu-softmax-cross_entropy": ("silu", "softmax", "cross_entropy", PROBABILITIES),
    "selu-sigmoid-cross_entropy": ("selu", "sigmoid", "cross_entropy", PROBABILITIES),
    "hard_tanh-sigmoid-binary_cross_entropy": ("hard_tanh", "sigmoid", "binary_cross_entropy", PROBABILITIES),
    "gelu_tanh-softmax-binary_cross_entropy": ("gelu_tanh", "softmax", "binary_cross_entropy", PROBABILITIES),
    "sigmoid-softmax-mse": ("sigmoid", "softmax", "mse", NUMBERS),
    "tanh-sigmoid-mse without biases": ("tanh", "sigmoid", "mse", NUMBERS),
}

PENALTIES = {"plain": {}, "weights": {"sample_weight": [1, 2, 0.5]}, "penalty": {"l2": 0.1, "l1": 0.03}}
PENALTIES["both"] = PENALTIES["weights"] | PENALTIES["penalty"]

every_case = pytest.mark.parametrize("case", CASES)


def a_network(case, sizes=SIZES):
    hidden, output, *_ = CASES[case]
    net = pl.Network(sizes, hidden, output=output, seed=5, bias="without biases" not in case)
    for l in net.b.keys():
        net.b[l] = np.random.default_rng(l).uniform(-1, 1, net.size(l))
    return net


def one_input(case):
    *_, loss, Y = CASES[case]
    return a_network(case).backprop(X[1], Y[1], loss)


def a_batch(case, arguments="plain"):
    *_, loss, Y = CASES[case]
    return a_network(case).backprop(X, Y, loss, **PENALTIES[arguments])


def every_label(run):
    return [label for symbol in "wbzad" for label in run.layers.labels(symbol)]


def recorded(run, label, sample=None):
    """The number that a label of a run stands for: z, a and d of one sample, or the partial of a parameter."""
    arrays = {"z": run.z, "a": run.a, "d": run.d, "w": run.gradient.W, "b": run.gradient.b}[label.symbol]
    array = arrays[label.layer]
    return array[label.index] if sample is None else array[sample - 1][label.index]


# The printed line, worked out: every number stands for all those that would be printed like it.

TOKEN = re.compile(r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)|(?P<word>σ_\d+|[a-zσ]+)|(?P<mark>[-+·/()\[\],]))")


class Interval:
    """The numbers from low to high."""

    def __init__(self, low, high):
        self.low, self.high = low, high

    @classmethod
    def of_rounded(cls, text, digits):
        value = float(text)
        half = 0.5 * 10.0 ** (math.floor(math.log10(value)) - digits + 1) if value else 0.0
        return cls(value - half, value + half)

    @classmethod
    def around(cls, values):
        values = list(values)
        return cls(min(values), max(values))

    def ends(self):
        return self.low, self.high

    def __contains__(self, value):
        slack = 1e-6 * (self.high - self.low) + 64 * EPS * max(abs(self.low), abs(self.high))
        return self.low - slack <= value <= self.high + slack


def both(operation, p, q):
    return Interval.around(operation(u, v) for u, v in product(p.ends(), q.ends()))


class Evaluator:
    """Works out a line such as ``(0.5·(-1) + 2) · 0.25``; a product may also be written without its dot."""

    def __init__(self, text, digits, functions):
        self.digits, self.functions = digits, functions
        self.tokens, position = [], 0
        text = text.rstrip()
        while position < len(text):
            match = TOKEN.match(text, position)
            assert match, f"cannot read {text[position:]!r} of {text!r}"
            self.tokens.append((match.lastgroup, match[match.lastgroup]))
            position = match.end()
        self.tokens.append(("end", ""))

    def result(self):
        value = self.sum()
        assert self.tokens[0] == ("end", ""), f"left over: {self.tokens}"
        return value

    def take(self, *marks):
        if self.tokens[0][0] == "mark" and self.tokens[0][1] in marks:
            return self.tokens.pop(0)[1]
        return None

    def sum(self):
        total = self.product()
        while mark := self.take("+", "-"):
            total = both(lambda u, v: u + v if mark == "+" else u - v, total, self.product())
        return total

    def product(self):
        if self.take("-"):
            value = self.product()
            return Interval(-value.high, -value.low)
        total = self.factor()
        while True:
            if self.take("/"):
                total = both(lambda u, v: u / v, total, self.factor())
            elif self.take("·") or self.tokens[0][0] in ("number", "word") or self.tokens[0][1] in ("(", "["):
                total = both(lambda u, v: u * v, total, self.factor())
            else:
                return total

    def factor(self):
        if mark := self.take("(", "["):
            value = self.sum()
            assert self.take({"(": ")", "[": "]"}[mark])
            return value
        kind, text = self.tokens.pop(0)
        if kind == "number":
            return Interval.of_rounded(text, self.digits)
        assert kind == "word", f"{text!r} is no factor"
        assert self.take("(")
        arguments = [self.sum()]
        while self.take(","):
            arguments.append(self.sum())
        assert self.take(")")
        return Interval.around(self.functions[text](*values) for values in product(*(a.ends() for a in arguments)))


def functions_of(sigma):
    """What the printed lines call: sign, max, min, σ(z) and softmax's σ_j(z)."""
    table = {"sign": lambda v: float(np.sign(v)), "max": max, "min": min}
    if sigma is not None and sigma.elementwise:
        table["σ"] = lambda z: float(sigma.function(np.array(z)))
    elif sigma is not None:
        table |= {f"σ_{j}": lambda *z, j=j: float(sigma.function(np.array(z))[j - 1]) for j in range(1, 99)}
    return table


def as_text(latex):
    """A line of LaTeX in the notation of the text."""
    latex = re.sub(r"(?P<m>\d+(?:\.\d+)?) \\cdot 10\^\{(-?\d+)\}", r"\g<m>e\2", latex)
    latex = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"(\1)/(\2)", latex)
    latex = re.sub(r"\\sigma(?:_\{(\d+)\})?", lambda m: f"σ_{m[1]}" if m[1] else "σ", latex)
    latex = latex.replace(r"\operatorname{sign}", "sign").replace(r"\max", "max").replace(r"\min", "min")
    return latex.replace(r"\left", "").replace(r"\right", "").replace(r"\cdot", "·")


def numeric_lines(explanation):
    """The steps in numbers, the result left out, as (text, LaTeX)."""
    symbolic = re.compile(r"[wbzad]_|[xyL]|∂|Σ|…| if |z\^")
    return [step for step in explanation.steps[:-1] if not symbolic.search(step[0])]


def check_numbers(explanation, run, layer, digits=6):
    """Every numeric line works out to the value, in text and in LaTeX; returns how many there are."""
    functions = functions_of(run.layers.activations.get(layer))
    lines = numeric_lines(explanation)
    for text, latex in lines:
        for line in (text, as_text(latex)):
            interval = Evaluator(line, digits, functions).result()
            assert explanation.value in interval, f"{line} is in {interval.ends()}, not {explanation.value!r}"
            assert interval.high - interval.low <= 10.0 ** (3 - digits) * (1 + abs(explanation.value))
    return len(lines)


def test_the_evaluator_itself_reads_the_notation_and_finds_a_planted_fault():
    def value(line):
        return Evaluator(line, 6, functions_of(None)).result()

    for line, expected in [
        ("0.5·(-2) + 3", 2.0),
        ("(1/2) (0.25 - 1) · 4", -1.5),
        ("[(2/2) (0.5 - (-1))] · 0.5", 0.75),
        ("-1/0.5", -2.0),
        ("(1 - 1)/(1 - 0.5) - 1/0.5", -2.0),
        ("(1/2) max(-1, min(1, 0.25 - 3))", -0.5),
        ("(1/2) sign(0.25 - 3) · (1e-05)", -0.5e-5),
        ("2 - 1 - 1", 0.0),
        ("8/2/2", 2.0),
    ]:
        assert expected in value(line)
        assert expected + 1e-4 * (1 + abs(expected)) not in value(line)
    for line in ("1 +", "(1", "1 ? 2", "1)", "1, 2", "sign 1"):
        with pytest.raises(AssertionError):
            value(line)


# The number.


@every_case
def test_every_number_of_one_input_is_the_one_recorded(case):
    run = one_input(case)
    for label in every_label(run):
        explanation = run.explain(label.text)
        assert float(explanation) == explanation.value == recorded(run, label)
        same = run.explain(label.symbol, layer=label.layer, j=label.j, k=label.k)
        assert (same.text, same.latex, same.value) == (explanation.text, explanation.latex, explanation.value)
        assert run.explain(label.latex).text == run.explain(f"${label.latex}$").text == explanation.text
    assert float(run.explain("L")) == run.loss == run.losses


@pytest.mark.parametrize("arguments", PENALTIES)
@every_case
def test_every_number_of_a_batch_is_the_one_recorded(case, arguments):
    run = a_batch(case, arguments)
    for label in every_label(run):
        if label.symbol in "wb":
            assert float(run.explain(label.text)) == recorded(run, label)
        else:
            values = [float(run.explain(label.text, sample=i)) for i in (1, 2, 3)]
            assert values == [recorded(run, label, i) for i in (1, 2, 3)] == run[label.text].tolist()
    assert float(run.explain("L")) == run.loss
    assert [float(run.explain("L", sample=i)) for i in (1, 2, 3)] == run.losses.tolist()


@every_case
def test_a_samples_own_partial_is_that_of_its_record_alone(case):
    *_, loss, Y = CASES[case]
    net, run = a_network(case), a_batch(case, "both")
    for i in (1, 2, 3):
        alone = net.backprop(X[i - 1], Y[i - 1], loss)
        for symbol in "wb":
            for label in net.labels(symbol):
                explanation = run.explain(label.text, sample=i)
                scale = np.abs(alone.gradient.vector).max()
                np.testing.assert_allclose(float(explanation), recorded(alone, label), rtol=0, atol=64 * EPS * scale)
                assert explanation.text.startswith(f"∂L_{i}/∂{label} = ")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_value_is_a_python_float_that_holds_the_recorded_number_exactly(dtype):
    net = pl.Network(SIZES, "tanh", seed=0, dtype=dtype)
    run = net.backprop(X, NUMBERS)
    for label in every_label(run):
        sample = None if label.symbol in "wb" else 2
        value = run.explain(label.text, sample=sample).value
        assert type(value) is float
        assert value == recorded(run, label, sample)


# What is printed.


@pytest.mark.parametrize("digits", [1, 2, 6, 12, 17])
@pytest.mark.parametrize("case", ["tanh-identity-mse", "gelu-exp-poisson"])
def test_the_last_line_is_the_value_to_the_digits_asked_for(case, digits):
    run = a_batch(case, "both")
    texts = [(label.text, None if label.symbol in "wb" else 2) for label in every_label(run)] + [("L", None), ("L", 1)]
    for text, sample in texts:
        explanation = run.explain(text, sample=sample, digits=digits)
        last, latex = explanation.steps[-1]
        assert explanation.text.partition("\n    with")[0].endswith(f"= {last}")
        assert explanation.value in Interval.around(
            sign * v
            for sign in [-1 if last.startswith("-") else 1]
            for v in Interval.of_rounded(last.lstrip("-"), digits).ends()
        )
        shown = re.sub(r"e.*|\D", "", last).lstrip("0")
        assert len(shown) <= max(digits, 1)
        assert float(as_text(latex)) == float(last)
        if digits == 17:
            assert float(last) == explanation.value


@every_case
def test_the_numbers_printed_for_one_input_work_out_to_the_value(case):
    run = one_input(case)
    for label in every_label(run):
        worked_out = check_numbers(run.explain(label.text), run, label.layer)
        # The input is given, and with one input ∂L/∂b is the delta itself.
        assert worked_out >= (0 if (label.symbol, label.layer) == ("a", 1) or label.symbol == "b" else 1)


@pytest.mark.parametrize("arguments", PENALTIES)
@every_case
def test_the_numbers_printed_for_a_batch_work_out_to_the_value(case, arguments):
    run = a_batch(case, arguments)
    for label in every_label(run):
        if label.symbol in "wb":
            assert check_numbers(run.explain(label.text), run, label.layer) >= 1
            assert check_numbers(run.explain(label.text, sample=3), run, label.layer) >= (label.symbol == "w")
        else:
            worked_out = check_numbers(run.explain(label.text, sample=3), run, label.layer)
            assert worked_out >= ((label.symbol, label.layer) != ("a", 1))


@settings(deadline=None, max_examples=50)
@given(
    exponents=st.tuples(st.integers(-30, 30), st.integers(-30, 30), st.integers(-30, 30)),
    seed=st.integers(0, 99),
    digits=st.integers(3, 9),
)
def test_numbers_of_any_size_work_out_with_their_powers_of_ten(exponents, seed, digits):
    rng = np.random.default_rng(seed)
    x, W, y = (rng.standard_normal(n) * 10.0**e for n, e in zip((3, 6, 2), exponents, strict=True))
    net = pl.Network([3, 2], "identity", init=([W.reshape(2, 3)], [rng.standard_normal(2) * 10.0 ** exponents[1]]))
    run = net.backprop(x, y)
    for label in every_label(run):
        explanation = run.explain(label.text, digits=digits)
        for text, latex in numeric_lines(explanation):
            for line in (text, as_text(latex)):
                interval = Evaluator(line, digits, functions_of(net.activations.get(label.layer))).result()
                assert explanation.value in interval


def test_a_delta_in_symbols_names_every_neuron_of_the_layer_above():
    text = one_input("tanh-identity-mse").explain("d_3^2").text
    assert text.startswith("d_3^2 = (w_13^3 d_1^3 + w_23^3 d_2^3) · σ'(z_3^2)\n")


def test_long_sums_show_the_first_three_terms_and_the_last():
    net = pl.Network([9, 8, 7], "tanh", output="softmax", seed=0)
    rng = np.random.default_rng(0)
    run = net.backprop(rng.standard_normal((8, 9)), rng.standard_normal((8, 7)))
    for text in ("z_1^2", "d_1^2"):
        numbers = run.explain(text, sample=1).steps[-2][0]
        assert len(re.findall("·[0-9(]", numbers)) == 4, numbers
        assert " + … + " in numbers
    first, last = "w_11^2 a_1^1 + w_12^2 a_2^1 + w_13^2 a_3^1", "w_19^2 a_9^1 + b_1^2"
    assert run.explain("z_1^2", sample=1).steps[0][0] == f"{first} + … + {last}"
    factors = run.explain("z_1^2", sample=1, digits=17).steps[-2][0].split(" + ")[4].replace("(", "").replace(")", "")
    assert [float(factor) for factor in factors.split("·")] == [run["w_19^2"], run["a_9^1"][0]]
    for text in ("w_11^2", "b_1^3"):
        assert len(re.findall(r" \+ ", run.explain(text).steps[-2][0])) == 4
        assert " + … + " in run.explain(text).steps[-2][0]
    assert run.explain("a_1^3", sample=1).steps[-2][0].count(", ") == 4
    assert r"\ldots" in run.explain("a_1^3", sample=1).latex
    assert r"\cdots" in run.explain("z_1^2", sample=1).latex
    six = pl.Network([6, 1], seed=0).backprop(np.ones(6), [1]).explain("z_1^2").text
    assert "…" not in six
    assert six.count("·") == 6


def test_the_long_sum_over_a_softmaxs_outputs_shows_the_first_three_terms_and_the_last():
    rng = np.random.default_rng(0)
    run = pl.Network([3, 7], "softmax", seed=0).backprop(rng.standard_normal(3), rng.standard_normal(7))
    numbers = run.explain("d_1^2").steps[-2][0]
    assert (numbers.count("·"), " + … + " in numbers) == (4, True), numbers


def test_a_negative_zero_is_shown_as_zero():
    net = pl.Network([2, 1], "relu", init=([[[-1.0, -1.0]]], [[-1.0]]))
    run = net.backprop([1.0, 1.0], [5.0])
    assert math.copysign(1, run.d[2][0]) == -1  # the derivative 0 times a negative slope of the loss
    for text in ("d_1^2", "b_1^2", "w_11^2"):
        for line in (*run.explain(text).text.splitlines(), *run.explain(text).latex.splitlines()):
            assert not re.search(r"-0(?![.\d])", line), line


def balanced(latex):
    """Braces, \\left and \\right, \\begin and \\end, each opened before it is closed."""
    depth = 0
    for token in re.findall(r"\\[{}]|[{}]", latex):
        depth += {"{": 1, "}": -1}.get(token, 0)
        if depth < 0:
            return False
    sides = re.findall(r"\\(left|right)(?![a-z])", latex)
    blocks = re.findall(r"\\(begin|end)\{(\w+)\}", latex)
    open_blocks = []
    for what, name in blocks:
        if what == "begin":
            open_blocks.append(name)
        elif not open_blocks or open_blocks.pop() != name:
            return False
    return depth == 0 and not open_blocks and sides.count("left") == sides.count("right")


def test_the_check_of_braces_finds_each_planted_fault():
    assert balanced(r"\begin{aligned} \left(a_{1}\right) \{ \end{aligned}")
    for broken in (r"a_{1", r"a_1}", r"}{", r"\left(a", r"\begin{aligned}", r"\end{a}\begin{a}", r"\begin{a}\end{b}"):
        assert not balanced(broken)


@pytest.mark.parametrize("arguments", PENALTIES)
@every_case
def test_latex_is_balanced_and_has_a_line_for_each_step_and_note(case, arguments):
    run = a_batch(case, arguments)
    for label in [*every_label(run), "L"]:
        for sample in (None, 2) if str(label)[0] in "wbL" else (2,):
            explanation = run.explain(str(label), sample=sample)
            assert balanced(explanation.latex), explanation.latex
            assert explanation.latex.count(" &= ") == len(explanation.steps)
            assert len(explanation.text.splitlines()) == len(explanation.steps) + len(explanation.notes)
            assert explanation._repr_latex_() == f"$$\n{explanation.latex}\n$$"
            assert not re.search(r"[σΣ∂λ·…≤≥]", explanation.latex), "LaTeX has its own commands"


def test_a_name_with_an_underscore_is_escaped_in_latex():
    run = one_input("hard_tanh-sigmoid-binary_cross_entropy")
    latex = run.explain("d_1^3").latex
    assert r"binary\_cross\_entropy" in latex
    assert balanced(latex)


def test_the_equals_signs_of_the_text_stand_under_each_other():
    run = a_batch("tanh-identity-mse", "both")
    for label in every_label(run):
        explanation = run.explain(label.text, sample=1)
        lines = explanation.text.splitlines()[: len(explanation.steps)]
        assert len({line.index(" = ") for line in lines}) == 1
        assert str(explanation) == explanation.text


def test_the_mean_names_the_samples_shares_and_the_penalty():
    assert "(1/n) Σ_i a_1^1 d_1^2" in a_batch("tanh-identity-mse").explain("w_11^2").text
    weighted = a_batch("tanh-identity-mse", "both").explain("w_11^2").text
    assert "Σ_i s_i a_1^1 d_1^2 + λ₂ w_11^2 + λ₁ sign(w_11^2)" in weighted
    assert "s_i the share of sample i" in weighted
    assert "λ" not in a_batch("tanh-identity-mse", "both").explain("b_1^2").text
    assert "λ" not in a_batch("tanh-identity-mse", "both").explain("w_11^2", sample=1).text
    assert "λ" not in a_batch("tanh-identity-mse", "weights").explain("w_11^2").text


def worked_out(text):
    """The value of an equation's side that has numbers only."""
    text = text.replace("·", "*").replace("^", "**").replace("[", "(").replace("]", ")").replace(") (", ")*(")
    text = re.sub(r"\|([^|]*)\|", r"abs(\1)", text).replace("ln(", "log(")
    return eval(text, {"__builtins__": {}}, {"abs": abs, "log": math.log})


LOSSES_WITH_NUMBERS = [
    ("mse", "identity", lambda m: np.linspace(-1, 2, m)),
    ("half_squared_error", "tanh", lambda m: np.linspace(-1, 2, m)),
    ("mae", "identity", lambda m: np.linspace(-1, 2, m)),
    (pl.Huber(0.7), "identity", lambda m: np.linspace(-3, 2, m)),
    (pl.Quantile(0.3), "identity", lambda m: np.linspace(-3, 2, m)),
    ("poisson", "exp", lambda m: np.arange(m) + 1.0),
    ("cross_entropy", "softmax", lambda m: np.eye(m)[m - 1]),
    ("binary_cross_entropy", "sigmoid", lambda m: np.arange(m) % 2.0),
]


@pytest.mark.parametrize("m", [1, 2, 6])
@pytest.mark.parametrize(("loss", "output", "target"), LOSSES_WITH_NUMBERS, ids=lambda one: str(one)[:20])
def test_a_loss_has_its_numbers_put_in(loss, output, target, m):
    m = max(m, 2) if output == "softmax" else m
    run = pl.Network([3, 4, m], "tanh", output, seed=m).backprop([0.5, -1, 2], target(m), loss)
    found = run.explain("L", digits=15)
    assert worked_out(found.steps[1][0]) == pytest.approx(run.loss, rel=1e-12, abs=1e-12)
    assert balanced(found.latex)


def test_of_many_outputs_the_middle_of_the_loss_is_left_out():
    run = pl.Network([3, 12], "identity", seed=0).backprop([0.5, -1, 2], np.ones(12))
    assert run.explain("L").steps[1][0].count("^2") == 4
    assert "…" in run.explain("L").steps[1][0]


@pytest.mark.parametrize("weights", [None, [1, 2, 4, 0.5, 3]])
@pytest.mark.parametrize("penalty", [{}, {"l2": 0.3}, {"l1": 0.2}, {"l1": 0.02, "l2": 0.1}])
def test_a_total_loss_can_be_worked_out_again(weights, penalty):
    rng = np.random.default_rng(0)
    net = pl.Network([3, 4, 2], "tanh", seed=0)
    run = net.backprop(rng.normal(size=(5, 3)), rng.random((5, 2)), sample_weight=weights, **penalty)
    assert worked_out(run.explain("L", digits=15).steps[1][0]) == pytest.approx(run.loss, rel=1e-12)
    for text in (run.text, " ".join(run.document().text.split())):
        assert "L_5 = " in text
        assert ("s_5 = " in text) == (weights is not None)
        assert ("λ" in text) == bool(penalty)


def test_a_loss_of_a_single_sample_with_a_penalty_can_be_worked_out_again():
    run = pl.Network([3, 2], seed=0).backprop([0.5, -1, 2], [1, 0], l2=0.3, l1=0.1)
    assert worked_out(run.explain("L", digits=15).steps[1][0]) == pytest.approx(run.loss, rel=1e-12)


def test_what_a_user_made_without_a_formula_is_called_user_made():
    act = pl.Activation("own", np.tanh, lambda z: 1 - np.tanh(z) ** 2)
    loss = pl.Loss("quartic", lambda a, y: ((a - y) ** 4).sum(axis=-1), lambda a, y: 4 * (a - y) ** 3)
    run = pl.Network([2, 2], act, seed=0).backprop([1, 2], [0, 1], loss)
    for text in (run.text, run.document().text, run.latex):
        assert "user-made" in text
        assert "σ(z) = σ(z)" not in text
        assert r"\sigma(z) = \sigma(z)" not in text
    assert "∂L/∂0" not in run.explain("d_1^2").text
    cube = pl.Activation("cube", lambda z: z**3, lambda z: 3 * z**2, formula="z^3", derivative_formula="3 z^2")
    shown = pl.Network([2, 2], cube, seed=0).backprop([1, 2], [0, 1])
    for text in (shown.text, shown.document().text):
        assert "= z^3" in text


def test_a_zero_has_no_sign():
    assert repr(pl.Network([2, 1], seed=0).backprop([-0.0, 1], [1]).explain("a_1^1")) == "<Explanation: a_1^1 = 0.0>"


# What is refused.


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"symbol": "w_51^2"}, r"w_51\^2: j = 5, but layer 2 has 4 neurons"),
        ({"symbol": "w_14^2"}, r"k = 4, but layer 1 has 3 neurons"),
        ({"symbol": "b_3^3"}, "j = 3, but layer 3 has 2 neurons"),
        ({"symbol": "z_1^4", "sample": 1}, "there is no layer 4"),
        ({"symbol": "z_1^1", "sample": 1}, "layer 1 is the input"),
        ({"symbol": "a_1^0", "sample": 1}, "count from 1"),
        ({"symbol": "q"}, "is not a label"),
        ({"symbol": ""}, "is not a label"),
        ({"symbol": "z_1"}, "is not a label"),
        ({"symbol": "w_1^2"}, "a weight has two indices"),
        ({"symbol": "b_12,3^2"}, "is not a label"),
        ({"symbol": "w"}, "w needs layer and j and k"),
        ({"symbol": "z", "layer": 2}, "z needs layer and j"),
        ({"symbol": "b", "j": 1}, "b needs layer and j"),
        ({"symbol": "w", "layer": 2, "j": 1}, "needs k"),
        ({"symbol": "z", "layer": 2, "j": 1, "k": 1, "sample": 1}, "takes no k"),
        ({"symbol": "z", "layer": 2, "j": 0, "sample": 1}, "count from 1"),
        ({"symbol": "z", "layer": 2, "j": 1.0, "sample": 1}, "whole numbers"),
        ({"symbol": "z_1^2", "sample": 0}, "sample = 0: the record holds samples 1 … 3"),
        ({"symbol": "z_1^2", "sample": 4}, "sample = 4: the record holds samples 1 … 3"),
        ({"symbol": "z_1^2", "sample": -1}, "sample = -1"),
        ({"symbol": "z_1^2", "sample": 1.5}, r"sample = 1\.5"),
        ({"symbol": "L", "sample": 4}, "sample = 4"),
    ],
    ids=str,
)
def test_what_the_record_does_not_hold_is_refused_as_an_unknown_label(arguments, says):
    run = a_batch("tanh-identity-mse")
    with pytest.raises(pl.UnknownLabelError, match=says) as caught:
        run.explain(**arguments)
    assert isinstance(caught.value, KeyError)


@pytest.mark.parametrize("number", [np.int64, np.uint8])
def test_a_sample_may_be_a_whole_number_of_numpy(number):
    run = a_batch("tanh-identity-mse")
    assert run.explain("d_1^2", sample=number(2)).text == run.explain("d_1^2", sample=2).text
    assert run.explain("w_13^2", sample=number(2)).text == run.explain("w_13^2", sample=2).text


@pytest.mark.parametrize("symbol", ["z", "a", "d"])
def test_a_batch_asks_which_sample_is_meant(symbol):
    run = a_batch("tanh-identity-mse")
    with pytest.raises(ValueError, match=rf"{symbol}_1\^2 differs from sample to sample: give sample = 1 … 3"):
        run.explain(symbol, layer=2, j=1)


def test_one_input_has_no_samples_to_name():
    with pytest.raises(pl.UnknownLabelError, match="one input, without samples"):
        one_input("tanh-identity-mse").explain("z_1^2", sample=1)


@pytest.mark.parametrize("extra", [{"layer": 3}, {"j": 2}, {"k": 1}, {"layer": 2, "j": 1, "k": 3}], ids=str)
@pytest.mark.parametrize("symbol", ["w_13^2", "L"])
def test_a_whole_label_takes_no_second_layer_or_neuron(symbol, extra):
    with pytest.raises((pl.UnknownLabelError, ValueError, TypeError), match=r"layer|j|k"):
        one_input("tanh-identity-mse").explain(symbol, **extra)
