"""Checking gradients: against difference quotients, and against the mistakes that people make."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pellucid.checking.gradient_check import GradientCheck, PartialCheck, check_gradient
from pellucid.hints import no_attribute

if TYPE_CHECKING:
    from pellucid.checking.diagnosis import BetterInput, Diagnosis, Hypothesis, Part, Shown
    from pellucid.checking.mistakes import MISTAKES, Mistake
    from pellucid.checking.trial import diagnose
    from pellucid.checking.values import Separation, ValueDiagnosis, diagnose_value, keeps_apart

__all__ = [
    "MISTAKES",
    "BetterInput",
    "Diagnosis",
    "GradientCheck",
    "Hypothesis",
    "Mistake",
    "Part",
    "PartialCheck",
    "Separation",
    "Shown",
    "ValueDiagnosis",
    "check_gradient",
    "diagnose",
    "diagnose_value",
    "keeps_apart",
]

_HOMES = {
    "diagnosis": ("BetterInput", "Diagnosis", "Hypothesis", "Part", "Shown"),
    "mistakes": ("MISTAKES", "Mistake"),
    "trial": ("diagnose",),
    "values": ("Separation", "ValueDiagnosis", "diagnose_value", "keeps_apart"),
}


def __getattr__(name: str) -> Any:
    """Import the diagnosis when first used: `import pellucid` has no use for it."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"pellucid.checking.{home}"), name)
    raise no_attribute("checking", name, __all__)
