"""Plots: the lines drawn are the curves of the history, each on the axis it belongs to."""

import sys

import numpy as np
import pytest

import pellucid as pl
from pellucid.plots import plot_curves

CURVES = {
    "loss": [3.0, 2.0, 1.5, 1.25],
    "validation_loss": [4.0, 2.5, 2.75, 3.0],
    "accuracy": [0.25, 0.5, 0.75, 0.75],
}


@pytest.fixture
def pyplot():
    matplotlib = pytest.importorskip("matplotlib", reason="plots are Matplotlib's: pellucid[plot]")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


def drawn(axes):
    """Every line of an axes by its label, as (x, y) lists."""
    return {line.get_label(): tuple(np.asarray(part).tolist() for part in line.get_data()) for line in axes.get_lines()}


def right_axes(axes):
    return [other for other in axes.figure.axes if other is not axes]


def test_losses_are_drawn_on_the_left_and_everything_else_on_the_right(pyplot):
    axes = plot_curves(CURVES)
    epochs = [1, 2, 3, 4]
    assert drawn(axes) == {"loss": (epochs, CURVES["loss"]), "validation loss": (epochs, CURVES["validation_loss"])}
    (right,) = right_axes(axes)
    assert drawn(right) == {"accuracy": (epochs, CURVES["accuracy"])}
    assert (axes.get_xlabel(), axes.get_ylabel(), right.get_ylabel()) == ("epoch", "loss, validation loss", "accuracy")


def test_without_metrics_there_is_no_second_axis(pyplot):
    axes = plot_curves({"loss": CURVES["loss"]})
    assert right_axes(axes) == []


def test_the_legend_names_every_line_and_no_two_have_one_colour(pyplot):
    axes = plot_curves(CURVES, best_epoch=2)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "loss",
        "validation loss",
        "accuracy",
        "best epoch (2)",
    ]
    lines = [*axes.get_lines(), *right_axes(axes)[0].get_lines()]
    assert len({line.get_color() for line in lines}) == 4


def test_the_best_epoch_is_a_vertical_line(pyplot):
    x, _ = drawn(plot_curves(CURVES, best_epoch=2))["best epoch (2)"]
    assert x == [2, 2]
    assert not any("best" in label for label in drawn(plot_curves(CURVES)))


def test_it_draws_on_the_axes_it_is_given(pyplot):
    figure, (left, right) = pyplot.subplots(1, 2)
    assert plot_curves({"loss": CURVES["loss"]}, axes=right) is right
    assert drawn(left) == {}
    assert pyplot.get_fignums() == [figure.number]


def test_one_epoch_is_a_visible_point(pyplot):
    (line,) = plot_curves({"loss": [1.0]}).get_lines()
    assert line.get_marker() == "o"
    (line,) = plot_curves({"loss": [1.0, 2.0]}).get_lines()
    assert line.get_marker() == "None"


def test_epochs_are_marked_by_whole_numbers(pyplot):
    axes = plot_curves({"loss": [3.0, 2.0, 1.0]})
    axes.figure.canvas.draw()
    low, high = axes.get_xlim()
    shown = [tick for tick in axes.get_xticks() if low <= tick <= high]
    assert shown == [1, 2, 3]


def test_a_history_plots_its_curves_without_the_learning_rate(pyplot, tmp_path):
    X, Y = np.random.default_rng(0).standard_normal((2, 8, 2))
    history = pl.Network([2, 3, 2], "tanh", seed=0).train(
        X, Y, epochs=6, validation=0.25, patience=6, metrics="mae", schedule="exponential", seed=0
    )
    axes = history.plot()
    lines = drawn(axes) | drawn(right_axes(axes)[0])
    best = f"best epoch ({history.best_epoch})"
    assert set(lines) == {"loss", "validation loss", "mae", "validation mae", best}
    assert lines["validation loss"] == ([1, 2, 3, 4, 5, 6], history["validation_loss"])
    assert lines["validation mae"] == ([1, 2, 3, 4, 5, 6], history["validation_mae"])
    assert lines[best][0] == [history.best_epoch] * 2
    axes.figure.savefig(tmp_path / "curves.png")  # warnings are errors: everything can be drawn
    assert (tmp_path / "curves.png").stat().st_size > 0


def test_a_history_without_epochs_is_an_empty_plot(pyplot):
    assert drawn(pl.History(seed=0).plot()) == {}


def test_without_matplotlib_the_error_names_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(pl.MissingExtraError, match=r"plotting needs matplotlib.*pip install 'pellucid\[plot\]'"):
        plot_curves(CURVES)
