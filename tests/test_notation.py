import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid import Label, UnknownLabelError
from pellucid.notation import FIRST_LAYER, SYMBOLS, parse, parse_partial

indices = st.one_of(st.integers(1, 12), st.integers(1, 10**6))


@st.composite
def labels(draw):
    symbol = draw(st.sampled_from(sorted(SYMBOLS)))
    layer = draw(st.integers(FIRST_LAYER[symbol], 120))
    return Label(symbol, layer, draw(indices), draw(indices) if symbol == "w" else None)


@given(labels())
def test_a_label_is_read_back_from_its_text_and_its_latex(label):
    for written in (label.text, str(label), label.latex, f"${label.latex}$", f"  $ {label.text} $ "):
        assert parse(written) == label


@given(labels())
def test_subscript_and_superscript_may_change_places(label):
    assert parse(f"{label.symbol}^{{{label.layer}}}_{{{label.subscript}}}") == label


@given(labels(), labels())
def test_two_labels_have_one_text_only_if_they_are_equal(first, second):
    assert (first.text == second.text) == (first == second) == (first.latex == second.latex)


@given(labels())
def test_the_index_is_the_position_in_an_array_and_counts_from_zero(label):
    assert label.index == ((label.j - 1, label.k - 1) if label.symbol == "w" else (label.j - 1,))


@pytest.mark.parametrize(
    ("label", "text", "latex"),
    [
        (Label("w", 3, 2, 4), "w_24^3", "w_{24}^{3}"),
        (Label("w", 3, 2, 14), "w_{2,14}^3", "w_{2,14}^{3}"),
        (Label("w", 3, 14, 2), "w_{14,2}^3", "w_{14,2}^{3}"),
        (Label("w", 12, 9, 9), "w_99^{12}", "w_{99}^{12}"),
        (Label("b", 3, 2), "b_2^3", "b_{2}^{3}"),
        (Label("z", 2, 14), "z_{14}^2", "z_{14}^{2}"),
        (Label("a", 1, 1), "a_1^1", "a_{1}^{1}"),
        (Label("d", 10, 3), "d_3^{10}", "d_{3}^{10}"),
    ],
)
def test_a_label_is_written_as_the_textbook_writes_it(label, text, latex):
    assert label.text == text
    assert label.latex == latex


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("w_{24}^3", Label("w", 3, 2, 4)),
        ("w^3_24", Label("w", 3, 2, 4)),
        ("w_{ 2 , 4 }^{ 3 }", Label("w", 3, 2, 4)),
        ("$w^{3}_{24}$", Label("w", 3, 2, 4)),
        ("b_12^3", Label("b", 3, 12)),
        ("b_2^13", Label("b", 13, 2)),
    ],
)
def test_other_spellings_are_read(text, label):
    assert parse(text) == label


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("w_2^3", "w_2.*has two indices, j and k; one is missing"),
        ("w_123^2", r"separate them by a comma, as in w_\{1,23\}\^2"),
        ("b_{1,2}^3", "has two indices, but only weights have two"),
        ("w_01^2", "j = 0"),
        ("a_0^1", "j = 0"),
        ("a_1^0", "layer = 0"),
        ("w_11^1", "layer 1 is the input and has no weight: w starts at layer 2"),
        ("b_1^1", "layer 1 is the input and has no bias: b starts at layer 2"),
        ("z_1^1", "layer 1 is the input and has no pre-activation"),
        ("d_1^1", "layer 1 is the input and has no delta"),
        ("x_1^2", "unknown symbol 'x'; the symbols are w, b, z, a, d"),
        ("V_11^2", "unknown symbol 'V'"),
        ("", "is not a label; labels look like w_24"),
        ("w", "is not a label"),
        ("w_24", "is not a label"),
        ("w^3", "is not a label"),
        ("w_{24^3", "is not a label"),
        ("w_-24^3", "is not a label"),
        ("w_24^3 w_24^3", "is not a label"),
        ("w_1,4^3", "is not a label"),
    ],
)
def test_what_is_no_label_is_refused_with_the_reason(text, message):
    with pytest.raises(UnknownLabelError, match=message):
        parse(text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("w", 3, 2), "the weight w needs k, the neuron of the layer before"),
        (("b", 3, 2, 1), "the bias b takes no k"),
        (("a", 1, 0), "j = 0: layers and neurons are whole numbers that count from 1"),
        (("w", 2, 1, 0), "k = 0"),
        (("a", -1, 1), "layer = -1"),
        (("a", 1, 2.0), r"j = 2\.0"),
        (("a", True, 1), "layer = True"),
        (("a", 1, "2"), "j = '2'"),
        (("q", 2, 1), "unknown symbol 'q'"),
    ],
)
def test_a_label_that_cannot_be_is_refused(arguments, message):
    with pytest.raises(UnknownLabelError, match=message):
        Label(*arguments)


def test_an_unknown_label_is_a_key_error_that_shows_its_message_plainly():
    with pytest.raises(KeyError) as caught:
        parse("q_1^2")
    assert str(caught.value).startswith("unknown symbol")


def test_equal_labels_are_one_key():
    assert {Label("w", 3, 1, 2): "first", parse("w_{1,2}^{3}"): "second"} == {Label("w", 3, 1, 2): "second"}


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("∂L/∂w_13^2", "w_13^2"), ("dL/dw_13^2", "w_13^2"), ("∂L/∂W_{1,13}^{12}", "w_{1,13}^{12}"),
        ("∂L / ∂b^{3}_{2}", "b_2^3"), ("∂L_T/∂b_2^3", "b_2^3"), ("$∂L/∂w_{13}^{2}$", "w_13^2"),
        (r"\frac{\partial L}{\partial w_{13}^{2}}", "w_13^2"), (r"$\dfrac{\partial L}{\partial w^2_{13}}$", "w_13^2"),
        (r"\partial L/\partial b_1^2", "b_1^2"), ("∂L/∂z_2^3", "d_2^3"), (r"\frac{dL}{dz_2^3}", "d_2^3"),
    ],
)  # fmt: skip
def test_a_partial_is_read_as_the_label_that_it_is_of(text, label):
    assert parse_partial(text) == parse(label)


@pytest.mark.parametrize("text", ["w_13^2", "d_1^2", "L", "", "∂L", "∂w_13^2", "L/w_13^2", "d_1^2/d_2^2"])
def test_what_is_not_a_partial_is_none(text):
    assert parse_partial(text) is None


@pytest.mark.parametrize("text", ["∂L/∂a_1^2", "∂L/∂d_1^2", "∂L/∂w_13^1", "∂L/∂q_1^2", "∂L/∂w"])
def test_a_partial_of_something_else_is_refused(text):
    with pytest.raises(UnknownLabelError):
        parse_partial(text)


@pytest.mark.parametrize(("text", "label"), [("W_13^2", "w_13^2"), ("δ_1^2", "d_1^2"), (r"$\delta_1^{2}$", "d_1^2")])
def test_symbols_of_other_books(text, label):
    assert parse(text) == parse(label)
