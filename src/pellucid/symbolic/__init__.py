"""Formulas read, differentiated and compared; the equations of networks, and their derivations. Needs SymPy.

Every formula that a person types is parsed by a grammar of its own; nothing is evaluated as Python.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pellucid.errors import import_extra
from pellucid.hints import no_attribute

import_extra("sympy", "symbolic", "pellucid.symbolic")

if TYPE_CHECKING:
    from pellucid.symbolic.chain import Derivation, Factor, NumericCheck, Sweep, chain_rule
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
    from pellucid.symbolic.networks import equations
    from pellucid.symbolic.printing import latex, text

_HOMES = {
    "chain": ("Derivation", "Factor", "NumericCheck", "Sweep", "chain_rule"),
    "equivalence": ("equivalent",),
    "formulas": ("parse",),
    "functions": ("FormulaActivation", "FormulaLoss", "SlopeDerivation", "activation", "derive", "loss"),
    "networks": ("equations",),
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


def __getattr__(name: str) -> Any:
    """Import each part when first used."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"pellucid.symbolic.{home}"), name)
    raise no_attribute("symbolic", name, __all__)
