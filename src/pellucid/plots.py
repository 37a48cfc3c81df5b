"""Plots with Matplotlib, which is imported when the first one is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pellucid.errors import import_extra


def plot_curves(curves: Mapping[str, Sequence[float]], best_epoch: int | None = None, axes: Any = None) -> Any:
    """Plot training and validation curves over the epochs.

    Parameters
    ----------
    curves : mapping
        Values by name, one per epoch. Losses share one axis; the other metrics take a second one on the right.
    best_epoch : int, optional
        Marked by a vertical line.
    axes : matplotlib.axes.Axes, optional
        To draw on; new if absent.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    MissingExtraError
        Matplotlib is not installed.
    """
    pyplot = import_extra("matplotlib.pyplot", "plot", "plotting")
    if axes is None:
        _, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    losses = {name: values for name, values in curves.items() if name.endswith("loss")}
    others = {name: values for name, values in curves.items() if name not in losses}
    lines: list[Any] = []
    for group, target, style in ((losses, axes, "-"), (others, axes.twinx() if others else axes, "--")):
        for name, values in group.items():
            epochs = range(1, len(values) + 1)
            marker = "o" if len(values) == 1 else None
            lines += target.plot(
                epochs, values, style, marker=marker, color=f"C{len(lines)}", label=name.replace("_", " ")
            )
        if group:
            target.set_ylabel(", ".join(name.replace("_", " ") for name in group))
    if best_epoch is not None:
        lines.append(axes.axvline(best_epoch, color="0.6", linewidth=1, label=f"best epoch ({best_epoch})"))
    axes.set_xlabel("epoch")
    axes.xaxis.get_major_locator().set_params(integer=True)
    labels = [line.get_label() for line in lines]
    axes.legend(lines, labels, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)  # off the curves
    return axes
