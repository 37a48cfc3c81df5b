"""Schedules: each against its closed form, and the rates that training really uses."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.errors import UnknownNameError
from pellucid.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    InverseScaling,
    ReduceOnPlateau,
    Schedule,
    Step,
    as_schedule,
)

EPS = np.finfo(float).eps
EPOCHS = 40


def factors(schedule, epochs=EPOCHS, losses=()):
    return [schedule.factor(epoch, epochs, losses) for epoch in range(1, epochs + 1)]


def repeated_product(gamma, times):
    product = 1.0
    for _ in range(times):
        product *= gamma
    return product


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_factor_of_epoch_one_is_one(name):
    assert as_schedule(name).factor(1, EPOCHS, []) == 1.0
    assert as_schedule(name).factor(1, 1, []) == 1.0


def test_constant_never_changes():
    assert factors(Constant()) == [1.0] * EPOCHS
    assert as_schedule(None) == Constant()


@pytest.mark.parametrize(("every", "gamma"), [(1, 0.5), (7, 0.1), (10, 1.0), (100, 0.3)])
def test_step_multiplies_by_gamma_after_every_so_many_epochs(every, gamma):
    expected = [repeated_product(gamma, sum(e % every == 0 for e in range(1, epoch))) for epoch in range(1, EPOCHS + 1)]
    np.testing.assert_allclose(factors(Step(every, gamma)), expected, rtol=EPOCHS * EPS)


@pytest.mark.parametrize("gamma", [0.95, 0.5, 1.0])
def test_exponential_multiplies_by_gamma_after_each_epoch(gamma):
    expected = [repeated_product(gamma, epoch - 1) for epoch in range(1, EPOCHS + 1)]
    np.testing.assert_allclose(factors(Exponential(gamma)), expected, rtol=EPOCHS * EPS)


@pytest.mark.parametrize("final", [0.0, 0.1, 1.0])
def test_cosine_is_half_a_wave_from_one_to_the_final_factor(final):
    # cos² of half the angle: the same wave without the formula's sum
    expected = [final + (1 - final) * math.cos(math.pi * (e - 1) / (2 * EPOCHS)) ** 2 for e in range(1, EPOCHS + 1)]
    np.testing.assert_allclose(factors(Cosine(final=final)), expected, rtol=8 * EPS, atol=8 * EPS)
    assert Cosine(final=final).factor(EPOCHS + 1, EPOCHS, []) == final
    middle = Cosine(final=final).factor(EPOCHS // 2 + 1, EPOCHS, [])
    np.testing.assert_allclose(middle, (1 + final) / 2, rtol=4 * EPS)


def test_cosine_with_its_own_length_ignores_the_total_and_stays_at_the_final_factor():
    own = Cosine(epochs=10, final=0.25)
    for epoch in range(1, 11):
        assert own.factor(epoch, 10, []) == own.factor(epoch, 1000, []) == Cosine(final=0.25).factor(epoch, 10, [])
    assert {own.factor(epoch, 1000, []) for epoch in (11, 12, 999)} == {0.25}


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_inverse_scaling_is_a_power_of_the_epoch(power):
    expected = [math.exp(-power * math.log(epoch)) for epoch in range(1, EPOCHS + 1)]
    np.testing.assert_allclose(factors(InverseScaling(power)), expected, rtol=16 * EPS)


def test_reduce_on_plateau_follows_a_made_up_list_of_losses():
    plateau = ReduceOnPlateau(patience=1, gamma=0.5, threshold=0.1)
    # An improvement must be below 0.9 of the best. Behind each loss: the epochs borne without one.
    losses = [
        10.0,  # the first is the best
        8.0,  # better
        7.5,  # not below 7.2: 1, borne
        7.1,  # better than 7.2
        7.1,  # 1, borne
        6.5,  # not below 6.39: 2, reduced
        6.5,  # 1, borne
        6.3,  # better than 6.39
        9.0,  # 1
        9.0,  # 2, reduced
        9.0,  # 1: the count starts anew
        9.0,  # 2, reduced
        0.1,  # better
    ]
    after = [1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125]
    assert [plateau.factor(n + 1, EPOCHS, losses[:n]) for n in range(1, len(losses) + 1)] == after


def test_without_patience_every_epoch_that_is_no_better_reduces():
    plateau = ReduceOnPlateau(patience=0, gamma=0.5, threshold=0.0)
    losses = [1.0, 1.0, 0.5, 0.5, 0.75, 0.25]
    assert [plateau.factor(n + 1, 9, losses[:n]) for n in range(7)] == [1, 1, 0.5, 0.5, 0.25, 0.125, 0.125]


def test_an_improvement_of_a_negative_loss_is_relative_to_its_size():
    plateau = ReduceOnPlateau(patience=0, gamma=0.5, threshold=0.1)
    assert plateau.factor(3, 9, [-10.0, -10.5]) == 0.5
    assert plateau.factor(3, 9, [-10.0, -11.5]) == 1.0


@settings(deadline=None, max_examples=100)
@given(
    losses=st.lists(st.sampled_from([4.0, 3.0, 2.0, 1.0, 0.5]), max_size=25),
    patience=st.integers(0, 3),
    threshold=st.sampled_from([0.0, 0.25, 0.5]),
)
def test_reduce_on_plateau_is_pytorchs(losses, patience, threshold):
    torch = pytest.importorskip("torch", reason="PyTorch, the outside oracle, is not installed: pellucid[oracles]")
    optimizer = torch.optim.SGD([torch.zeros(1)], 1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=patience, threshold=threshold, eps=0
    )
    ours = ReduceOnPlateau(patience, 0.5, threshold)
    for n, loss in enumerate(losses, start=1):
        theirs.step(loss)
        assert ours.factor(n + 1, EPOCHS, losses[:n]) == optimizer.param_groups[0]["lr"]


@pytest.mark.parametrize(
    "schedule",
    [Step(2, 0.5), Exponential(0.7), Cosine(final=0.1), InverseScaling(1.0), ReduceOnPlateau(0, 0.5, 0.99)],
    ids=lambda schedule: type(schedule).__name__,
)
def test_training_steps_by_the_learning_rate_times_the_factor(schedule):
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((6, 2)), rng.standard_normal((6, 1))
    net = pl.Network([2, 3, 1], "tanh", seed=0)
    before, gradient, rates = [net.parameters.copy()], [net.gradient(X, Y).vector], []

    def look(epoch):
        before.append(epoch.network.parameters.copy())
        gradient.append(net.gradient(X, Y).vector)
        rates.append(epoch.values["learning_rate"])

    history = net.train(
        X, Y, optimizer=pl.SGD(0.05), batch_size=None, epochs=8, schedule=schedule, callbacks=look, validation=(X, Y)
    )
    watched = history["validation_loss"]
    assert history["learning_rate"] == rates
    assert rates == [0.05 * schedule.factor(epoch, 8, watched[: epoch - 1]) for epoch in range(1, 9)]
    assert len(set(rates)) > 1
    for epoch, rate in enumerate(rates):
        step = before[epoch + 1] - before[epoch]
        np.testing.assert_allclose(step, -rate * gradient[epoch], rtol=0, atol=1e-15)


def test_a_constant_rate_is_no_curve_of_the_history():
    X, Y = np.eye(2), np.eye(2)
    assert set(pl.Network([2, 2]).train(X, Y, epochs=1)) == {"loss"}
    assert set(pl.Network([2, 2]).train(X, Y, epochs=1, schedule="exponential")) == {"loss", "learning_rate"}


@pytest.mark.parametrize("validation", [None, ([[2.0, 1.0]], [[0.0, 1.0]])], ids=["", "validation"])
def test_a_users_own_schedule_is_asked_before_each_epoch_with_the_losses_so_far(validation):
    class Recorder(Schedule):
        def factor(self, epoch, epochs, losses):
            asked.append((epoch, epochs, list(losses)))
            return 0.5

    asked = []
    history = pl.Network([2, 2], seed=0).train(
        np.eye(2), np.eye(2), epochs=3, schedule=Recorder(), seed=0, validation=validation
    )
    watched = history["loss" if validation is None else "validation_loss"]
    assert len(set(watched)) == 3
    assert asked == [(epoch, 3, watched[: epoch - 1]) for epoch in (1, 2, 3)]


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: Step(every=0), ValueError, "every"),
        (lambda: Step(every=1.5), TypeError, "every"),
        (lambda: Step(gamma=0.0), ValueError, "gamma"),
        (lambda: Step(gamma=1.5), ValueError, "gamma"),
        (lambda: Exponential(0.0), ValueError, "gamma"),
        (lambda: Exponential(1.1), ValueError, "gamma"),
        (lambda: Exponential(np.nan), ValueError, "gamma"),
        (lambda: Cosine(epochs=0), ValueError, "epochs"),
        (lambda: Cosine(final=-0.1), ValueError, "final"),
        (lambda: Cosine(final=1.1), ValueError, "final"),
        (lambda: InverseScaling(-1), ValueError, "power"),
        (lambda: InverseScaling("1"), TypeError, "power"),
        (lambda: ReduceOnPlateau(patience=-1), ValueError, "patience"),
        (lambda: ReduceOnPlateau(gamma=1.0), ValueError, "gamma"),
        (lambda: ReduceOnPlateau(threshold=1.0), ValueError, "threshold"),
        (lambda: as_schedule(0.5), TypeError, "a schedule is a name or an object"),
        (lambda: as_schedule("cosin"), UnknownNameError, "did you mean 'cosine'"),
    ],
)
def test_an_illegal_setting_is_refused_by_its_name(make, error, says):
    with pytest.raises(error, match=says):
        make()
