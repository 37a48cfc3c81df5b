"""Formulas read, differentiated and compared; the equations of networks, and their derivations. Needs SymPy.

Every formula that a person types is parsed by a grammar of its own; nothing is evaluated as Python.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pellucid.errors import import_extra

import_extra("sympy", "symbolic", "pellucid.symbolic")

if TYPE_CHECKING:
    from pellucid.symbolic.chain_rule import Derivation, Factor, NumericCheck, Sweep, chain_rule
    from pellucid.symbolic.equations import network_equations as equations
    from pellucid.symbolic.equivalence import equivalent
    from pellucid.symbolic.formulas import parse
    from pellucid.symbolic.functions import (
        FormulaActivation,
        FormulaLoss,
        SlopeDerivation,
        activation,
        derive,
        loss,
    )
    from pellucid.symbolic.printing import latex, text

_HOMES = {
    "chain_rule": ("Derivation", "Factor", "NumericCheck", "Sweep", "chain_rule"),
    "equations": ("network_equations",),
    "equivalence": ("equivalent",),
    "formulas": ("parse",),
    "functions": ("FormulaActivation", "FormulaLoss", "SlopeDerivation", "activation", "derive", "loss"),
    "printing": ("latex", "text"),
}

__all__ = [
    "Derivation",
    "Factor",
    "FormulaActivation",
    "FormulaLoss",
    "NumericCheck",
    "SlopeDerivation",
    "Sweep",
    "activation",
    "chain_rule",
    "derive",
    "equations",
    "equivalent",
    "latex",
    "loss",
    "parse",
    "text",
]
