"""The estimators: scikit-learn's numbers where theirs are right, and everything that is ours besides."""

import copy
import pickle
import re
import warnings

import joblib
import numpy as np
import pytest
import scipy.sparse as sparse
import sklearn.model_selection
import sklearn.neural_network as theirs
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, make_multilabel_classification, make_regression
from sklearn.ensemble import BaggingRegressor
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import InvalidParameterError

import pellucid as pl
from pellucid import estimators as ours
from pellucid.estimators import MLPClassifier, MLPRegressor, fit_many, running

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

DIGITS = load_digits(return_X_y=True)
IRIS = load_iris(return_X_y=True)


def digits(n=300):
    return DIGITS[0][:n] / 16, DIGITS[1][:n]


def numbers(n=120, targets=1):
    X, y = make_regression(n, 5, n_targets=targets, noise=1.0, random_state=3)
    return X, y / 50


LABELS = make_multilabel_classification(120, 8, n_classes=4, random_state=1)
DATA = {
    "two classes": (MLPClassifier, (digits()[0], digits()[1] > 4)),
    "ten classes": (MLPClassifier, digits()),
    "labels": (MLPClassifier, (LABELS[0] / 20, LABELS[1])),
    "a number": (MLPRegressor, numbers()),
}


def pair(kind, **parameters):
    return kind(random_state=4, **parameters), getattr(theirs, kind.__name__)(random_state=4, **parameters)


# scikit-learn's numbers


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize(
    "solver",
    [
        {"solver": "sgd", "momentum": 0.9},
        {"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False, "learning_rate": "constant"},
        {"solver": "sgd", "momentum": 0.5, "nesterovs_momentum": False},
        {"solver": "adam", "epsilon": 1e-300},
        {"solver": "lbfgs"},
    ],
    ids=["nesterov", "plain", "momentum", "adam", "lbfgs"],
)
def test_every_number_is_scikit_learns(data, activation, solver):
    kind, (X, y) = DATA[data]
    size = {} if solver["solver"] == "lbfgs" else {"batch_size": 60}
    mine, their = pair(
        kind, hidden_layer_sizes=(9, 6), activation=activation, alpha=0.03, shuffle=False, max_iter=4, **size, **solver
    )
    mine.fit(X, y)
    their.fit(X, y)
    assert mine.n_iter_ == their.n_iter_
    assert mine.t_ == their.t_ or solver["solver"] == "lbfgs"
    assert mine.out_activation_ == their.out_activation_
    np.testing.assert_allclose(mine.loss_, their.loss_, rtol=1e-9)
    if solver["solver"] != "lbfgs":
        np.testing.assert_allclose(mine.loss_curve_, their.loss_curve_, rtol=1e-9)
        np.testing.assert_allclose(mine.best_loss_, their.best_loss_, rtol=1e-9)
    for name in ("coefs_", "intercepts_"):
        for one, other in zip(getattr(mine, name), getattr(their, name), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(mine.predict(X), their.predict(X), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_training_stops_where_scikit_learns_does(solver):
    X, y = IRIS
    mine, their = pair(
        MLPClassifier, hidden_layer_sizes=8, solver=solver, shuffle=False, batch_size=50, tol=1e-3, max_iter=400,
        n_iter_no_change=4, learning_rate_init=0.02, epsilon=1e-300,
    )  # fmt: skip
    mine.fit(X, y)
    their.fit(X, y)
    assert mine.n_iter_ == their.n_iter_ < 400


def test_an_adaptive_rate_falls_as_scikit_learns_does():
    X, y = IRIS
    mine, their = pair(
        MLPClassifier, solver="sgd", learning_rate="adaptive", shuffle=False, batch_size=50, tol=0.01, momentum=0.0,
        learning_rate_init=0.05, max_iter=1000,
    )  # fmt: skip
    mine.fit(X, y)
    their.fit(X, y)
    assert mine.n_iter_ == their.n_iter_ < 1000
    assert mine.learning_rate_ == pytest.approx(their._optimizer.learning_rate)
    np.testing.assert_allclose(mine.loss_curve_, their.loss_curve_, rtol=1e-9)


# and where theirs are not right


def test_the_gradient_of_several_outputs_is_that_of_the_reported_loss():
    X, Y = numbers(targets=3)
    model = MLPRegressor(hidden_layer_sizes=4, activation="tanh", alpha=0.1, batch_size=120, max_iter=1, random_state=0)
    model.fit(X, Y)
    start = MLPRegressor(hidden_layer_sizes=4, activation="tanh", alpha=0.1, batch_size=120, max_iter=1, random_state=0)
    start._prepare(X, Y, None, None, incremental=False)
    g = start.network_.gradient(X, Y, "half_squared_error", l2=0.1 / 120)
    assert model.loss_ == pytest.approx(g.loss, rel=1e-12)
    assert start.network_.check_gradient(X, Y, "half_squared_error", l2=0.1 / 120)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_warm_start_goes_on_as_if_it_had_not_stopped(solver):
    X, y = digits()
    whole = MLPClassifier(solver=solver, shuffle=False, max_iter=12, random_state=0).fit(X, y)
    parts = MLPClassifier(solver=solver, shuffle=False, max_iter=6, random_state=0, warm_start=True).fit(X, y).fit(X, y)
    assert parts.n_iter_ == 6
    assert parts.loss_curve_ == whole.loss_curve_
    assert all((a == b).all() for a, b in zip(parts.coefs_, whole.coefs_, strict=True))


def test_divergence_is_told_when_it_happens_and_finite_parameters_are_kept():
    X, y = numbers()
    model = MLPRegressor(solver="sgd", learning_rate_init=1e4, activation="identity", random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"diverged in epoch \d+.*learning_rate_init below 10000"):
        model.fit(X, y)
    assert np.isfinite(model.predict(X)).all()
    assert all(np.isfinite(W).all() for W in model.coefs_)
    assert np.isnan(model.loss_curve_[-1])
    assert np.isfinite(model.loss_curve_[:-1]).all()
    assert len(model.loss_curve_) == model.n_iter_
    with pytest.warns(ConvergenceWarning, match="standardize='inputs'"):
        MLPRegressor(solver="sgd", random_state=0).fit(X * 1e6, y)


def test_warnings_point_at_the_line_that_fits():
    X, y = digits(50)
    with pytest.warns(ConvergenceWarning) as caught:
        MLPClassifier(max_iter=2).fit(X, y)
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="batch_size=80 is more than the 50 samples") as caught:
        MLPClassifier(max_iter=2, batch_size=80).fit(X, y)
    assert caught[0].filename == __file__


# weights


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("data", ["two classes", "ten classes", "a number"])
def test_weight_two_is_the_sample_twice(data, standardize):
    kind, (X, y) = DATA[data]
    X, y = X[:90], y[:90]
    times = np.random.default_rng(0).integers(0, 4, len(X))
    for solver in ("lbfgs", "adam"):
        weighted, repeated = (
            kind(
                hidden_layer_sizes=5, activation="tanh", solver=solver, max_iter=15, batch_size=10_000, random_state=2,
                standardize=standardize,
            )
            for _ in range(2)
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            weighted.fit(X, y, sample_weight=times)
            repeated.fit(np.repeat(X, times, axis=0), np.repeat(y, times))
        assert weighted.loss_ == pytest.approx(repeated.loss_, rel=1e-6)


def test_class_weights_are_sample_weights():
    X, y = digits()
    by_class = {0: 3.0, 7: 0.5}
    a = MLPClassifier(max_iter=5, random_state=0, class_weight=by_class).fit(X, y)
    b = MLPClassifier(max_iter=5, random_state=0).fit(X, y, sample_weight=[by_class.get(label, 1.0) for label in y])
    assert a.loss_curve_ == b.loss_curve_
    balanced = MLPClassifier(max_iter=5, random_state=0, class_weight="balanced").fit(X, y)
    assert balanced.loss_curve_ != a.loss_curve_
    with pytest.raises(ValueError, match="balanced"):
        MLPClassifier(class_weight="balanced").partial_fit(X, y, classes=range(10))
    with pytest.raises(ValueError, match="non-zero"):
        MLPClassifier().fit(X, y, sample_weight=np.zeros(len(X)))


# beyond


def test_an_activation_for_each_layer_and_ones_own():
    X, y = digits()
    model = MLPClassifier((12, 8), ["tanh", "silu"], max_iter=3, random_state=0).fit(X, y)
    assert [str(sigma) for sigma in model.network_.activations.values()] == ["tanh", "silu", "softmax"]
    square = pl.Activation("square", np.square, lambda z: 2 * z)
    model = MLPClassifier((12,), square, max_iter=3, random_state=0).fit(X, y)
    assert model.network_.activations[2] is square
    formula = pl.symbolic.activation("z/(1+exp(-z))")
    assert MLPClassifier((12,), formula, max_iter=3, random_state=0).fit(X, y).loss_ == pytest.approx(
        MLPClassifier((12,), "silu", max_iter=3, random_state=0).fit(X, y).loss_, rel=1e-9
    )
    with pytest.raises(ValueError, match="activation has 2 entries"):
        MLPClassifier((12,), ["tanh", "relu"]).fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "loss"),
    [
        ({"loss": "absolute_error"}, "mae"),
        ({"loss": "huber", "delta": 0.3}, pl.Huber(0.3)),
        ({"loss": "quantile", "quantile": 0.8}, pl.Quantile(0.8)),
        ({"loss": "poisson"}, "poisson"),
        ({"loss": pl.symbolic.loss("(a - y)^4")}, pl.symbolic.loss("(a - y)^4")),
    ],
)
def test_losses(parameters, loss):
    X, y = numbers()
    y = np.abs(y)
    model = MLPRegressor(
        hidden_layer_sizes=(30,), solver="lbfgs", max_iter=300, alpha=0.0, random_state=1, **parameters
    )
    model.fit(X, y)
    found = model.network_.gradient(X, y, loss)
    assert model.loss_ == pytest.approx(found.loss, rel=1e-9)
    mean = np.median(y) if parameters["loss"] == "absolute_error" else np.mean(y)
    assert np.abs(model.predict(X) - y).mean() < np.abs(mean - y).mean()


def test_several_quantiles_at_once():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (4000, 1))
    y = X[:, 0] + rng.normal(size=4000) * 0.3
    taus = [0.1, 0.5, 0.9]
    model = MLPRegressor(
        "quantile", (16,), "tanh", quantile=taus, learning_rate_init=0.003, max_iter=100, random_state=0
    )
    predicted = model.fit(X, y).predict(X)
    assert predicted.shape == (4000, 3)
    for tau, column in zip(taus, predicted.T, strict=True):
        assert (y <= column).mean() == pytest.approx(tau, abs=0.08)
    assert 0.2 < model.score(X, y) < 1
    two = MLPRegressor("quantile", (4,), quantile=taus, max_iter=3).fit(X, np.stack([y, -y], axis=1))
    assert two.predict(X).shape == (4000, 2, 3)
    single = MLPRegressor("quantile", (4,), quantile=[0.3], max_iter=3, random_state=0, shuffle=False).fit(X, y)
    other = MLPRegressor("quantile", (4,), quantile=0.3, max_iter=3, random_state=0, shuffle=False).fit(X, y)
    np.testing.assert_allclose(single.loss_curve_, other.loss_curve_, rtol=1e-9)
    with pytest.raises(ValueError, match="quantile"):
        MLPRegressor("quantile", quantile=[0.3, 1.0]).fit(X, y)


def test_a_validation_set_of_ones_own():
    X, y = digits(600)
    train, held = (X[:400], y[:400]), (X[400:], y[400:])
    model = MLPClassifier(max_iter=8, random_state=0).fit(*train, validation_set=held)
    assert len(model.validation_loss_curve_) == 8
    assert model.validation_loss_curve_[-1] == pytest.approx(
        -np.log(model.predict_proba(held[0])[range(200), held[1]]).mean()
    )
    assert model.validation_scores_ is None
    assert model.loss_curve_ == MLPClassifier(max_iter=8, random_state=0).fit(*train).loss_curve_
    for monitor in ("score", "loss"):
        model = MLPClassifier(
            max_iter=200,
            learning_rate_init=0.01,
            early_stopping=True,
            monitor=monitor,
            n_iter_no_change=5,
            random_state=0,
        )
        model.fit(*train, validation_set=(*held, np.ones(200)))
        assert model.n_iter_ < 200
        assert len(model.validation_scores_) == len(model.validation_loss_curve_) == model.n_iter_
        if monitor == "score":
            assert model.score(*held) == model.best_validation_score_ == max(model.validation_scores_)
        else:
            loss = -np.log(model.predict_proba(held[0])[range(200), held[1]]).mean()
            assert loss == pytest.approx(min(model.validation_loss_curve_))
    with pytest.raises(ValueError, match="validation_set is"):
        model.fit(*train, validation_set=3)


def test_the_split_is_stratified_by_class():
    X, y = digits(500)
    model = MLPClassifier(early_stopping=True, validation_fraction=0.2, max_iter=3, random_state=0)
    seen = []
    scorer = model._scorer
    model._scorer = lambda validation: seen.append(validation) or scorer(validation)
    model.fit(X, y)
    counts = seen[0][1].sum(axis=0)
    np.testing.assert_allclose(counts, np.bincount(y) / 5, atol=1)


def test_what_is_held_out_is_not_in_the_standardisation():
    X, y = numbers()
    model = MLPRegressor(early_stopping=True, validation_fraction=0.5, max_iter=2, random_state=0, standardize=True)
    model.fit(X, y)
    rest, _ = sklearn.model_selection.train_test_split(X, random_state=after_the_weights(model), test_size=0.5)
    np.testing.assert_allclose(model.x_scaling_.mean, rest.mean(axis=0))


def after_the_weights(model):
    random = np.random.RandomState(0)
    for W, b in zip(model.coefs_, model.intercepts_, strict=True):
        random.uniform(size=W.shape), random.uniform(size=b.shape)
    return random


def test_a_classifiers_loss_of_ones_own():
    X, y = digits()
    model = MLPClassifier(
        (16,), loss=pl.symbolic.loss("(a - y)^2"), max_iter=60, learning_rate_init=0.01, random_state=0
    )
    assert model.fit(X, y).score(X, y) > 0.9
    Y = np.eye(10)[y]
    assert model.network_.gradient(X, Y, "mse").loss == pytest.approx(((model.predict_proba(X) - Y) ** 2).mean())


def test_callbacks_see_every_epoch_and_can_stop():
    X, y = digits()
    seen = []

    def watch(epoch):
        seen.append((epoch.number, epoch.values["loss"]))
        if epoch.number == 4:
            epoch.stop()

    model = MLPClassifier(max_iter=50, random_state=0, callbacks=watch).fit(X, y)
    assert model.n_iter_ == 4
    assert seen == list(enumerate(model.loss_curve_, 1))


@pytest.mark.parametrize("standardize", [False, "inputs", "targets", True])
def test_standardisation_is_stored_and_undone(standardize):
    X, y = numbers()
    X, y = X * [1, 10, 100, 1e3, 1e4] + 500, y * 1000 - 300
    model = MLPRegressor(
        hidden_layer_sizes=(20,),
        activation="tanh",
        solver="lbfgs",
        standardize=standardize,
        max_iter=200,
        random_state=0,
    )
    model.fit(X, y)
    if standardize is True:
        assert model.score(X, y) > 0.95
        np.testing.assert_allclose(model.x_scaling_.mean, X.mean(axis=0))
        np.testing.assert_allclose(model.x_scaling_.scale, X.std(axis=0))
        model.set_params(solver="adam", max_iter=5).fit(X, y)
        by_hand = make_pipeline(StandardScaler(), clone(model).set_params(standardize="targets")).fit(X, y)
        np.testing.assert_allclose(by_hand.predict(X), model.predict(X), rtol=1e-9)
    assert (model.x_scaling_ is None) == (standardize in (False, "targets"))
    assert (model.y_scaling_ is None) == (standardize in (False, "inputs"))


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("targets", [1, 3])
def test_input_gradients_against_differences(standardize, targets):
    X, Y = numbers(targets=targets)
    model = MLPRegressor(
        hidden_layer_sizes=(6,), activation="tanh", standardize=standardize, max_iter=30, random_state=0
    )
    model.fit(X * 3 + 1, Y)
    at, h = X[:5] * 3 + 1, 1e-6
    found = model.input_gradient(at).reshape(5, targets, 5)
    for k in range(5):
        step = np.eye(5)[k] * h
        quotient = (model.predict(at + step) - model.predict(at - step)).reshape(5, targets) / (2 * h)
        np.testing.assert_allclose(found[:, :, k], quotient, rtol=1e-6, atol=1e-8)
    X, y = digits()
    assert MLPClassifier(max_iter=2).fit(X, y).input_gradient(X[:3]).shape == (3, 10, 64)
    assert MLPClassifier(max_iter=2).fit(X, y > 4).input_gradient(X[:3]).shape == (3, 64)


def test_everything_is_there_to_look_at():
    X, y = digits()
    model = MLPClassifier((16,), max_iter=3, random_state=0).fit(X, y)
    run = model.network_.backprop(X[0], y[0], "cross_entropy")
    np.testing.assert_allclose(run.a[3], model.predict_proba(X[:1])[0])
    assert model.network_.engine == "native"
    model.coefs_[0][3, 5] = 7.0
    assert model.network_["w_{6,4}^2"] == 7.0
    model.coefs_[1] = np.zeros_like(model.coefs_[1])
    np.testing.assert_allclose(model.predict_proba(X).std(axis=0), 0, atol=1e-12)
    with pytest.raises(NotFittedError):
        MLPClassifier().input_gradient(X)


# data of all kinds


def test_sparse_inputs_are_made_dense_a_chunk_at_a_time(monkeypatch):
    X, y = digits(500)
    dense = MLPClassifier(max_iter=4, batch_size=50, random_state=0).fit(X, y)
    for make in (sparse.csr_array, sparse.csc_matrix):
        once = MLPClassifier(max_iter=4, batch_size=50, random_state=0).fit(make(X), y)
        assert once.loss_curve_ == dense.loss_curve_
    monkeypatch.setattr(running, "CHUNK_BYTES", 64 * 8 * 120)
    largest = []
    dense_rows = running.Inputs.dense

    def watched(self, rows=None):
        found = dense_rows(self, rows)
        largest.append(len(found))
        return found

    monkeypatch.setattr(running.Inputs, "dense", watched)
    chunks = MLPClassifier(max_iter=4, batch_size=50, random_state=0).fit(sparse.csr_array(X), y)
    assert max(largest) == 100
    np.testing.assert_allclose(chunks.loss_curve_, dense.loss_curve_, rtol=1e-12)
    assert all((a == b).all() for a, b in zip(chunks.coefs_, dense.coefs_, strict=True))
    np.testing.assert_allclose(chunks.predict_proba(sparse.csr_array(X)), dense.predict_proba(X), rtol=1e-12)
    dense, chunks = (
        MLPClassifier((9,), solver="lbfgs", max_iter=5, random_state=0).fit(Z, y) for Z in (X, sparse.csr_array(X))
    )
    np.testing.assert_allclose(chunks.loss_curve_, dense.loss_curve_, rtol=1e-9)


def test_memory_maps(tmp_path, monkeypatch):
    X, y = digits(400)
    floats = np.memmap(tmp_path / "f", np.float32, "w+", shape=X.shape)
    floats[:] = X
    model = MLPClassifier(max_iter=3, random_state=0).fit(floats, y)
    assert model.network_.dtype == np.float32
    assert model.loss_curve_ == MLPClassifier(max_iter=3, random_state=0).fit(X.astype(np.float32), y).loss_curve_
    pixels = np.memmap(tmp_path / "b", np.uint8, "w+", shape=X.shape)
    pixels[:] = np.round(X * 16)
    monkeypatch.setattr(running, "CHUNK_BYTES", 64 * 8 * 200)
    mapped = MLPClassifier(max_iter=3, random_state=0, standardize=True).fit(pixels, y)
    whole = MLPClassifier(max_iter=3, random_state=0, standardize=True).fit(np.asarray(pixels, np.float64), y)
    np.testing.assert_allclose(mapped.loss_curve_, whole.loss_curve_, rtol=1e-9)
    assert mapped.score(pixels, y) == whole.score(np.asarray(pixels, np.float64), y)


def test_chunks_that_come_one_at_a_time():
    X, y = digits(600)
    parts = [(X[i::4], y[i::4]) for i in range(4)]
    model = MLPClassifier(max_iter=40, random_state=0).fit_chunks(parts)
    assert model.score(X, y) > 0.9
    assert len(model.loss_curve_) == model.n_iter_ <= 40
    assert model.t_ == 600 * model.n_iter_
    again = MLPClassifier(max_iter=40, random_state=0).fit_chunks(lambda: iter(parts), classes=range(10))
    assert again.loss_curve_ == model.loss_curve_
    lacking = [(X[y < 5], y[y < 5]), (X[y >= 5], y[y >= 5])]
    assert set(MLPClassifier(max_iter=9).fit_chunks(lacking, classes=range(10)).classes_) == set(range(10))
    with pytest.raises(ValueError, match="classes not in"):
        MLPClassifier(max_iter=9).fit_chunks(lacking)
    with pytest.raises(ValueError, match="gone through once"):
        MLPClassifier(max_iter=9).fit_chunks(iter(parts))
    MLPClassifier(max_iter=1).fit_chunks(iter(parts))
    with pytest.raises(ValueError, match="there are no chunks"):
        MLPClassifier().fit_chunks([])
    X, y = numbers()
    assert MLPRegressor(max_iter=3, standardize=True).fit_chunks([(X, y)]).y_scaling_ is not None


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames_give_their_names(library):
    frames = pytest.importorskip(library)
    X, y = digits(200)
    names = [f"pixel {i}" for i in range(64)]
    X = frames.DataFrame({name: X[:, i] for i, name in enumerate(names)})
    labels = frames.Series([f"digit {label}" for label in y])
    model = MLPClassifier(max_iter=30, random_state=0).fit(X, labels)
    assert list(model.feature_names_in_) == names
    assert set(model.predict(X)) <= set(labels)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(X[[*names[1:], names[0]]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_type_of_the_inputs_is_kept(dtype):
    X, y = numbers()
    model = MLPRegressor(max_iter=3).fit(X.astype(dtype), y)
    assert model.network_.dtype == dtype
    assert model.coefs_[0].dtype == model.predict(X.astype(dtype)).dtype == dtype


# kept, copied, searched


@pytest.fixture(scope="module")
def fitted():
    X, y = digits()
    model = MLPClassifier(
        (12,), max_iter=6, random_state=0, standardize=True, class_weight={"three": 2.0}, early_stopping=True,
        warm_start=True, n_iter_no_change=np.inf,
    )  # fmt: skip
    names = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"], dtype=object)
    return model.fit(X, names[y]), X, names[y]


@pytest.mark.parametrize("through", ["pickle", "joblib", "deepcopy", "file"])
def test_copies_are_the_same_and_go_on_alike(fitted, through, tmp_path):
    model, X, y = fitted
    model = copy.deepcopy(model)
    path = tmp_path / "model"
    if through == "pickle":
        other = pickle.loads(pickle.dumps(model))
    elif through == "joblib":
        joblib.dump(model, path)
        other = joblib.load(path)
    elif through == "deepcopy":
        other = copy.deepcopy(model)
    else:
        model.save(path)
        other = pl.load(path)
    assert other.get_params() == model.get_params()
    assert (other.predict_proba(X) == model.predict_proba(X)).all()
    assert (other.predict(X) == model.predict(X)).all()
    for name in ("loss_curve_", "validation_scores_", "n_iter_", "t_", "best_validation_score_", "learning_rate_"):
        assert getattr(other, name) == getattr(model, name), name
    assert other.coefs_[0].base is not None
    other.coefs_[0][0, 0] = 3.0
    assert other.network_.W[2][0, 0] == 3.0
    other.coefs_[0][0, 0] = model.coefs_[0][0, 0]
    assert other.fit(X, y).loss_curve_ == model.fit(X, y).loss_curve_


def test_files_hold_no_code(tmp_path, fitted):
    X, y = digits()
    square = pl.Activation("square", np.square, lambda z: 2 * z)
    with pytest.raises(ValueError, match="user-made"):
        MLPClassifier((4,), square, max_iter=2).fit(X, y).save(tmp_path / "a")
    with pytest.raises(NotFittedError):
        MLPClassifier().save(tmp_path / "a")
    assert not (tmp_path / "a").exists()
    model = MLPRegressor(pl.Huber(0.5), (4,), max_iter=2, standardize=True).fit(*numbers())
    model.save(tmp_path / "b")
    assert str(pl.load(tmp_path / "b").loss) == "huber(delta=0.5)"
    assert (pl.load(tmp_path / "b").predict(numbers()[0]) == model.predict(numbers()[0])).all()
    model.network_.save(tmp_path / "c")
    assert type(pl.load(tmp_path / "c")) is pl.Network


DAYS = np.array(["2024-01-31", "2024-02-29", "2024-03-31"], "datetime64[D]")


@pytest.mark.parametrize(
    "labels",
    [
        np.array([3, 5, 9], np.int8), np.array([False, True, True]), np.array([1.0, 2.0, 7.0]),
        np.array(["nan", "inf", "1"]), np.array(["ä", "", " "], dtype=object),
        DAYS, DAYS.astype("datetime64[ns]"), DAYS - DAYS[0],
    ],
    ids=lambda labels: str(labels.dtype),
)  # fmt: skip
def test_labels_of_every_type_come_back_from_a_file_as_they_were(labels, tmp_path):
    X, y = IRIS
    model = MLPClassifier((4,), max_iter=2, random_state=0).fit(X, labels[y])
    model.save(tmp_path / "a")
    other = pl.load(tmp_path / "a")
    assert other.classes_.dtype == model.classes_.dtype
    assert other.classes_.tolist() == model.classes_.tolist()
    assert other.predict(X).tolist() == model.predict(X).tolist()
    assert other.fit(X, labels[y]).loss_curve_ == model.fit(X, labels[y]).loss_curve_


@pytest.mark.parametrize("is_sparse", [True, False])
def test_several_labels_come_back_from_a_file_sparse_or_dense_as_they_were(is_sparse, tmp_path):
    X, y = IRIS
    Y = np.eye(3, dtype=int)[y] | np.eye(3, dtype=int)[(y + 1) % 3]
    model = MLPClassifier((4,), max_iter=2, random_state=0).fit(X, sparse.csr_matrix(Y) if is_sparse else Y)
    model.save(tmp_path / "a")
    found, expected = pl.load(tmp_path / "a").predict(X), model.predict(X)
    assert sparse.issparse(found) == sparse.issparse(expected) == is_sparse
    assert type(found) is type(expected)
    assert abs(found - expected).max() == 0


@pytest.mark.parametrize("weights", [{"nan": 2.0, "inf": 0.5}, {"1": 3}, {}], ids=str)
def test_class_weights_come_back_from_a_file_with_their_keys(weights, tmp_path):
    X, y = IRIS
    labels = np.array(["nan", "inf", "1"])[y]
    MLPClassifier((4,), max_iter=2, class_weight=weights, n_iter_no_change=np.inf).fit(X, labels).save(tmp_path / "a")
    other = pl.load(tmp_path / "a")
    assert other.class_weight == weights
    assert list(map(type, other.class_weight)) == list(map(type, weights))
    assert other.n_iter_no_change == np.inf


def test_requests_for_metadata_come_back_from_a_file(tmp_path):
    X, y = IRIS
    with config_context(enable_metadata_routing=True):
        model = MLPClassifier((4,), max_iter=2).set_fit_request(sample_weight=True).set_score_request(sample_weight="w")
        model.fit(X, y).save(tmp_path / "a")
        MLPClassifier((4,), max_iter=2).fit(X, y).save(tmp_path / "b")
        other, plain = pl.load(tmp_path / "a"), pl.load(tmp_path / "b")
        assert repr(other.get_metadata_routing()) == repr(model.get_metadata_routing())
        assert repr(plain.get_metadata_routing()) == repr(MLPClassifier().get_metadata_routing())
    assert "_metadata_request" not in vars(plain)


def test_what_is_code_or_no_parameter_is_refused_by_its_name_before_anything_is_written(tmp_path):
    X, y = IRIS

    class Mine(MLPClassifier):
        pass

    days = dict.fromkeys(DAYS.tolist(), 2.0)
    odd = np.random.RandomState(np.random.PCG64(0))
    for model, said in [
        (Mine((4,), max_iter=2).fit(X, y), "Mine is a class of your own"),
        (MLPClassifier((4,), max_iter=2, class_weight=days).fit(X, DAYS[y]), "class_weight: .* not a date"),
        (MLPClassifier((4,), max_iter=2, random_state=odd).fit(X, y), "random_state: .* not a RandomState"),
        (MLPClassifier((4,), max_iter=2).fit(X, y).set_params(alpha=-1), "'alpha'"),
    ]:
        with pytest.raises(ValueError, match=said):
            model.save(tmp_path / "a")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_to_and_from_scikit_learn_are_exact(data, dtype):
    kind, (X, y) = DATA[data]
    X = X.astype(dtype)
    their = getattr(theirs, kind.__name__)((7, 5), activation="tanh", max_iter=4, random_state=0)
    if kind is MLPRegressor:
        their = theirs.MLPRegressor("squared_error", (7, 5), "tanh", max_iter=4, random_state=0)
    their.fit(X, y)
    mine = kind.from_sklearn(their)
    back = mine.to_sklearn()
    for one, other in zip(their.coefs_ + their.intercepts_, back.coefs_ + back.intercepts_, strict=True):
        assert one.dtype == other.dtype
        assert (one == other).all()
    assert back.get_params() == their.get_params()
    assert (back.predict(X) == their.predict(X)).all()
    np.testing.assert_allclose(mine.predict(X), their.predict(X), rtol=1e-4 if dtype == np.float32 else 1e-12)
    assert mine.loss_curve_ == their.loss_curve_
    back.partial_fit(X, y)
    mine.partial_fit(X, y)


def test_what_scikit_learn_cannot_have_is_refused():
    X, y = digits()
    with pytest.raises(ValueError, match="no hidden activations silu"):
        MLPClassifier((4,), "silu", max_iter=2).fit(X, y).to_sklearn()
    with pytest.raises(ValueError, match="no standardisation"):
        MLPClassifier((4,), standardize=True, max_iter=2).fit(X, y).to_sklearn()
    with pytest.raises(TypeError, match="MLPClassifier"):
        MLPClassifier.from_sklearn(theirs.MLPRegressor())
    with pytest.raises(NotFittedError):
        MLPClassifier.from_sklearn(theirs.MLPClassifier())


@pytest.mark.parametrize("name", ["GridSearchCV", "RandomizedSearchCV"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_search_side_by_side_finds_the_same(name, solver):
    X, y = digits(240)
    space = {"alpha": [1e-4, 0.1], "hidden_layer_sizes": [(4,), (8, 4)]}
    model = MLPClassifier(max_iter=12, solver=solver, random_state=0)
    arguments = {"cv": 3, "return_train_score": True}
    if name == "RandomizedSearchCV":
        arguments |= {"n_iter": 3, "random_state": 5}
    mine = getattr(ours, name)(model, space, **arguments).fit(X, y)
    their = getattr(sklearn.model_selection, name)(model, space, **arguments).fit(X, y)
    assert mine.best_params_ == their.best_params_
    for key in their.cv_results_:
        if "time" not in key:
            assert (np.asarray(mine.cv_results_[key]) == np.asarray(their.cv_results_[key])).all(), key
    assert (mine.predict_proba(X) == their.predict_proba(X)).all()
    assert (mine.cv_results_["mean_fit_time"] > 0).all()
    assert mine.cv == 3
    piped = ours.GridSearchCV(make_pipeline(StandardScaler(), model), {"mlpclassifier__alpha": [0.1, 1.0]}, cv=3)
    piped.fit(X, y)


def test_fits_side_by_side_are_the_same():
    X, y = digits()
    models = [MLPClassifier((n,), max_iter=5, random_state=n) for n in (3, 5, 8)]
    diverges = MLPRegressor(solver="sgd", learning_rate_init=1e5, activation="identity", max_iter=9, random_state=0)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        found = fit_many([*((model, X, y) for model in models), (diverges, *numbers())])
    assert found == [*models, diverges]
    for model in models:
        assert model.loss_curve_ == clone(model).fit(X, y).loss_curve_
    assert np.isfinite(diverges.predict(numbers()[0])).all()
    with pytest.raises(ValueError, match="more than once"):
        fit_many([(models[0], X, y), (models[0], X, y)])
    with pytest.raises(TypeError, match="this library's"):
        fit_many([(theirs.MLPClassifier(), X, y)])


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_joblib(backend):
    X, y = digits(240)
    model = MLPClassifier((6,), max_iter=5, random_state=0)
    with joblib.parallel_config(backend, n_jobs=2):
        scores = cross_val_score(model, X, y, cv=3)
        X, y = numbers()
        bag = BaggingRegressor(MLPRegressor(hidden_layer_sizes=(6,), max_iter=5), n_estimators=3, random_state=0).fit(
            X, y
        )
    assert (scores == cross_val_score(model, *digits(240), cv=3)).all()
    assert bag.predict(X).shape == y.shape


def test_metadata_is_routed():
    X, y = digits(240)
    with sklearn.config_context(enable_metadata_routing=True):
        model = MLPClassifier((6,), max_iter=3, random_state=0).set_fit_request(sample_weight=True, validation_set=True)
        weight = np.arange(240.0)
        piped = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model)
        scaled = StandardScaler().fit_transform(X)
        piped.fit(X, y, sample_weight=weight, validation_set=(scaled[:50], y[:50]))
    assert piped[-1].loss_curve_ == clone(model).fit(scaled, y, sample_weight=weight).loss_curve_
    assert len(piped[-1].validation_loss_curve_) == 3


# parameters


@pytest.mark.parametrize(
    "parameters",
    [
        {"alpha": -1}, {"activation": "rely"}, {"solver": "newton"}, {"batch_size": 0}, {"learning_rate": "fast"},
        {"learning_rate_init": 0}, {"max_iter": 0}, {"tol": -1}, {"momentum": 1.5}, {"beta_1": 1.0}, {"epsilon": 0},
        {"n_iter_no_change": 0}, {"validation_fraction": 1.0}, {"dropout": 1.0}, {"clip_norm": 0}, {"monitor": "f1"},
        {"standardize": "all"}, {"bias": 2}, {"callbacks": 3}, {"shuffle": "yes"}, {"max_fun": 0}, {"power_t": -1},
        {"hidden_layer_sizes": "big"}, {"class_weight": "even"}, {"loss": "hinge"},
    ],
    ids=str,
)  # fmt: skip
def test_illegal_parameters_are_named(parameters):
    X, y = digits(50)
    with pytest.raises(InvalidParameterError, match=f"'{next(iter(parameters))}' parameter"):
        MLPClassifier(**parameters).fit(X, y)


@pytest.mark.parametrize("sizes", [0, (3, -1), (2.5,)])
def test_illegal_sizes_are_named(sizes):
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        MLPClassifier(sizes).fit(*digits(50))


LEGAL = st.fixed_dictionaries(
    {
        "hidden_layer_sizes": st.lists(st.integers(1, 9), max_size=3).map(tuple),
        "activation": st.sampled_from(["identity", "logistic", "tanh", "relu", "silu", "elu", "softplus"]),
        "solver": st.sampled_from(["lbfgs", "sgd", "adam"]),
        "alpha": st.sampled_from([0.0, 1e-4, 1.0, 100.0]),
        "batch_size": st.sampled_from(["auto", 1, 7, 30]),
        "learning_rate": st.sampled_from(["constant", "invscaling", "adaptive"]),
        "learning_rate_init": st.sampled_from([1e-6, 1e-3, 0.1, 1e3]),
        "power_t": st.sampled_from([0.0, 0.5, 2.0]),
        "max_iter": st.integers(1, 12),
        "shuffle": st.booleans(),
        "random_state": st.integers(0, 1000),
        "tol": st.sampled_from([0.0, 1e-4, 10.0]),
        "warm_start": st.booleans(),
        "momentum": st.sampled_from([0.0, 0.9, 1.0]),
        "nesterovs_momentum": st.booleans(),
        "early_stopping": st.booleans(),
        "validation_fraction": st.sampled_from([0.1, 0.4]),
        "beta_1": st.sampled_from([0.0, 0.9]),
        "beta_2": st.sampled_from([0.0, 0.999]),
        "epsilon": st.sampled_from([1e-12, 1e-8, 1.0]),
        "n_iter_no_change": st.sampled_from([1, 3, np.inf]),
        "max_fun": st.integers(1, 30),
        "clip_norm": st.sampled_from([None, 1.0]),
        "monitor": st.sampled_from(["score", "loss"]),
        "standardize": st.sampled_from([False, True, "inputs"]),
        "bias": st.booleans(),
    }
)
CAN_BE_MENDED = re.compile("max_iter|max_fun|diverged|batch_size")


@given(LEGAL, st.sampled_from(["two classes", "ten classes", "labels", "a number"]), st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_hundred_fits_with_legal_parameters(parameters, data, is_single):
    kind, (X, y) = DATA[data]
    X, y = X[:60].astype(np.float32 if is_single else np.float64), y[:60]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = kind(**parameters).fit(X, y)
        model.predict(X)
        if parameters["warm_start"]:
            model.fit(X, y)
    assert all(CAN_BE_MENDED.search(str(one.message)) for one in caught), [str(one.message) for one in caught]
    assert all(np.isfinite(W).all() for W in model.coefs_)
    assert model.n_iter_ <= parameters["max_iter"]


# Without biases


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("data", DATA)
def test_without_biases_intercepts_are_zeros_and_the_rest_goes_on(data, solver, tmp_path):
    kind, (X, y) = DATA[data]
    how = {"hidden_layer_sizes": (7, 5), "activation": "tanh", "max_iter": 4, "random_state": 0, "tol": 0.0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = kind(solver=solver, bias=False, n_iter_no_change=np.inf, **how).fit(X, y)
    network = model.network_
    assert not network.has_bias
    assert network.parameters.size == sum(W.size for W in model.coefs_)
    assert [b.shape for b in model.intercepts_] == [(W.shape[1],) for W in model.coefs_]
    a = X
    for i, (W, b) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        assert not b.any()
        a = a @ W + b
        a = np.tanh(a) if i < 2 else a
    z = network.backprop(X, network.forward(X) * 0 + 0.5, "mse").z[4]
    np.testing.assert_allclose(z, a, rtol=0, atol=1e-12 * np.abs(a).max())
    with pytest.raises(ValueError, match="read-only"):
        model.intercepts_[0][0] = 1.0
    theirs = model.to_sklearn()
    np.testing.assert_allclose(theirs.predict(X), model.predict(X), atol=1e-10)
    assert all(not b.any() and b.flags.writeable for b in theirs.intercepts_)
    back = kind.from_sklearn(theirs)
    assert (back.bias, back.network_.has_bias) == (True, True)
    model.save(tmp_path / "model")
    for other in (pl.load(tmp_path / "model"), pickle.loads(pickle.dumps(model))):
        assert other.get_params() == model.get_params()
        assert (other.predict(X) == model.predict(X)).all()
        assert not other.intercepts_[0].flags.writeable
    model.intercepts_[1] = np.ones(5)
    with pytest.raises(ValueError, match=r"intercepts_\[1\] was replaced, but the network has no biases"):
        model.predict(X)


def test_the_first_weights_are_the_same_with_and_without_biases():
    X, y = digits(60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        how = {"solver": "sgd", "learning_rate_init": 1e-300, "max_iter": 1, "random_state": 3}
        nets = [MLPClassifier((6,), bias=bias, **how).fit(X, y) for bias in (True, False)]
    for one, other in zip(nets[0].coefs_, nets[1].coefs_, strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_set_by_hand_without_biases():
    X, y = numbers()
    rng = np.random.default_rng(0)
    coefs = [rng.normal(size=(X.shape[1], 4)), rng.normal(size=(4, 1))]
    model = MLPRegressor(hidden_layer_sizes=(4,), max_iter=1, warm_start=True, bias=False, learning_rate_init=1e-300)
    model.coefs_, model.intercepts_ = [W.copy() for W in coefs], [np.zeros(4), np.ones(1)]
    with pytest.raises(ValueError, match="intercepts_ are not 0, and bias=False has none"):
        model.fit(X, y)
    model.intercepts_ = [np.zeros(4), np.zeros(1)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    for W, start in zip(model.coefs_, coefs, strict=True):
        np.testing.assert_array_equal(W, start)
    assert not model.network_.has_bias


@pytest.mark.parametrize("bias", [True, False])
def test_a_warm_start_does_not_change_whether_there_are_biases(bias):
    X, y = numbers()
    model = MLPRegressor(hidden_layer_sizes=(4,), max_iter=2, warm_start=True, random_state=0, bias=bias)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    with pytest.raises(ValueError, match=f"so far has {'' if bias else 'no '}biases, and bias is now {not bias}"):
        model.set_params(bias=not bias).fit(X, y)


# what once went wrong


def test_entries_that_stand_twice_in_a_sparse_matrix_count_once():
    twice = sparse.csr_matrix((np.ones(2), [0, 0], [0, 2, 2, 2]), shape=(3, 1))
    scale = MLPRegressor(standardize="inputs", max_iter=1).fit(twice, [1, 2, 3.0]).x_scaling_.scale
    assert scale == pytest.approx(twice.toarray().std())
    assert twice.nnz == 2
    huge = np.full((4, 2), 1e200)
    huge[:, 1] = [1e180, -1e180, 1e180, -1e180]
    np.testing.assert_allclose(ours.Scaling.of(huge, None, np.dtype(np.float64)).scale, [1, 1e180])


def in_parts(monkeypatch, rows):
    monkeypatch.setattr(running, "CHUNK_BYTES", 5 * 8 * rows)


def test_weights_mean_the_same_in_every_part(monkeypatch):
    X, y = numbers()
    weight = np.repeat([0.01, 1.0], 60)
    how = {"hidden_layer_sizes": 6, "batch_size": 20, "max_iter": 3, "alpha": 1.0, "random_state": 0}
    whole = MLPRegressor(**how).fit(X, y, weight)
    in_parts(monkeypatch, 40)
    parts = MLPRegressor(**how).fit(sparse.csr_array(X), y, weight)
    np.testing.assert_allclose(parts.loss_curve_, whole.loss_curve_, rtol=1e-9)
    np.testing.assert_allclose(parts.coefs_[0], whole.coefs_[0], rtol=1e-9, atol=1e-12)


def test_dropout_in_parts_differs_from_epoch_to_epoch(monkeypatch):
    X, y = numbers()
    in_parts(monkeypatch, 60)
    model = MLPRegressor(
        hidden_layer_sizes=9,
        batch_size=30,
        max_iter=4,
        learning_rate_init=1e-300,
        dropout=0.5,
        shuffle=False,
        random_state=0,
    )
    assert len(set(model.fit(sparse.csr_array(X), y).loss_curve_)) == 4


def test_divergence_in_parts_is_told_of_the_whole(monkeypatch):
    X, y = numbers()
    how = {
        "hidden_layer_sizes": (), "solver": "sgd", "batch_size": 60, "learning_rate_init": 10.0, "momentum": 0.0,
        "shuffle": False, "random_state": 0, "max_iter": 2000, "tol": 0, "n_iter_no_change": np.inf,
    }  # fmt: skip
    with pytest.warns(ConvergenceWarning) as caught:
        whole = MLPRegressor(**how).fit(X, y)
    assert whole.n_iter_ == len(whole.loss_curve_) == int(re.search(r"in epoch (\d+)", str(caught[-1].message))[1])
    in_parts(monkeypatch, 60)
    with pytest.warns(ConvergenceWarning) as caught:
        parts = MLPRegressor(**how).fit(sparse.csr_array(X), y)
    assert parts.n_iter_ == len(parts.loss_curve_) == int(re.search(r"in epoch (\d+)", str(caught[-1].message))[1]) > 3
    with pytest.warns(ConvergenceWarning, match=r"diverged in epoch \d\d"):
        chunks = MLPRegressor(**how).fit_chunks([(X[:60], y[:60]), (X[60:], y[60:])])
    assert np.isnan(chunks.loss_curve_[-1])
    assert np.isfinite(chunks.coefs_[0]).all()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("error_score", [0.0, np.nan])
def test_a_search_goes_on_where_a_fit_fails(error_score):
    X, y = digits(120)
    space = {"alpha": [0.1, -1.0], "activation": ["relu", ["relu", "tanh"]]}
    found = []
    for kind in (ours.GridSearchCV, sklearn.model_selection.GridSearchCV):
        search = kind(MLPClassifier((4,), max_iter=3, random_state=0), space, cv=2, error_score=error_score)
        found.append(search.fit(X, y))
    np.testing.assert_array_equal(*(one.cv_results_["mean_test_score"] for one in found))
    with pytest.raises(ValueError, match="All the 4 fits failed"):
        ours.GridSearchCV(MLPClassifier((4, 3), ["relu"]), {"alpha": [0.1, 1.0]}, cv=2).fit(X, y)


def test_class_weights_of_chunks_that_lack_a_class():
    X, y = digits()
    model = MLPClassifier((4,), class_weight={0: 2.0, 7: 3.0}, random_state=0)
    model.partial_fit(X[y < 2], y[y < 2], classes=range(10))
    for wrong in ({99: 1.0}, {0: -1.0}, {0: np.nan}):
        with pytest.raises(ValueError, match="class_weight"):
            MLPClassifier(class_weight=wrong).fit(X, y)


def test_an_adaptive_rate_falls_in_partial_fits_too():
    X, y = numbers()
    how = {
        "hidden_layer_sizes": 5, "random_state": 0, "solver": "sgd", "learning_rate": "adaptive", "tol": 1e3,
        "n_iter_no_change": 3, "shuffle": False, "momentum": 0.0,
    }  # fmt: skip
    mine, their = MLPRegressor(**how), theirs.MLPRegressor(**how)
    for _ in range(14):
        mine.partial_fit(X, y)
        their.partial_fit(X, y)
    assert mine.learning_rate_ == pytest.approx(their._optimizer.learning_rate)
    np.testing.assert_allclose(mine.predict(X), their.predict(X), rtol=1e-9)
    chunks = MLPRegressor(**how, max_iter=9).fit_chunks([(X, y)])
    assert chunks.learning_rate_ == MLPRegressor(**how, max_iter=9).fit(X, y).learning_rate_ < 1e-3


def test_epochs_without_improvement_are_counted_over_warm_starts():
    X, y = numbers()
    how = {"hidden_layer_sizes": 5, "random_state": 0, "tol": 1e3, "shuffle": False}
    whole = MLPRegressor(**how, max_iter=16).fit(X, y)
    parts = MLPRegressor(**how, max_iter=8, warm_start=True).fit(X, y).fit(X, y)
    assert len(parts.loss_curve_) == len(whole.loss_curve_) == 12


def test_files_count_on(tmp_path):
    X, y = numbers()
    model = MLPRegressor(hidden_layer_sizes=5, random_state=0, tol=1e3, shuffle=False, max_iter=8, warm_start=True)
    model.fit(X, y).save(tmp_path / "a")
    other = pl.load(tmp_path / "a")
    assert other.fit(X, y).n_iter_ == model.fit(X, y).n_iter_ == 4


def test_the_best_loss_of_a_training_that_diverged_is_a_number():
    X, y = numbers()
    model = MLPRegressor(solver="sgd", learning_rate_init=1e4, activation="identity", random_state=0).fit(X, y)
    assert model.best_loss_ == min(model.loss_curve_[:-1])


def test_chunks_have_callbacks_that_can_stop():
    X, y = digits()
    seen = []

    def watch(epoch):
        seen.append(epoch.number)
        if epoch.number == 3:
            epoch.stop()

    model = MLPClassifier((4,), max_iter=9, random_state=0, callbacks=watch).fit_chunks([(X, y)])
    assert seen == [1, 2, 3]
    assert model.n_iter_ == 3
    for wrong in (3, [(X,)], [(X, y, None, None)]):
        with pytest.raises((TypeError, ValueError), match="chunk"):
            model.fit_chunks(wrong)


def test_a_random_state_is_drawn_from_as_scikit_learn_does_and_kept_in_files(tmp_path):
    X, y = numbers()
    drawn = []
    for kind in (MLPRegressor, theirs.MLPRegressor):
        random = np.random.RandomState(0)
        models = [
            kind(hidden_layer_sizes=3, max_iter=1, shuffle=False, learning_rate_init=1e-12, random_state=random).fit(
                X, y
            )
            for _ in range(2)
        ]
        drawn.append(models[1].coefs_[0])
    np.testing.assert_allclose(*drawn, atol=1e-9)
    model = MLPRegressor(hidden_layer_sizes=3, max_iter=2, random_state=np.random.RandomState(3), alpha=np.float32(0.1))
    model.fit(X, y).set_params(warm_start=True).save(tmp_path / "a")
    other = pl.load(tmp_path / "a")
    assert other.fit(X, y).loss_curve_ == model.fit(X, y).loss_curve_


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_pipelines_hand_over_data_frames(library):
    pytest.importorskip(library)
    X, y = IRIS
    piped = make_pipeline(StandardScaler(), MLPClassifier((6,), max_iter=5)).set_output(transform=library).fit(X, y)
    assert list(piped[-1].feature_names_in_) == ["x0", "x1", "x2", "x3"]
    assert piped.predict(X).shape == y.shape


def test_what_cannot_be_fitted_leaves_the_estimator_as_it_was():
    X, y = digits(200)
    new = MLPClassifier((5,), max_iter=2, early_stopping=True, validation_fraction=0.001)
    with pytest.raises(ValueError, match="too small"):
        new.fit(X, y)
    with pytest.raises(NotFittedError):
        new.predict(X)
    fitted = MLPClassifier((5,), max_iter=2, random_state=0).fit(X, y)
    before = fitted.predict_proba(X)
    with pytest.raises(ValueError, match="features"):
        fitted.fit(X[:, :30], y, validation_set=(X, y))
    np.testing.assert_array_equal(fitted.predict_proba(X), before)


def test_early_stopping_keeps_the_best_epoch_where_training_was_interrupted():
    X, y = digits(300)

    def interrupt(epoch):
        if epoch.number == 25:
            raise KeyboardInterrupt

    how = {"solver": "sgd", "learning_rate_init": 0.9, "momentum": 0.95, "n_iter_no_change": 100, "random_state": 3}
    model = MLPClassifier((50,), max_iter=1000, early_stopping=True, callbacks=[interrupt], **how)
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X, y, validation_set=(X, y))
    assert model.best_validation_score_ > model.validation_scores_[-1]
    assert model.score(X, y) == model.best_validation_score_


def test_early_stopping_keeps_the_best_epoch_where_training_diverged():
    X, y = numbers()
    how = {"hidden_layer_sizes": (50, 50), "solver": "sgd", "learning_rate_init": 0.4, "random_state": 1}
    model = MLPRegressor(early_stopping=True, **how)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model.fit(X, y, validation_set=(X, y))
    assert np.isfinite(model.best_validation_score_)
    assert model.score(X, y) == pytest.approx(model.best_validation_score_)


def test_iterations_of_lbfgs_do_not_count_as_epochs_without_improvement():
    X, y = numbers()
    model = MLPRegressor(hidden_layer_sizes=4, solver="lbfgs", max_iter=500, warm_start=True, random_state=0).fit(X, y)
    assert model._no_improvement_count == 0


def test_a_search_on_an_array_of_objects_goes_the_usual_way():
    X, y = digits(100)
    search = ours.GridSearchCV(MLPClassifier((4,), max_iter=2, random_state=0), {"alpha": [0.1, 1]}, cv=2)
    search.fit(X.astype(object), y)
    assert len(search.cv_results_["params"]) == 2


def test_a_search_checks_its_own_parameters_before_it_trains():
    X, y = digits(100)
    seen = []
    model = MLPClassifier((4,), max_iter=2, random_state=0, callbacks=[seen.append])
    with pytest.raises(ValueError, match="scoring"):
        ours.GridSearchCV(model, {"alpha": [0.1, 1]}, cv=2, scoring="acuracy").fit(X, y)
    assert not seen
