"""Grading: other spellings are right, wrong answers are not, mistakes are named, one broken file stops no other."""

import contextlib
import csv
import io
import json
import math
import os
import time

import pytest

from pellucid import worksheet as ws
from pellucid.errors import DataFileError, FormulaError
from pellucid.worksheet.judging import judge
from pellucid.worksheet.written import read_entries

RIGHT = {
    (1, "df/dx"): [
        "8*(15x^2-1)*(5x^3-x-1)", "8(5x³ - x - 1)(15x² - 1)", "(40x^3 - 8x - 8)(15x^2-1)", "8 f1 (15x^2 - 1)",
        r"$8\left(5x^3-x-1\right)\left(15x^2-1\right)$", "df/dx = 8(5x^3-x-1)(15x^2-1)", "600x^5 - 160x^3 - 120x^2 + 8x + 8",
        "8*(f2 - 2)*(15*x**2 - 1)", "8(5𝑥³ − 𝑥 − 1)(15𝑥² − 1)", r"\[8(5x^3-x-1)(15x^2-1)\]", "8[5x^3-x-1](15x^2-1).",
    ],
    (2, "df/du"): [
        "6x^2 cos u + v e^{uv}", "6*x**2*cos(u)+v*exp(u*v)", r"6x^2\cos u+v\,e^{uv}", "6(sin u + cos v)^2 cos(u) + v e^(uv)",
    ],
    (3, "layer 1"): ["a_1^1, a_2^1, a_3^1", ["a_1^1", "a_2^1", "a_3^1"], "(a^1_1; a^1_2; a^1_3)", "a_1^1 a_2^1 a_3^1", "a_1^1\na_2^1\na_3^1", "a_1^{(1)}, a_2^{(1)}, a_3^{(1)}", "a1^1, a2^1, a3^1", r"a_{1}^{1}, a_{2}^{1}, a_{3}^{1}"],
    (4, "W^3"): [
        "[w_11^3, w_12^3, w_13^3, w_14^3; w_21^3, w_22^3, w_23^3, w_24^3]",
        [["w_11^3", "w_12^3", "w_13^3", "w_14^3"], ["w_21^3", "w_22^3", "w_23^3", "w_24^3"]],
        r"\begin{pmatrix} w_{11}^3 & w_{12}^3 & w_{13}^3 & w_{14}^3 \\ w_{21}^3 & w_{22}^3 & w_{23}^3 & w_{24}^3 \end{pmatrix}",
        "((w_11^3, w_12^3, w_13^3, w_14^3), (w_21^3, w_22^3, w_23^3, w_24^3))",
        ["w_11^3, w_12^3, w_13^3, w_14^3", "w_21^3, w_22^3, w_23^3, w_24^3"], "w11^3 w12^3 w13^3 w14^3\nw21^3 w22^3 w23^3 w24^3",
        r"\left(\begin{array}{cccc} w_{11}^3 & w_{12}^3 & w_{13}^3 & w_{14}^3 \\ w_{21}^3 & w_{22}^3 & w_{23}^3 & w_{24}^3 \end{array}\right)",
    ],
    (4, "b^3"): ["(b_1^3, b_2^3)", "(b_1^3, b_2^3)^T", r"\begin{pmatrix} b_1^3 \\ b_2^3 \end{pmatrix}", [["b_1^3"], ["b_2^3"]]],
    (5, "z_1^2"): ["b_1^2 + w_11^2 a_1^1 + w_12^2 a_2^1 + w_13^2 a_3^1", "w₁₁² a₁¹ + w₁₂² a₂¹ + w₁₃² a₃¹ + b₁²", "w_{11}^{(2)} a_1^{(1)} + w_{12}^{(2)} a_2^{(1)} + w_{13}^{(2)} a_3^{(1)} + b_1^{(2)}", "w_11^2 x_1 + w_12^2 x_2 + w_13^2 x_3 + b_1^2"],
    (6, "dz_j^l/dw_jk^l"): ["a_k^{l-1}", "a_k^(l-1)", r"a_{k}^{l-1}", "a_k^{(l-1)}", "aₖ^{l-1}", "aₖˡ⁻¹"],
    (6, "dz_4^2/dw_43^2"): ["a_3^1", "x_3"],
    (7, "u*v"): ["(0, 2, 5, 18)", "[0,2,5,18]", "0; 2; 5; 18", [0, 2, 5, 18], "0 2 5 18", "(0, 2, 5, 18)^T", "(0; 4/2; 5,0; 18)", "(0, 2, 5, 18)ᵀ", r"(0,2,5,18)^{\mathsf T}", "⟨0, 2, 5, 18⟩", "[0, 2, 5, 18,]"],
    (8, "grad L_T"): ["(2, -1, 2)", [2.0, -1.0, 2.0], "1/4 (8) , -1, 2", "1/4 (8, -4, 8)", "(8, -4, 8)/4", r"\frac{1}{4}\begin{pmatrix}8\\-4\\8\end{pmatrix}"],
    (9, "σ'"): ["σ(z)(1-σ(z))", "e^{-z}/(1+e^{-z})^2", r"\sigma(z)(1-\sigma(z))", "σ(1-σ)", "sigmoid(z)(1-sigmoid(z))", r"\sigma{(z)}(1-\sigma{(z)})", "σ'(z) = σ(z)(1-σ(z))", "e^z/(1+e^z)^2", "σ(z)σ(-z)", "σ(z) - σ(z)^2", "1/(2 + e^z + e^(-z))"],
    (10, "σ'"): [
        "1 if z > 0; 0 if z < 0", "piecewise((1, z > 0), (0, z < 0))", "1 if z > 0 else 0",
        "σ'(z) = 1 if z > 0 else 0", "1, z > 0; 0, z < 0", "0, if z < 0; 1, if z > 0", "1 if z > 0 and 0 if z < 0", "{1, z>0; 0, z<0}",
        r"\left\{\begin{array}{ll}1 & z>0\\0 & z<0\end{array}\right.", r"\sigma'(z) = \begin{cases}1 & z>0\\0 & z<0\end{cases}",
        r"\begin{cases} 1 & z > 0 \\ 0 & z < 0 \end{cases}", r"\begin{cases} 1, & \text{if } z>0 \\ 0, & \text{if } z\le 0\end{cases}",
    ],
    (11, "dL/da_j"): ["2/m (a_j - y_j)", "(2/m)(a_j-y_j)", "2(a - y)/m", "2(aj-yj)/m", "2(aⱼ − yⱼ)/m", r"\frac{2}{m}(a_j-y_j)", "-2(y_j - a_j)/m"],
    (12, "z_1^2"): ["-0.25", "-0,25", -0.25, "-1/4"],
    (12, "a_1^2"): ["0.438", 0.4378, "0,438", "≈ 0.438", "0.438."],
}  # fmt: skip

WRAPPED = {
    (1, "df/dx"): [
        r"\boxed{8(5x^3-x-1)(15x^2-1)}", r"$$\boxed{\frac{df}{dx} = 8(5x^3-x-1)(15x^2-1)}$$", "`8(5x^3-x-1)(15x^2-1)`",
        r"\begin{align*}\frac{df}{dx} &= 8 f_1 \cdot 1 \cdot (15x^2-1) \\ &= 8(5x^3-x-1)(15x^2-1)\end{align*}",
        r"\begin{equation} 8(5x^3-x-1)(15x^2-1) \tag{1} \end{equation}", r"\begin{aligned}8(5x^3-x-1)(15x^2-1)\\\end{aligned}",
        r"\begin{gather*}8(5x^3-x-1)(15x^2-1)\end{gather*}", r"f' = 8 f_1 f_2' \Rightarrow 8(5x^3-x-1)(15x^2-1)", r"8(5x^3-x-1)(15x^2-1) \\",
        r"8\,(5x^3-x-1)~(15x^2-1)", "8(5x^3-x-1)\u200b(15x^2-1)", r"8\bigl(5x^3-x-1\bigr)\bigl(15x^2-1\bigr)", r"8\left[5x^3-x-1\right](15x^2-1)",
    ],
    (3, "layer 1"): [
        r"a_1^1 \quad a_2^1 \quad a_3^1", "- a_1^1\n- a_2^1\n- a_3^1", "* a_1^1\n* a_2^1\n* a_3^1", r"a_1^1,\, a_2^1,\, a_3^1", "a¹₁, a¹₂, a¹₃",
        r"\{a_1^1, a_2^1, a_3^1\}", r"\mathbf{a_1^1, a_2^1, a_3^1}",
    ],
    (5, "z_1^2"): [r"\boxed{z_1^2 = w_{11}^2 a_1^1 + w_{12}^2 a_2^1 + w_{13}^2 a_3^1 + b_1^2}", "w²₁₁ a¹₁ + w²₁₂ a¹₂ + w²₁₃ a¹₃ + b²₁"],
    (6, "dz_j^l/dw_jk^l"): [r"a_k^{\ell-1}", r"\boxed{a_{k}^{l-1}}"],
    (7, "u*v"): [
        r"(0,\,2,\,5,\,18)", r"(0,\;2,\;5,\;18)", r"\begin{pmatrix}0\\[4pt]2\\[4pt]5\\[4pt]18\end{pmatrix}", r"\langle 0, 2, 5, 18\rangle",
        r"\boxed{(0,2,5,18)^\top}", r"$\boxed{\begin{pmatrix}0\\2\\5\\18\end{pmatrix}}$", "-(0,-2,-5,-18)", r"\left\langle 0, 2, 5, 18\right\rangle",
        r"\left(\begin{array}{*{20}{c}}0\\2\\5\\18\end{array}\right)", r"\begin{equation*}u \odot v = \begin{pmatrix} 0 \\ 2 \\ 5 \\ 18 \end{pmatrix}\end{equation*}",
        r"\begin{bmatrix}0 & 2 & 5 & 18\end{bmatrix}", r"0 \quad 2 \quad 5 \quad 18", "[[0], [2], [5], [18]]", "[[0, 2, 5, 18]]",
    ],
    (8, "grad L_T"): ["0,25·(8; -4; 8)", r"0{,}25\cdot(8; -4; 8)", r"\begin{pmatrix}8\\-4\\8\end{pmatrix}\cdot\frac14", r"\frac14\,(8,\,-4,\,8)", "-(-2, 1, -2)", "(8, -4, 8) * 1/4", "2,0; -1,0; 2,0"],
    (9, "σ'"): ["σ(z) - σ²(z)", r"\sigma(z) - \sigma^2(z)", r"{\sigma}(z)(1-{\sigma}(z))", r"\boxed{\sigma(z)\bigl(1-\sigma(z)\bigr)}", r"\sigma(z)\left[1-\sigma(z)\right]"],
    (10, "σ'"): [
        r"\begin{dcases} 1 & z>0 \\ 0 & z<0 \end{dcases}", r"\begin{cases} 1 & z > 0 \\[4pt] 0 & z < 0 \\ \text{undefined} & z=0\end{cases}",
        "1 if z > 0, 0 if z < 0, undefined at z = 0", "1 if z > 0; 0 if z < 0; undefined if z = 0", "z>0: 1; z<0: 0", "1 (z>0), 0 (z<0)",
        "1 for z > 0, 0 for z < 0, not defined for z = 0", "1, z>0, 0, z<0", "z > 0: 1\nz < 0: 0\nz = 0: undefined", "1: z > 0; 0: z < 0", "if z > 0: 1; if z < 0: 0",
        r"\begin{cases} 0, & z<0, \\ \text{not defined}, & z = 0, \\ 1, & z>0. \end{cases}", r"\boxed{\begin{cases}1 & z>0\\0 & z<0\end{cases}}",
        r"\sigma'(z) = \left\{ \begin{aligned} 1 & \quad z > 0 \\ 0 & \quad z < 0 \end{aligned} \right.",
    ],
    (11, "dL/da_j"): ["2/m [a_j - y_j]", r"\frac{2}{m}\left[a_j-y_j\right]", r"\boxed{\frac{2}{m}(a_j-y_j)}", r"\frac2m\,(a_j - y_j)"],
    (12, "z_1^2"): [r"\boxed{-0.25}", r"-0{,}25", r"z_1^2 = 0.5\cdot 1 - 1\cdot 2 + 1.5\cdot 0.5 + 0.5 = -0.25"],
}  # fmt: skip
"""Right answers in what LaTeX, Markdown and handwriting put around them."""

IN_WORDS = {
    (1, "df/dx"): [
        "8 f1 (15x^2 - 1), f1 = 5x^3 - x - 1", "8f_1(15x^2-1) with f_1 = 5x^3-x-1", "Answer: 8(5x^3-x-1)(15x^2-1)", "The answer is $8(5x^3-x-1)(15x^2-1)$.",
        "Final answer: $$\\boxed{8(5x^3-x-1)(15x^2-1)}$$", r"\text{Final answer: }\boxed{8(5x^3-x-1)(15x^2-1)}", "### Final answer\n$8(5x^3-x-1)(15x^2-1)$",
        "**8(5x^3-x-1)(15x^2-1)**", "**$8(5x^3-x-1)(15x^2-1)$**", "```latex\n8(5x^3-x-1)(15x^2-1)\n```", "so 8(5x^3-x-1)(15x^2-1)", '"8(5x^3-x-1)(15x^2-1)"',
        "8(5x^3-x-1)(15x^2-1) (by the chain rule)", "8(5x^3-x-1)(15x^2-1) for all x", r"8(5x^3-x-1)(15x^2-1) \checkmark", "8*(5*x**3-x-1)*(15*x**2-1)",
        r"8(5x^3-x-1)(15x^2-1), x \in \mathbb{R}", r"\color{red}{8(5x^3-x-1)(15x^2-1)}", "df/dx : 8(5x^3-x-1)(15x^2-1)", "8•(5x³—x—1)∗(15x²－１)",
        "Let u = 5x^3-x-1. Then f = 4u^2, df/dx = 8u(15x^2-1) = 8(5x^3-x-1)(15x^2-1)",
    ],
    (2, "df/du"): [
        "6x^2 cos(u) + v·exp(u·v), x = sin u + cos v", r"6x^2\cos(u)+ve^{uv},\quad x=\sin u+\cos v", "6x^2 cos(u) + v e^(uv) where x = sin u + cos v",
        r"6x^2 \cos u + v e^{uv} \text{ with } x=\sin u+\cos v", "6*x**2*np.cos(u)+v*np.exp(u*v)", "6x^2 Cos[u] + v Exp[u v]",
    ],
    (3, "layer 1"): [r"{a}_{1}^{1}, {a}_{2}^{1}, {a}_{3}^{1}", "a₁⁽¹⁾, a₂⁽¹⁾, a₃⁽¹⁾", "a_1^[1], a_2^[1], a_3^[1]", "Layer 1: a_1^1, a_2^1, a_3^1", "a_1^1, a_2^1 and a_3^1", "1. a_1^1\n2. a_2^1\n3. a_3^1"],
    (4, "W^3"): [
        "[[w_11^3,w_21^3],[w_12^3,w_22^3],[w_13^3,w_23^3],[w_14^3,w_24^3]]^T", "[w_11^3 w_12^3 w_13^3 w_14^3]\n[w_21^3 w_22^3 w_23^3 w_24^3]",
        "[[w_11^3 w_12^3 w_13^3 w_14^3]\n [w_21^3 w_22^3 w_23^3 w_24^3]]", "| w_11^3 | w_12^3 | w_13^3 | w_14^3 |\n| w_21^3 | w_22^3 | w_23^3 | w_24^3 |",
        ["w_11^3 w_12^3 w_13^3 w_14^3", "w_21^3 w_22^3 w_23^3 w_24^3"], "(w_11^3, w_12^3, w_13^3, w_14^3)\n(w_21^3, w_22^3, w_23^3, w_24^3)",
    ],
    (5, "z_1^2"): [
        r"a^1_1w^2_{11}+a^1_2w^2_{12}+a^1_3w^2_{13}+b^2_1", "w_1,1^2 a_1^1 + w_1,2^2 a_2^1 + w_1,3^2 a_3^1 + b_1^2",
        "w_11**2 a_1**1 + w_12**2 a_2**1 + w_13**2 a_3**1 + b_1**2",
    ],
    (6, "dz_j^l/dw_jk^l"): ["a_k^{ℓ-1}", r"\mathbf{a}_k^{l-1}", "a_k**(l-1)", "a_k^{l-1} (activation of the layer before)"],
    (6, "dz_4^2/dw_43^2"): ["a_3^{2-1}"],
    (7, "u*v"): ["u_1=0, u_2=2, u_3=5, u_4=18", "(0,2,5,18) (column vector)", "[0 2 5 18]^T", "0 & 2 & 5 & 18", "0 | 2 | 5 | 18", "np.array([0, 2, 5, 18])"],
    (8, "grad L_T"): ["(2,-1,2), n = 4", "(2, -1, 2) since n = 4", "[2. -1. 2.]", "Matrix([[2], [-1], [2]])", "tensor([2., -1., 2.])", "[2, -1, 2].T"],
    (9, "σ'"): ["σ(z)*(1-σ(z)) where σ(z)=1/(1+e^(-z))", "np.exp(-z)/(1+np.exp(-z))**2", "Exp[-z]/(1+Exp[-z])^2", r"\sigma(z)(1-\sigma(z)), \sigma(z)=\frac{1}{1+e^{-z}}"],
    (10, "σ'"): [
        "0 if z<0, undefined if z=0, 1 if z>0", "0, z<0; undefined, z=0; 1, z>0", "0 for z < 0, undefined at z = 0, 1 for z > 0", "z<0 → 0; z>0 → 1", "z<0 -> 0; z>0 -> 1", "if(z>0,1,0)", "If(z > 0, 1, 0)",
        "np.where(z > 0, 1, 0)", "z>0 ? 1 : 0", "if z > 0 then 1 else 0", "z > 0: 1, z < 0: 0", "if z > 0: 1, if z < 0: 0", "For z<0: 0, for z>0: 1",
        "σ'(z) = 1 for z > 0, σ'(z) = 0 for z < 0", "z > 0: σ'(z) = 1; z < 0: σ'(z) = 0", "dσ/dz = 1 if z > 0, 0 if z < 0", r"\frac{d\sigma}{dz} = \begin{cases}1&z>0\\0&z<0\end{cases}",
        "1 if z > 0; 0 if z < 0; not differentiable at z = 0", "1 if z > 0, 0 if z < 0 (undefined at z=0)", "1 if z>0 else 0, not defined at z=0", "1 if z > 0 else 0, z != 0",
        r"\begin{cases}1&z>0\\0&z<0\end{cases} \text{undefined at } z=0", r"\begin{cases} 0 \quad z<0 \\ 1 \quad z>0\end{cases}", r"\begin{cases}1&z>0\\0&z<0\\ \text{not differentiable}&z=0\end{cases}",
        r"\left\{\begin{matrix}1&z>0\\0&z<0\end{matrix}\right.", "1 for z > 0, and 0 for z < 0", "Piecewise((0, z < 0), (1, z > 0))", "Piecewise[{{0, z < 0}, {1, z > 0}}]", "1 if z>0, 0 if z<0. Undefined at z = 0.",
    ],
    (11, "dL/da_j"): ["2/m (a_j - y_j), m = 4", "2/m (a_j-y_j) for j = 1"],
    (12, "z_1^2"): ["z = -0.25, a = 0.438", "approx -0.25", "ca. -0.25", "-0.25,", "-0.25 (rounded)", "-0.25 (= -1/4)", "-0.25 (exact)"],
    (12, "a_1^2"): ["σ(-0.25)", "sigmoid(-0.25)", "0.438…", r"0.438\ldots"],
}  # fmt: skip
"""Right answers with words around them, and in the spelling of other programs."""

WRONG = {
    (1, "df/dx"): [("8(5x^3-x-1)", "innermost derivative"), ("8(15x^2-1)", ""), ("8x(15x^2-1)", "taken at $x$"), ("x", ""),
        ("(5x^3-x-1)(15x^2-1)", "constant factor is lost"), ("8(5x^3-x+1)(15x^2-1)", "constant of $f_{1}$ is forgotten"), ("8(5x^3-x-1)*15x^2", "constant"),
        ("8(5x^3-x-3)(15x^2-1)", ""), ("8(5x^3-x-2)(15x^2-1)", "constant of $f_{2}$ is forgotten"), ("8(5x^3-x-1)(15x^2-1+1)", "kept when")],
    (2, "df/du"): [("6x^2 cos u", "path by way of $y$"), ("6x^2 cos u + e^{uv}", "inner derivative of the exponential"), ("6x^2 + v e^{uv}", "inner derivative is missing by way of $x$"),
        ("6x^2 sin u + v e^{uv}", "$x$ is not differentiated"), ("2x^2 cos u + v e^{uv}", "exponent did not come down"), ("6x^3 cos u + v e^{uv}", "not lowered"), ("-6x^2 sin v + u e^{uv}", "derivative by $v$")],
    (3, "layer 2"): [("a_2^1, a_2^2, a_2^3, a_2^4", "indices are exchanged"), ("a_1^1, a_2^1, a_3^1, a_4^1", "counted from 0"), ("a_0^2, a_1^2, a_2^2, a_3^2", "counted from 0"), ("a_0^1, a_1^1, a_2^1, a_3^1", "counted from 0")],
    (4, "W^2"): [("[w_11^2,w_21^2,w_31^2,w_41^2;w_12^2,w_22^2,w_32^2,w_42^2;w_13^2,w_23^2,w_33^2,w_43^2]", "transposed")],
    (4, "W^3"): [("[[w_11^3,w_12^3,w_13^3,w_14^3],[w_21^3,w_22^3,w_23^3,w_24^3]]^T", "transposed")],
    (5, "z_2^3"): [("w_21^3 a_1^2 + w_22^3 a_2^2 + w_23^3 a_3^2 + w_24^3 a_4^2", "bias is missing"), ("w_12^3 a_1^2 + w_22^3 a_2^2 + w_32^3 a_3^2 + w_42^3 a_4^2 + b_2^3", "indices of the weights"),
        ("w_11^3 a_1^2 + w_12^3 a_2^2 + w_13^3 a_3^2 + w_14^3 a_4^2 + b_2^3", "those of neuron 1"), ("w_21^3 a_1^2 + w_22^3 a_2^2 + w_23^3 a_3^2 + w_24^3 a_4^2 + b_2^2", "bias is that"),
        ("w_21^2 a_1^2 + w_22^2 a_2^2 + w_23^2 a_3^2 + w_24^2 a_4^2 + b_2^2", "number of the layer before")],
    (6, "dz_2^3/dw_14^3"): [("a_4^2", "another neuron")],
    (6, "dz_4^2/dw_43^2"): [("a_k^{l-1}", "general formula"), ("a_4^1", "")],
    (7, "u*v"): [("25", "dot product"), ("(3, 3, 6, 11)", "sum"), ("(-3, -1, 4, -7)", "difference"), ("[0,0,0,0; 3,2,1,9; 15,10,5,45; 6,4,2,18]", "outer product"), ("(0, 2, 5)", "")],
    (8, "grad L_T"): [("(8, -4, 8)", "not divided by"), ("(1, -7, 5)", "last sample"), ("(0.5, -0.25, 0.5)", "twice")],
    (9, "σ'"): [("σ(-z)(1-σ(z))", ""), ("σ(z)(1-σ(-z))", ""), ("-e^{-z}/(1+e^{-z})^2", "sign"), ("σ(z)", "itself"), ("-1/(1+e^(-z))^2", "only the outer"), ("1 - σ(z)", "factor $\\sigma$ is missing"), ("σ(z)^2", "factor $1 - \\sigma$"), ("z(1-z)", "in terms of $a$"), ("1 - σ(z)^2", "another function")],
    (10, "σ'"): [("0 if z > 0 else 1", "exchanged"), ("max(0, z)", "itself"), ("1", "constant piece"), ("1 if z > 0 else z", "")],
    (11, "dL/da_j"): [("2/m (y_j - a_j)", "sign"), ("2(a_j - y_j)", "1/m"), ("(a_j - y_j)/m", "exponent"), ("(a_j - y_j)^2/m", "loss of one output")],
    (12, "d_1^3"): [("-0.587", "σ' missing")],
}  # fmt: skip


def judged(number, key, answer, **others):
    graded = ws.grade(ws.as_answers({str(number): {**others, key: answer}}))
    return next(one for one in graded.judgements[number] if one.field.key == key)


@pytest.mark.parametrize(
    ("where", "answer"),
    [(w, a) for table in (RIGHT, WRAPPED, IN_WORDS) for w, several in table.items() for a in several],
    ids=str,
)
def test_right(where, answer):
    found = judged(*where, answer)
    assert (found.verdict, found.points) == ("right", 1.0), (found.remark, found.mistake)


@pytest.mark.parametrize(
    ("where", "answer", "mistake"), [(w, a, m) for w, several in WRONG.items() for a, m in several], ids=str
)
def test_wrong(where, answer, mistake):
    found = judged(*where, answer)
    assert found.points == 0
    assert found.verdict == "wrong"
    assert mistake in found.mistake


@pytest.mark.parametrize("seed", range(4))
def test_every_slip_is_named_and_wrong(seed):
    sheet = ws.worksheet(seed)
    for exercise, field in sheet.fields():
        for slip in field.slips.shown:
            answer = (
                slip.answer[0][0]
                if len(slip.answer) == len(slip.answer[0]) == 1
                else [list(row) for row in slip.answer]
            )
            found = judge(field, answer, {})
            assert found.verdict == "wrong", (exercise.number, field.key, slip)
            assert found.mistake, (exercise.number, field.key, slip)


def test_kinks():
    assert judged(10, "σ'", "1 if z >= 0 else 0").points == 0.5
    assert "undefined" in judged(10, "σ'", "1 if z >= 0 else 0").mistake
    assert judged(10, "σ'", "1 if z > 0 else 0").points == 1
    for where in ("at z = 1", "at z = 1/0", "if z>0", "everywhere", "nowhere", "at z = 5"):
        found = judged(10, "σ'", f"1 if z > 0, 0 if z < 0, undefined {where}")
        assert (found.verdict, found.points) == ("partly", 0.5)
        assert "undefined is wrong" in found.mistake


def test_follow_through():
    found = judged(11, "grad_a L", "(1/2, -1, 3/2, -1/2)", **{"dL/da_j": "(a_j - y_j)/m"})
    assert (found.verdict, found.points) == ("follows", 1.0)
    assert judged(11, "grad_a L", "(1/2, -1, 3/2, -1/2)").mistake.startswith("the exponent")
    # d_1^2 from a wrong d_1^3: 1.5 · (-0.2) · 0.2461
    found = judged(12, "d_1^2", "-0.0738", **{"d_1^3": "-0.2"})
    assert found.verdict == "follows"
    assert judged(12, "a_1^2", "0.44").points == 0.5
    assert judged(12, "a_1^2", "0.439").points == 0.5
    assert judged(12, "a_1^2", "0.446").points == 0


def by_hand(seed, digits, slip=0.0):
    """The five steps of a variant, each result rounded and taken on; the first z off by a slip."""
    p = ws.worksheet(seed).exercises[11].parameters
    kept = lambda number: float(f"%.{digits}g" % number)  # noqa: E731
    sigma = lambda z: 1 / (1 + math.exp(-z))  # noqa: E731
    (W2, (W3,)), (b2, b3), x, (y,) = p["W"], p["b"], p["x"], p["y"]
    z2 = [kept(sum(w * q for w, q in zip(row, x, strict=True)) + b) for row, b in zip(W2, b2, strict=True)]
    z2[0] += slip
    a2 = [kept(sigma(z)) for z in z2]
    z3 = kept(sum(w * a for w, a in zip(W3, a2, strict=True)) + b3[0])
    a3 = kept(sigma(z3))
    d3 = kept(2 * (a3 - y) * a3 * (1 - a3))
    d2 = [kept(w * d3 * a * (1 - a)) for w, a in zip(W3, a2, strict=True)]
    found = {"z_1^3": z3, "a_1^3": a3, "d_1^3": d3, "dL/db_1^3": d3}
    for j, (z, a, d) in enumerate(zip(z2, a2, d2, strict=True), 1):
        found |= {f"z_{j}^2": z, f"a_{j}^2": a, f"d_{j}^2": d, f"dL/db_{j}^2": d, f"dL/dw_1{j}^3": kept(a * d3)}
        found |= {f"dL/dw_{j}{k}^2": kept(q * d) for k, q in enumerate(x, 1)}
    return found


@pytest.mark.parametrize("seed", range(1, 13))
@pytest.mark.parametrize("digits", [3, 5])
def test_rounding_on_the_way_costs_nothing(seed, digits):
    found = ws.grade(ws.as_answers({"12": by_hand(seed, digits)}), variant=seed).judgements[12]
    assert [one.field.key for one in found if one.points < 1] == []


def test_a_wrong_entry_excuses_nothing_that_does_not_follow_from_it():
    right = {one.field.key: float(one.field.expected[0][0]) for one in ws.grade(ws.as_answers({})).judgements[12]}
    for key in ("z_1^3", "a_1^3", "d_1^3"):
        others = {"z_1^2": str(right["z_1^2"] + 3), "a_1^2": "0.9"}
        assert judged(12, key, f"{right[key] * 1.04:.3g}", **others).points == 0


@pytest.mark.parametrize("seed", range(1, 13))
@pytest.mark.parametrize("digits", [3, 5])
def test_a_slip_costs_one_point(seed, digits):
    found = ws.grade(ws.as_answers({"12": by_hand(seed, digits, 0.5)}), variant=seed).judgements[12]
    assert [one.field.key for one in found if one.points < 1] == ["z_1^2"]


@pytest.mark.parametrize(
    ("general", "answer"), [("1", "(1, 1, 1, 1)"), ("a_j", "(3, 1, 6, 2)"), ("y_j", "(1, 5, 0, 4)")]
)
def test_nothing_follows_from_a_copy(general, answer):
    found = judged(11, "grad_a L", answer, **{"dL/da_j": general})
    assert found.verdict != "follows"
    assert found.points < 0.5


def test_labels_without_a_layer_are_told():
    found = judged(5, "z_1^2", "w_11 a_1 + w_12 a_2 + w_13 a_3 + b_1")
    assert found.verdict == "unreadable"
    assert "without a layer" in found.remark
    graded = ws.grade(ws.as_answers({"5": {"z_1^2": "w_11 a_1"}, "7": "(0, 2, 5, 18)"}))
    assert graded.headline.endswith("1 of 48 points, 1 cannot be read")
    row = next(csv.DictReader(io.StringIO(ws.grades_csv([graded]))))
    assert (row["unreadable"], row["undecided"]) == ("1", "0")


def test_nothing_follows_from_nothing():
    sheet = ws.worksheet()
    for number in ("0", "1", "1e300"):
        graded = ws.grade(
            ws.as_answers({str(e.number): dict.fromkeys([f.key for f in e.fields], number) for e in sheet.exercises})
        )
        assert graded.points <= 2, (
            number,
            [one for several in graded.judgements.values() for one in several if one.points],
        )


@pytest.mark.parametrize(
    "answer",
    ["σ'(z)", r"\sigma'(z)", "σ'", r"\sigma^{\prime}(z)", "2σ'(z) - σ(z)(1-σ(z))", "dσ/dz", r"\frac{d\sigma}{dz}"],
)
@pytest.mark.parametrize("number", [9, 10])
def test_the_question_is_no_answer(number, answer):
    assert judged(number, "σ'", answer).points == 0


@pytest.mark.parametrize(
    "text", ["2 (theta + 1)", "2 (theta)", "x (arctan x)", "8 (15x^2 - 1)", "2 (sigma)", "3 (x = 1)"]
)
def test_what_stands_in_brackets_is_kept(text):
    assert read_entries(text, "formula") == ((text.removesuffix(" (x = 1)"),),)


def test_strange_names_are_told():
    found = judged(2, "df/dv", "-6x^2 sin v + u e^{uw}")
    assert (found.verdict, found.points) == ("unreadable", 0.0)
    assert "w, which is no name" in found.remark


def test_what_is_not_graded_is_named(tmp_path):
    graded = ws.grade(
        ws.as_answers({"13": "1", "1": {"df/dx": "x", "df/dz": "1"}, "2": ["6x^2 cos u + v e^{uv}", "x"]})
    )
    assert graded.answers.unknown == ("13", "1 df/dz")
    assert [one.verdict for one in graded.judgements[2]] == ["right", "wrong"]
    assert "name no variant" in graded.report().text


def test_no_file_stops_another(tmp_path):
    (tmp_path / "a.json").write_text('{"variant": "5", "12": {"z_1^2": ' + "9" * 5000 + "}}", encoding="utf-8")
    (tmp_path / "b.json").write_text(r'{"variant": 5.0, "student": "\ud800", "7": {"u*v": "\ud800"}}', encoding="utf-8")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "b.toml").write_text('variant = 5\nstudent = "C"', encoding="utf-8")
    (tmp_path / "d.txt").write_text("7", encoding="utf-8")
    a, b, c = ws.grade_folder(tmp_path)
    together = ws.grade_folder(tmp_path, processes=2)
    assert ws.grades_csv(together) == ws.grades_csv([a, b, c])
    assert together[1].report().text == b.report().text
    assert isinstance(a, ws.NotGraded)
    assert b.sheet.seed == c.sheet.seed == 5
    b.report().html.encode()
    rows = list(csv.reader(io.StringIO(ws.grades_csv([a, b, c]))))
    assert [row[0] for row in rows[1:]] == ["a.json", "b.json", "c/b.toml"]
    assert ws.passed_over(tmp_path) == ["d.txt"]


def test_whatever_is_in_a_file_the_others_are_graded(tmp_path, monkeypatch):
    deep = "[" * 900 + "]" * 900
    (tmp_path / "a.json").write_text('{"7": ' + deep + "}", encoding="utf-8")
    (tmp_path / "b.json").write_text('{"12": {"z_1^2": 1e400, "d_1^3": -Infinity}}', encoding="utf-8")
    (tmp_path / "c.toml").write_text('9 = "arctan(tan(10^2000))"', encoding="utf-8")
    (tmp_path / "d.toml").write_text('"12" = {"z_1^2" = 0x' + "f" * 5000 + "}", encoding="utf-8")
    (tmp_path / "e.toml").write_text('7 = "(0, 2, 5, 18)"', encoding="utf-8")
    (tmp_path / "f.toml").write_text('7 = "(0, 2, 5, 18)"', encoding="utf-8")
    with contextlib.suppress(OSError):  # a file system may not have such names
        os.rename(tmp_path / "f.toml", os.fsencode(tmp_path / "f") + b"\xff.toml")
    graded = ws.grade_folder(tmp_path)
    assert [one.points for one in graded if isinstance(one, ws.Grade)][-2:] == [1, 1]
    ws.grades_csv(graded).encode()
    for one in graded:
        if isinstance(one, ws.Grade):
            one.report().html.encode()
    monkeypatch.setattr("pellucid.worksheet.grading.worksheet", lambda _: 1 / 0)
    assert "could not be graded: ZeroDivisionError" in ws.grade_folder(tmp_path)[-1].reason


@pytest.mark.parametrize("kind", ["formula", "vector", "matrix", "piecewise"])
def test_no_answer_takes_long_to_take_apart(kind):
    for unit in (" ", "(", "\\", "=", ": ", "≥", "\\quad", "\\left(", "\\boxed{", "&=", "\n- a", "1 (z>0), ", "1,1;"):
        start = time.perf_counter()
        with contextlib.suppress(FormulaError):
            read_entries(f"1{unit * (900 // len(unit))};1", kind)
        with contextlib.suppress(FormulaError):
            read_entries(f"1{unit * (9_000 // len(unit))};1", kind)
        assert time.perf_counter() - start < 1, unit


def test_a_file_has_a_bound_of_time(monkeypatch):
    monkeypatch.setattr("pellucid.worksheet.grading._SECONDS", -1.0)
    graded = ws.grade(ws.as_answers({"9": "1/(2 + e^z + e^(-z))", "8": "(2, -1, 2)", "11": "(a_j - y_j)/m + y_j/m"}))
    assert graded.judgements[9][0].verdict == "undecided"
    assert graded.undecided >= 2


@pytest.mark.parametrize(
    ("where", "answer", "verdict"),
    [
        ((1, "df/dx"), "__import__('os')", "unreadable"),
        ((1, "df/dx"), "9^9^9^9", "unreadable"),
        ((1, "df/dx"), {"a": 1}, "unreadable"),
        ((1, "df/dx"), True, "unreadable"),
        ((1, "df/dx"), "   ", "missing"),
        ((7, "u*v"), [], "unreadable"),
        ((7, "u*v"), [[1, 2], [3]], "unreadable"),
        ((7, "u*v"), "x" * 30_000, "unreadable"),
        ((12, "z_1^2"), "z_1^2", "unreadable"),
        ((12, "z_1^2"), "(1, 2)", "unreadable"),
        ((12, "z_1^2"), 1e308, "wrong"),
    ],
)
def test_odd_answers(where, answer, verdict):
    assert judged(*where, answer).verdict == verdict


def test_undecided_is_not_wrong(monkeypatch):
    from pellucid.symbolic import equivalence

    monkeypatch.setattr(equivalence, "SECONDS", -1.0)
    found = judged(9, "σ'", "1/(2 + e^z + e^(-z))")
    assert found.verdict == "undecided"
    assert "teacher" in ws.grade(ws.as_answers({"9": "1/(2 + e^z + e^(-z))"})).report().text


def test_files(tmp_path):
    toml = tmp_path / "a.toml"
    toml.write_text(
        'student = "Ada <b>"\nvariant = 3\n[7]\n"u*v" = "(1,2,3,4)"\n["exercise 9"]\nanswer = "σ(z)"\n[99]\nx = 1\n[foo]\n',
        encoding="utf-8",
    )
    graded = ws.grade(toml)
    assert graded.sheet.seed == 3
    assert graded.answers.student == "Ada <b>"
    assert graded.answers.unknown == ("foo", "99")
    assert graded.judgements[9][0].given == "σ(z)"
    assert "<b>" not in graded.report().html.replace("<body>", "")
    with pytest.raises(DataFileError, match="answers variant 3, and variant 4"):
        ws.grade(toml, 4)
    data = tmp_path / "a.json"
    data.write_text(json.dumps({"7": [0, 2, 5, 18], "8": "(2,-1,2)"}), encoding="utf-8")
    assert ws.grade(data).points == 2
    for name, content, match in (
        ("b.toml", "x = ", "no TOML"),
        ("b.json", "[1]", "no table"),
        ("c.json", "{", "no JSON"),
        ("d.json", "[" * 100_000, "nested"),
        ("e.toml", "variant = -1", "whole number"),
        ("f.toml", "# " + "x" * 1_100_000, "bytes"),
    ):
        (tmp_path / name).write_text(content, encoding="utf-8")
        with pytest.raises(DataFileError, match=match):
            ws.read_answers(tmp_path / name)
    with pytest.raises(OSError, match="No such file"):
        ws.read_answers(tmp_path / "none.toml")


def test_a_folder(tmp_path):
    (tmp_path / "1.json").write_text(
        json.dumps({"variant": 1, "student": "=cmd()", "7": "(1,1,1,1)"}), encoding="utf-8"
    )
    (tmp_path / "2.json").write_text(json.dumps(ws.key_answers(ws.worksheet(2))), encoding="utf-8")
    (tmp_path / "3.toml").write_text("not toml", encoding="utf-8")
    grades = ws.grade_folder(tmp_path)
    rows = list(csv.DictReader(io.StringIO(ws.grades_csv(grades))))
    assert [row["file"] for row in rows] == ["1.json", "2.json", "3.toml"]
    assert rows[0]["student"] == "'=cmd()"
    assert rows[1]["points"] == rows[1]["of"] + ".0" or float(rows[1]["points"]) == float(rows[1]["of"])
    assert rows[1]["12 dL/db_1^2"] == "right"
    assert "not graded" in rows[2]["mistakes"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="holds no answers"):
        ws.grade_folder(tmp_path / "empty")


def test_the_report():
    graded = ws.grade(ws.as_answers({"student": "Ada", "1": "8(5x^3-x-1)", "7": "25", "8": "(2,-1,2)"}))
    text = graded.report().text
    assert "1 of 48 points, Ada" in text
    assert "The innermost derivative is missing." in text
    assert "8 (15 x^2 - 1)" not in text
    assert "8 (15 x^2 - 1)" in graded.report(solutions=True).text
    assert "No answer:" in text
    json.dumps(graded.to_dict())


def test_a_template_is_read_back():
    sheet = ws.worksheet(5)
    import tomllib

    read = ws.as_answers(tomllib.loads(ws.template(sheet, 'A "quoted" name\\')))
    assert read.student == 'A "quoted" name\\'
    assert read.variant == 5
    assert ws.grade(read).points == 0
    assert sum(len(several) for several in read.given.values()) == len(sheet.fields())


@pytest.mark.parametrize(
    "latex",
    [
        r"\frac{2}{m}\left(a_{j} - y_{j}\right)",
        r"\beta\nabla\tan\rho \begin{matrix} 1 \\ 2 \end{matrix}",
        r"\boxed{5}",
        r"2\bigl(x\bigr)",
        r"\bigg(1",
        r"(0, 2)^\top",
        r"\textrm{if}",
        r"\textbf{x}",
        r"|x\rvert",
        r"1 \tag{3}",
        r"\bm{x}",
        r"\fbox{1}",
        r"\underline{5}",
        r"\therefore 5",
    ],
)
@pytest.mark.parametrize(
    "form", ['11 = {{"dL/da_j" = "{}"}} # "', '11 = {{"dL/da_j" = """{}"""}}', '{{"11": {{"dL/da_j": "{}"}}}}']
)
def test_pasted_latex_keeps_its_backslashes(tmp_path, latex, form):
    path = tmp_path / ("a.json" if form.startswith("{") else "a.toml")
    for written in (latex, latex.replace("\\", "\\\\")):
        path.write_text(form.format(written), encoding="utf-8")
        assert list(ws.read_answers(path).given[11].values()) == [latex]


@pytest.mark.parametrize("text", ["1\n2", "a\tb", 'σ "x"', "\\", "\\\\ \n b", "a\nw_12^2"])
def test_escapes_stay_escapes(tmp_path, text):
    path = tmp_path / "a.json"
    for is_ascii in (True, False):
        path.write_text(json.dumps({"7": text}, ensure_ascii=is_ascii), encoding="utf-8")
        assert list(ws.read_answers(path).given[7].values()) == [text]


def test_a_report_says_once_that_an_answer_cannot_be_read_and_shows_each_blank():
    answers = ws.key_answers(ws.worksheet(5))
    answers["9"] = dict.fromkeys(answers["9"], "(((")
    answers["12"] = dict.fromkeys(answers["12"], "")
    report = " ".join(ws.grade(ws.as_answers(answers)).text.split())
    assert report.count("cannot be read") == 1
    assert "cannot be read, (((: the formula ends too early" in report
    assert "·" * len(answers["12"]) in report
    assert "––" not in report
