"""The face: what a network takes from people with other habits, and that it means the same."""

import numpy as np
import pytest

import pellucid as pl

N = 7
RNG = np.random.default_rng(3)
X = RNG.normal(size=(N, 3))
Y = RNG.uniform(size=(N, 2))
LABELS = RNG.integers(0, 2, N)


def network(**settings):
    return pl.Network([3, 5, 2], "tanh", **({"output": "softmax", "seed": 0} | settings))


@pytest.mark.parametrize("engine", ["native", "numpy"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_calling_and_predicting_are_forward(engine, dtype):
    net = network(engine=engine, dtype=dtype)
    for given in (X, X[0], X.tolist()):
        a = net.forward(given)
        np.testing.assert_array_equal(net(given), a)
        np.testing.assert_array_equal(net.predict(given), a)
        assert a.dtype == dtype  # outputs, never class numbers
    with pytest.raises(ValueError, match="X has shape"):
        net(X[:, :2])


@pytest.mark.parametrize("loss", ["cross_entropy", "sparse_categorical_crossentropy", "CrossEntropyLoss"])
def test_class_numbers_of_either_shape_and_one_hot_rows_are_the_same_targets(loss):
    net = network()
    expected = net.gradient(X, LABELS, "cross_entropy")
    for y in (LABELS[:, np.newaxis], np.eye(2)[LABELS], LABELS.tolist(), [[label] for label in LABELS.tolist()]):
        found = net.gradient(X, y, loss)
        assert found.loss == expected.loss
        np.testing.assert_array_equal(found.vector, expected.vector)
    single = net.backprop(X[0], LABELS[0], loss)
    np.testing.assert_array_equal(net.backprop(X[0], LABELS[:1], loss).gradient.vector, single.gradient.vector)


def test_a_generator_as_a_seed_is_drawn_from():
    same = [network(seed=seed).parameters for seed in (5, np.random.default_rng(5), np.random.SeedSequence(5))]
    np.testing.assert_array_equal(same[0], same[1])
    np.testing.assert_array_equal(same[0], same[2])
    rng = np.random.default_rng(5)
    assert (network(seed=rng).parameters != network(seed=rng).parameters).any()
    assert (
        network(seed=np.random.RandomState(5)).parameters == network(seed=np.random.RandomState(5)).parameters
    ).all()
    for wrong in (-1, 1.5, "0", True, [0]):
        with pytest.raises((TypeError, ValueError), match="seed"):
            network(seed=wrong)


@pytest.mark.parametrize("make", [np.random.default_rng, np.random.SeedSequence, np.random.RandomState])
def test_the_history_names_the_seed_that_was_drawn(make):
    one, other = network(), network()
    history = one.train(X, LABELS, "cross_entropy", epochs=3, batch_size=2, dropout=0.3, validation=0.3, seed=make(8))
    again = other.train(
        X, LABELS, "cross_entropy", epochs=3, batch_size=2, dropout=0.3, validation=0.3, seed=history.seed
    )
    assert (again.seed, again["validation_loss"]) == (history.seed, history["validation_loss"])
    np.testing.assert_array_equal(one.parameters, other.parameters)
    rng = np.random.default_rng(0)
    seeds = {network().train(X, LABELS, "cross_entropy", epochs=1, seed=rng).seed for _ in range(3)}
    assert len(seeds) == 3
    checks = [network().check_gradient(X, Y, at_most=2, seed=np.random.default_rng(1)).relative_error for _ in range(2)]
    assert checks[0] == checks[1]


@pytest.mark.parametrize("name", ["SGD", "sgd", "RMSProp", "rmsprop"])
def test_an_optimizer_by_its_name_has_the_stated_rate_and_the_history_says_so(name):
    kind = pl.SGD if name.lower() == "sgd" else pl.RMSprop
    one, other = network(), network()
    history = one.train(X, Y, optimizer=name, epochs=2, seed=0)
    other.train(X, Y, optimizer=kind(learning_rate=0.01), epochs=2, seed=0)
    np.testing.assert_array_equal(one.parameters, other.parameters)
    assert history.optimizer == kind(0.01)
    assert "learning_rate=0.01" in repr(history)


def test_metrics_by_their_other_names_are_curves_under_ours():
    history = network().train(X, LABELS, "cross_entropy", metrics=["acc", "MSE"], validation=(X, LABELS), epochs=2)
    assert set(history) == {"loss", "accuracy", "mse", "validation_loss", "validation_accuracy", "validation_mse"}
    net = network(output="identity")
    history = net.train(X, Y, metrics="mean_squared_error", epochs=1)
    assert history["mse"][-1] == pytest.approx(np.square(net(X) - Y).mean(), rel=1e-12)
    with pytest.raises(ValueError, match="another curve 'accuracy'"):
        network().train(X, LABELS, "cross_entropy", metrics=["acc", "accuracy"], epochs=1)


def test_matrices_and_biases_are_assigned_together():
    net, other = network(), network(seed=1)
    net.W, net.b = list(other.W), list(other.b)
    np.testing.assert_array_equal(net.parameters, other.parameters)
    net.W = {l: 2 * W for l, W in other.W.items()}
    for l, W in net.W.items():
        np.testing.assert_array_equal(W, 2 * other.W[l])
    before = net.parameters.copy()
    with pytest.raises(ValueError, match=r"W\[3\] has shape"):
        net.W = [np.ones((5, 3)), np.ones((5, 2))]
    np.testing.assert_array_equal(net.parameters, before)


def test_an_explanation_by_position_by_name_and_by_partial_is_the_same():
    run = network().backprop(X[0], Y[0])
    assert run.explain("w", 2, 1, 3).text == run.explain("w", layer=2, j=1, k=3).text == run.explain("w_13^2").text
    assert run.explain("∂L/∂w_13^2").text == run.explain("w_13^2").text
    assert run.explain("∂L/∂z_1^2").text == run.explain("d", 2, 1).text == run.explain("δ_1^2").text
