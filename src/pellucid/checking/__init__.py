"""Checking gradients."""

from pellucid.checking.gradient_check import GradientCheck, PartialCheck, check_gradient

__all__ = ["GradientCheck", "PartialCheck", "check_gradient"]
