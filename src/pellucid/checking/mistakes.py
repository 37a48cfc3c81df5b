"""The table of mistakes in hand-written backpropagation: the messages and the documentation are made from it.

Equations are written once, as text, in which ⟦…⟧ marks the factor that the mistake touches and ``<l>``, ``<l+1>``,
``<l-1>`` and ``<F>`` stand for layers; `equation_text` and `equation_latex` fill them in.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pellucid.described import Brief
from pellucid.results import Result

if TYPE_CHECKING:
    from pellucid.document import Document


@dataclass(frozen=True, repr=False)
class Mistake(Brief, Result):
    """A row of the table.

    Parameters
    ----------
    row : str
        Its number, by which messages and documentation name it.
    name : str
        What is wrong, in a few words.
    step : int
        Of the five steps, the one it happens in; 0 for the calls around them.
    right, wrong : str
        The equation as it must be, with the touched factor marked, and as the mistake computes it.
    looks : str
        What it looks like in the numbers.
    why : str
        How it comes about.
    repair : str
        What to write instead.
    is_mistake : bool
        False for what looks like a mistake and is right.
    forms : mapping
        By fault, (right, wrong) where a fault that belongs to the row touches another equation.
    """

    row: str
    name: str
    step: int
    right: str
    wrong: str
    looks: str
    why: str
    repair: str
    is_mistake: bool = True
    forms: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def page(self) -> str:
        """The name of its page in the documentation."""
        return f"mistake-{self.row}"

    @property
    def text(self) -> str:
        """Its page as plain text."""
        parts = (
            ("right", equation_text(self.right)),
            ("wrong", equation_text(self.wrong)),
            ("looks", self.looks),
            ("why", self.why),
            ("repair", self.repair),
        )
        lines = [f"[{self.row}] {self.name}", *([] if self.is_mistake else ["    This is right, and never blamed."])]
        for name, words in parts:
            lines += textwrap.wrap(words, 100, initial_indent=f"    {name:<8}", subsequent_indent=" " * 12)
        return "\n".join(lines)

    def document(self) -> Document:
        """Return its page as a document."""
        from pellucid.document import Document, Equation, Heading, Paragraph, escape

        equations = Equation(
            (
                rf"\text{{right:}}\quad & {equation_latex(self.right)}",
                rf"\text{{wrong:}}\quad & {equation_latex(self.wrong)}",
            ),
            (f"right: & {equation_text(self.right)}", f"wrong: & {equation_text(self.wrong)}"),
        )
        blame = () if self.is_mistake else (Paragraph("This is right, and never blamed.", "good"),)
        sections = (("What it looks like", self.looks), ("Why it happens", self.why), ("The repair", self.repair))
        words = [block for title, told in sections for block in (Heading(2, title), Paragraph(escape(told)))]
        return Document(f"Mistake {self.row}: {self.name}", (*blame, equations, *words))

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON-serializable dict."""
        names = ("row", "name", "step", "looks", "why", "repair", "is_mistake")
        equations = {"right": equation_text(self.right), "wrong": equation_text(self.wrong)}
        return {name: getattr(self, name) for name in names} | equations


_OUTPUT = "d^<F> = ∇_a L ⊙ ⟦σ'(z^<F>)⟧"
_HIDDEN = "d^<l> = ((W^<l+1>)^T d^<l+1>) ⊙ ⟦σ'(z^<l>)⟧"
_WEIGHTS = "∂L/∂W^<l> = (1/n) Σ_i d^<l> ⟦(a^<l-1>)^T⟧"
_BIASES = "∂L/∂b^<l> = ⟦(1/n) Σ_i⟧ d^<l>"
_MEAN = "∂L_T/∂w = ⟦(1/n)⟧ Σ_i ∂L_i/∂w"

_ROWS = (
    Mistake(
        "1",
        "σ' missing at the output",
        3,
        _OUTPUT,
        "d^<F> = ∇_a L",
        "Every layer is wrong, and rebuilding with d^F = ∇_a L gives the same numbers.",
        "The error a - y is taken for the delta. That is right for the pairs of loss and output that collapse "
        "(cross-entropy with "
        "softmax or sigmoid, half squared error with the identity) and for no other.",
        "Multiply ∇_a L by σ'(z^F) before anything else uses it.",
    ),
    Mistake(
        "1b",
        "a - y at the output of a canonical pair",
        3,
        "d^<F> = a^<F> - y",
        "d^<F> = a^<F> - y",
        "No σ'(z^F) is to be seen at the output, and the gradient is right.",
        "For sigmoid with binary cross-entropy, softmax with cross-entropy and identity with half squared error, "
        "σ' cancels: this is "
        "equation (1), simplified.",
        "Nothing: it is right. Adding σ' would be mistake 21.",
        is_mistake=False,
    ),
    Mistake(
        "2",
        "σ' missing in a hidden layer",
        4,
        _HIDDEN,
        "d^<l> = (W^<l+1>)^T d^<l+1>",
        "The output layer is right and the layers below are wrong.",
        "The error is sent back through the weights and taken for the delta.",
        "Multiply (W^{l+1})^T d^{l+1} elementwise by σ'(z^l).",
    ),
    Mistake(
        "3",
        "the raw error is propagated, not the delta",
        4,
        "d^<l> = ((W^<l+1>)^T ⟦d^<l+1>⟧) ⊙ σ'(z^<l>)",
        "d^<l> = ((W^<l+1>)^T e^<l+1>) ⊙ σ'(z^<l>), e = d without its σ'",
        "A layer's own gradient is right and those below it lack that layer's σ'.",
        "Error and delta are kept in two variables, and the wrong one is sent back.",
        "Send d^{l+1} back, after it was multiplied by σ'(z^{l+1}).",
    ),
    Mistake(
        "4",
        "σ' evaluated at a instead of z",
        4,
        "d^<l> = ((W^<l+1>)^T d^<l+1>) ⊙ σ'(⟦z^<l>⟧)",
        "d^<l> = ((W^<l+1>)^T d^<l+1>) ⊙ σ'(a^<l>)",
        "Rebuilding with σ'(σ(z)) gives the same numbers.",
        "A function σ'(z) that applies σ itself is given a, which is σ(z) already.",
        "Give σ' the pre-activation z^l, or use a formula in a, such as a (1 - a), on a.",
    ),
    Mistake(
        "4b",
        "the formula in a is given z",
        4,
        "σ'(z^<l>) = ⟦a^<l>⟧ (1 - ⟦a^<l>⟧) for sigmoid, 1 - (⟦a^<l>⟧)^2 for tanh",
        "z^<l> (1 - z^<l>), or 1 - (z^<l>)^2",
        "Rebuilding with z (1 - z) gives the same numbers. The slope is negative where z > 1.",
        "a (1 - a) is σ'(z) in terms of a = σ(z). Fed with a it is right; fed with z it is no derivative of "
        "anything here.",
        "Put a^l into the formula, or write σ(z) (1 - σ(z)).",
    ),
    Mistake(
        "5",
        "the derivative of another activation",
        4,
        _HIDDEN,
        "d^<l> = ((W^<l+1>)^T d^<l+1>) ⊙ τ'(z^<l>), τ another function",
        "Rebuilding with another activation's derivative gives the same numbers.",
        "The activation was changed in the forward pass and not in the backward pass, or one derivative serves "
        "all layers.",
        "Use the derivative of the very activation that the layer applies.",
    ),
    Mistake(
        "6",
        "σ' overwrites the error instead of multiplying it",
        4,
        "d^<l> = ⟦((W^<l+1>)^T d^<l+1>) ⊙⟧ σ'(z^<l>)",
        "d^<l> = σ'(z^<l>)",
        "The delta holds nothing but values of σ', whatever the target.",
        "An assignment (=) is written where a product (*=) belongs; for a leaky ReLU often only where z < 0.",
        "Multiply: d *= σ'(z).",
    ),
    Mistake(
        "7",
        "a transpose is missing, or one too many",
        4,
        "d^<l> = (⟦(W^<l+1>)^T⟧ d^<l+1>) ⊙ σ'(z^<l>)",
        "d^<l> = (W^<l+1> d^<l+1>) ⊙ σ'(z^<l>)",
        "A shape error; or, where both layers have as many neurons, silently wrong numbers: g = t^T, or W in "
        "place of W^T.",
        "Square matrices accept both products.",
        "Write down the shapes: W^{l+1} is (n_{l+1}, n_l), so only its transpose takes d^{l+1} to n_l numbers. "
        "Test with layers of "
        "different sizes.",
        forms={
            "transposed_gradient": (
                "∂L/∂W^<l> = (1/n) Σ_i ⟦d^<l> (a^<l-1>)^T⟧",
                "∂L/∂W^<l> = (1/n) Σ_i a^<l-1> (d^<l>)^T",
            )
        },
    ),
    Mistake(
        "8",
        "a wrong factor in the gradient of the weights",
        5,
        _WEIGHTS,
        "∂L/∂W^<l> = (1/n) Σ_i d^<l> (another vector)^T",
        "The biases are right and the weights are wrong.",
        "z, the weights themselves, or the layer's own activation are in the place of the activation of the layer "
        "before.",
        "The factor is a_k^{l-1}: what weight w_jk^l was multiplied by in the forward pass.",
    ),
    Mistake(
        "9",
        "a layer index is off by one",
        5,
        _WEIGHTS,
        "∂L/∂W^<l> = (1/n) Σ_i d^<l> (a^<l>)^T, or σ' or W of a neighbour",
        "The numbers match after a shift of l; where the sizes differ, a shape error.",
        "Lists of z, a and W start at different layers, so the same index means different layers in them. Or the "
        "weights are kept with one row more, and the wrong row is cut off on the way back.",
        "Let every list count from the same layer, or name them by layer.",
    ),
    Mistake(
        "10",
        "1/n missing: the sum instead of the mean",
        5,
        _MEAN,
        "Σ_i ∂L_i/∂w",
        "The gradient is n times too large everywhere.",
        "The samples are added and not divided by their number. As a convention it is right for the summed loss; "
        "the learning "
        "rate must then be n times smaller.",
        "Divide by the number of samples in the batch.",
    ),
    Mistake(
        "11",
        "divided by the wrong number, or twice",
        5,
        _MEAN,
        "(1/n) (1/n) Σ_i ∂L_i/∂w, or 1/N of all samples",
        "The gradient is n times too small, or only its biases are.",
        "The mean is taken in the loss and again in the gradient, or a batch is divided by the size of the whole "
        "data set.",
        "Divide once, by the number of samples that were added.",
    ),
    Mistake(
        "12",
        "a factor 2 or 1/2",
        3,
        "∇_a L = ⟦2/m⟧ (a - y) for the mean squared error, a - y for half the squared error",
        "another constant before (a - y), or before λ w",
        "The gradient is twice, half, or m/2 times what it should be, everywhere.",
        "Another convention: half the squared error, or a square differentiated without its 2. Harmless if loss "
        "and gradient agree.",
        "Differentiate the loss that is reported; or name the one that was meant, half_squared_error.",
    ),
    Mistake(
        "13",
        "a factor n_outputs",
        3,
        "∇_a L = ⟦2/m⟧ (a - y), m the number of outputs",
        "2 (a - y)",
        "The gradient is m times too large (or small) everywhere.",
        "The loss is a mean over the outputs and the gradient belongs to their sum, or the other way round.",
        "Take the mean over the outputs in both or in neither.",
    ),
    Mistake(
        "14",
        "the gradient of the biases (or weights) is forgotten",
        5,
        "∂L/∂b^<l> = ⟦(1/n) Σ_i d^<l>⟧",
        "0",
        "It is 0, or not returned at all.",
        "The array is created and never filled, or only the weights are updated.",
        "The delta itself is the gradient of the bias: its mean over the samples.",
    ),
    Mistake(
        "15",
        "the biases' gradient is not summed over the batch, or over the wrong axis",
        5,
        _BIASES,
        "the deltas of all samples, of one sample, one number for all neurons, or sums of ∂L/∂W^<l>",
        "One row per sample, all entries equal, or right at n = 1 alone.",
        "A sum lacks its axis, has the other one, or is that of the weights' gradient.",
        "Sum over the samples and nothing else: d.mean(axis=0) where samples are rows, axis=1 where they are columns.",
    ),
    Mistake(
        "16",
        "the bias itself instead of its gradient",
        5,
        "∂L/∂b^<l> = (1/n) Σ_i ⟦d^<l>⟧",
        "b^<l>",
        "The gradient of the biases equals the biases.",
        "A slip of a name.",
        "Return the mean of d^l.",
    ),
    Mistake(
        "17",
        "weights are updated before the delta goes through them",
        4,
        "d^<l> = (⟦(W^<l+1>)^T⟧ d^<l+1>) ⊙ σ'(z^<l>)",
        "W^<l+1> - η ∂L/∂W^<l+1> in place of W^<l+1>",
        "The top layer is right; the error below it shrinks with the learning rate.",
        "The update is made inside the loop over the layers; or inside the loop over the samples, so that each sample "
        "meets other weights.",
        "Compute every delta first, then update; or keep the old weights for the product.",
    ),
    Mistake(
        "18",
        "gradients are not reset between calls",
        0,
        "g = ⟦∇L_T⟧ of this call",
        "g = ∇L_T of this call and of those before",
        "The second call on the same samples returns twice the gradient.",
        "Gradients are added to arrays that live longer than one call.",
        "Start each call from zeros.",
    ),
    Mistake(
        "18b",
        "only some samples reach the gradient",
        5,
        "∂L_T/∂w = (1/n) ⟦Σ_i⟧ ∂L_i/∂w",
        "∂L_n/∂w",
        "The gradient is that of one sample (the last, most often), or leaves samples out.",
        "It is reset, or overwritten, inside the loop over the samples.",
        "Reset before the loop and add inside it.",
    ),
    Mistake(
        "19",
        "paths are lost where a neuron feeds several others",
        4,
        "d_j^<l> = (⟦Σ_k⟧ w_kj^<l+1> d_k^<l+1>) σ'(z_j^<l>)",
        "d_j^<l> = w_kj^<l+1> d_k^<l+1> σ'(z_j^<l>) for one k",
        "Wrong only where a neuron has several successors.",
        "= stands where += belongs, so the last path overwrites the others (the multivariable chain rule).",
        "Add up the contributions of all neurons of layer l+1.",
    ),
    Mistake(
        "20",
        "softmax applied twice",
        2,
        "a^<F> = ⟦softmax(z^<F>)⟧",
        "softmax(softmax(z^<F>))",
        "The outputs never get near 0 or 1, and the loss stays above a floor.",
        "The network ends in softmax and the loss applies it again.",
        "Apply it once: give the loss z^F, or probabilities to a loss that takes them.",
    ),
    Mistake(
        "21",
        "σ' once too often, or softmax's Jacobian taken as diagonal",
        3,
        "d^<F> = ⟦a^<F> - y⟧ for softmax with cross-entropy",
        "d^<F> = (a^<F> - y) ⊙ a^<F> (1 - a^<F>)",
        "The ratio to the right delta is a_j (1 - a_j) in each output.",
        "The collapsed delta a - y contains σ' already; or the terms j ≠ k of ∂a_j/∂z_k = a_j (δ_jk - a_k) are "
        "left out.",
        "With cross-entropy use a - y as it is; with another loss multiply by the whole Jacobian.",
    ),
    Mistake(
        "22",
        "the sign is turned",
        3,
        "∇_a L = ⟦a - y⟧ (times a constant)",
        "y - a",
        "The gradient is the negative of the right one.",
        "y - a together with an update that subtracts.",
        "Use a - y and subtract, or y - a and add; the gradient of the loss is the first.",
    ),
    Mistake(
        "23",
        "the penalty is missing, misplaced or of another size",
        5,
        "∂L/∂W^<l> = … + ⟦λ₂ W^<l> + λ₁ sign(W^<l>)⟧",
        "no such term, one on the biases, or one divided by n",
        "The difference is parallel to the weights (or biases) and vanishes at λ = 0.",
        "The penalty is added to the loss and not to the gradient, or goes through the mean over the samples.",
        "Add λ₂ W + λ₁ sign(W) once, after the mean over the samples, to the weights and not to the biases.",
    ),
    Mistake(
        "24",
        "dropout's mask or its factor is missing in the backward pass",
        4,
        "d^<l> = ((W^<l+1>)^T d^<l+1>) ⊙ σ'(z^<l>) ⊙ ⟦mask/(1 - p)⟧",
        "without the mask, without 1/(1 - p), or with 1/p",
        "Neuron by neuron the ratio is 0 or 1, or a constant 1/(1 - p).",
        "The forward pass multiplies by the mask and the backward pass does not, or the other way round.",
        "Multiply the delta by the same numbers as the activation, drawn once.",
    ),
    Mistake(
        "25",
        "the stored z is really a",
        2,
        "z^<l> = ⟦W^<l> a^<l-1> + b^<l>⟧",
        "z^<l> holds σ(z^<l>)",
        "The same numbers as σ' at a (mistake 4); the lists of z and a hold the same arrays.",
        "The activation is applied in place, or the list of z gets the array that is overwritten later.",
        "Store z before the activation, as an array of its own.",
    ),
    Mistake(
        "26",
        "the activation is applied twice",
        2,
        "a^<l> = ⟦σ(z^<l>)⟧",
        "a^<l> = σ(σ(z^<l>))",
        "The forward values differ from the reference, though the gradient may fit them.",
        "A layer applies σ, and the loop over the layers again.",
        "Apply σ once for each layer.",
    ),
    Mistake(
        "27",
        "(n,) against (n, 1): every output meets every target",
        3,
        "∇_a L = 2 (a_i - ⟦y_i⟧)",
        "Σ_k 2 (a_i - y_k) over all samples k",
        "The loss is over n × n pairs, and the network learns the mean of y.",
        "An array of shape (n,) and one of shape (n, 1) broadcast to (n, n): in the difference of output and target, "
        "or in the product of error and slope.",
        "Give both the same shape: y.reshape(-1, 1).",
    ),
    Mistake(
        "28",
        "the gradient of another loss",
        3,
        "d^<F> = ⟦∇_a L⟧ ⊙ σ'(z^<F>)",
        "∇_a of another loss",
        "The gradient is right for a loss that is not the one reported.",
        "The loss was changed and its gradient was not.",
        "Differentiate the loss that is reported.",
    ),
    Mistake(
        "29",
        "all weights of a layer are equal",
        0,
        "W^<l> with ⟦different rows⟧",
        "equal rows",
        "Hidden neurons have the same gradient and stay copies of each other.",
        "The weights start at 0 or at one constant.",
        "Draw them at random (the gradient itself is right).",
        is_mistake=False,
    ),
    Mistake(
        "30",
        "right, but saturated",
        4,
        _HIDDEN,
        "σ'(z^<l>) ≈ 0",
        "The gradient is right and almost 0, as some |z| are large.",
        "Inputs or weights are too large for the activation.",
        "Scale the inputs, or start from smaller weights.",
        is_mistake=False,
    ),
    Mistake(
        "31",
        "inputs, targets or parameters are changed in place",
        0,
        "X, y and W, b ⟦as they were⟧",
        "overwritten by the function",
        "Right at the first call, wrong at the second on the same arrays.",
        "An operation such as -= or out= works on the caller's arrays.",
        "Copy what is to be changed.",
    ),
    Mistake(
        "32",
        "the bias is left out in the forward pass",
        2,
        "z^<l> = W^<l> a^<l-1> ⟦+ b^<l>⟧",
        "z^<l> = W^<l> a^<l-1>",
        "z differs from the reference by b.",
        "The bias is forgotten.",
        "Add b^l.",
    ),
    Mistake(
        "33",
        "another activation in the forward pass",
        2,
        "a^<l> = ⟦σ⟧(z^<l>)",
        "a^<l> = τ(z^<l>), τ another function",
        "The forward values are those of another activation, or of none.",
        "A layer's activation was forgotten or mixed up with another's.",
        "Apply the activation that the network names.",
    ),
    Mistake(
        "34",
        "means are multiplied instead of products averaged",
        5,
        "∂L/∂W^<l> = ⟦(1/n) Σ_i (d^<l> (a^<l-1>)^T)⟧",
        "((1/n) Σ_i d^<l>) ((1/n) Σ_i a^<l-1>)^T",
        "Right for one sample, wrong for a batch.",
        "Deltas and activations are averaged before their product is taken.",
        "Multiply sample by sample, then average.",
    ),
    Mistake(
        "35",
        "the weights of the samples are ignored or normalised otherwise",
        5,
        "∂L_T/∂w = Σ_i ⟦(w_i / Σ w)⟧ ∂L_i/∂w",
        "(1/n) Σ_i ∂L_i/∂w",
        "The gradient is that of equally weighted samples, or a constant times the right one.",
        "The weights are left out, or divided by n in place of their sum.",
        "Weight each sample by w_i / Σ w.",
    ),
    Mistake(
        "36",
        "the weights are missing on the way back",
        4,
        "d^<l> = (⟦(W^<l+1>)^T⟧ d^<l+1>) ⊙ σ'(z^<l>)",
        "d^<l> = d^<l+1> ⊙ σ'(z^<l>)",
        "Layers below are wrong although σ' is there.",
        "The delta is handed down as it is.",
        "Multiply by (W^{l+1})^T.",
    ),
    Mistake(
        "37",
        "a constant factor",
        5,
        "g = ⟦1⟧ · ∇L_T",
        "g = c ∇L_T",
        "The gradient is a constant times the right one, and the constant is none that has a name here.",
        "A learning rate, a keep probability, or another constant got into the gradient.",
        "Look for where that number occurs in the code.",
    ),
    Mistake(
        "38",
        "the function raises, or returns no gradient",
        0,
        "f(network, X, y) ⟦= ∇L_T⟧",
        "no gradient",
        "There are no numbers to compare.",
        "An exception names the line that raised it; without one, nothing that is a gradient came back.",
        "Mend that line, or return the arrays ∂L/∂W^l and ∂L/∂b^l of all layers.",
    ),
    Mistake(
        "39",
        "the activation, or its derivative, is applied to the error",
        4,
        "d^<l> = ((W^<l+1>)^T d^<l+1>) ⟦⊙ σ'(z^<l>)⟧",
        "d^<l> = σ'((W^<l+1>)^T d^<l+1>), or σ of it",
        "The layers above are right. Below, the delta is not proportional to the error: twice the error does not give "
        "twice the gradient.",
        "The backward function of a layer is written like its forward function and is given only what arrives from "
        "above. For ReLU, max(0, error) looks much like the right (z > 0) · error.",
        "Keep z^l of the forward pass, take σ' of it, and multiply what arrives from above by that.",
    ),
    Mistake(
        "40",
        "softmax over the wrong axis",
        2,
        "a_j^<F> = exp(z_j^<F>) / ⟦Σ_k⟧ exp(z_k^<F>) for each sample",
        "divided by a sum over the samples, or over everything",
        "The outputs of one sample do not add up to 1, and depend on the other samples of the batch. With a batch of "
        "one sample it is right, or all outputs are 1.",
        "A sum lacks its axis, or has that of the samples; a function written for one sample is given a batch.",
        "Sum over the outputs of each sample: axis=1 with keepdims=True where samples are rows, axis=0 where they are "
        "columns.",
    ),
    Mistake(
        "41",
        "the gradient is clipped",
        5,
        "g = ⟦∇L_T⟧",
        "g = ∇L_T cut off at ± a bound, or scaled down to a norm",
        "Several partials are the same largest number; or arrays are scaled down to one norm, each by its own factor.",
        "Clipping is part of a training step and was left in the function that computes the gradient.",
        "Return the gradient, and clip where the weights are updated. Where clipping is meant, check without it.",
    ),
    Mistake(
        "42",
        "the gradient of the biases is a constant",
        5,
        "∂L/∂b^<l> = (1/n) Σ_i ⟦d^<l>⟧",
        "one number that does not depend on the deltas",
        "All entries are equal, and the same for other samples.",
        "The input of the bias, which is 1, is taken for its gradient, or the array keeps the numbers it started with.",
        "Return the mean of d^l: the derivative 1 of z with respect to b is multiplied by the delta.",
    ),
    Mistake(
        "43",
        "the numbers are drawn at random in each call",
        0,
        "f(network, X, y) ⟦= ∇L_T⟧",
        "other numbers in each call on the same samples",
        "Calls on the same samples differ, and not by adding up.",
        "A mask, a sample or the parameters are drawn inside the function without a fixed seed.",
        "Draw outside the function and hand the numbers over, or fix the seed in each call.",
    ),
)

MISTAKES: Mapping[str, Mistake] = {row.row: row for row in _ROWS}
"""The table, by row."""


def equation_text(equation: str, layer: int | None = None, F: int | None = None) -> str:
    """Fill in the layers: numbers if they are known, letters without."""

    def fill(match: re.Match[str]) -> str:
        if match[1] == "F":
            return "F" if F is None else str(F)
        if layer is None:
            return match[1] if len(match[1]) == 1 else f"{{{match[1]}}}"
        return str(layer + int(match[1][1:] or 0))

    return re.sub(r"<(l[+-]?\d?|F)>", fill, equation)


_LATEX = (
    (r"⟦", r"\\boxed{"),
    (r"⟧", "}"),
    (r"⊙", r"\\odot "),
    (r"σ", r"\\sigma"),
    (r"τ", r"\\tau"),
    (r"η", r"\\eta "),
    (r"∇_a L", r"\\nabla_a L"),
    (r"∇_a", r"\\nabla_a"),
    (r"∇L_T", r"\\nabla L_T"),
    (r"Σ_(\w)", r"\\sum_\1 "),
    (r"Σ w", r"\\sum w"),
    (r"∂", r"\\partial "),
    (r"λ₁", r"\\lambda_1"),
    (r"λ₂", r"\\lambda_2"),
    (r"λ", r"\\lambda "),
    (r"·", r"\\cdot "),
    (r"≈", r"\\approx "),
    (r"…", r"\\dots "),
    (r"δ_jk", r"\\delta_{jk}"),
    (r"≠", r"\\ne "),
    (r"×", r"\\times "),
    (r"\bw_(\w\w)\b", r"w_{\1}"),
    (r"\^(\d\d+)", r"^{\1}"),
    (r"([A-Za-z])_(\w)\^(\{[^}]*\}|\w)", r"\1_{\2}^{\3}"),
    (r"([a-z]\^(?:\w|\{[^}]*\}))\^T", r"(\1)^T"),
)
_WORDS = re.compile(r"(?<![A-Za-z_^])[a-z]{2,}(?:,? (?:a )?[a-z]{2,}|-[a-z]{2,})*")


def equation_latex(equation: str, layer: int | None = None, F: int | None = None) -> str:
    """Write the equation as LaTeX, the marked factor boxed."""
    text = _WORDS.sub(lambda match: rf"\text{{ {match[0]} }}", equation_text(equation, layer, F))
    for pattern, replacement in _LATEX:
        text = re.sub(pattern, replacement, text)
    return text
