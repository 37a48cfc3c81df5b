"""What people write from habit works, or is answered with the line to write; and every line that is suggested runs."""

import copy
import inspect
import pickle
import re
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import pellucid as pl
from pellucid import hints
from pellucid.errors import plain_name
from pellucid.registry import Registry

X = np.array([[0.5, -1.0, 2.0], [1.0, 0.0, -0.5], [0.2, 0.3, 0.4], [-1.0, 2.0, 0.1]])
Y = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [1.0, 1.0]])


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """What the suggested lines may name."""
    tmp_path = tmp_path_factory.mktemp("names")
    net = pl.Network([3, 4, 2], "sigmoid", seed=0)
    history = net.train(X, Y, epochs=2, validation=(X, Y), metrics="accuracy", seed=0)
    path = str(tmp_path / "net.safetensors")
    net.save(path)
    table = tmp_path / "table.csv"
    table.write_text("x,y\n1,2\n3,4\n")
    found = {
        "pl": pl, "np": np, "net": net, "X": X, "y": Y, "run": net.backprop(X, Y), "history": history, "path": path,
        "optimizer": pl.Adam(), "data": pl.data.digits(), "print": lambda *_: None,
        "weights": list(net.copy().W), "biases": list(net.copy().b), "vector": net.parameters.copy(), "a": net(X),
    }  # fmt: skip
    found["path of a table"] = str(table)
    found |= {
        "diagnosis": pl.diagnose(net, X, Y, "mse", net.parameters), "check": net.check_gradient(X, Y),
        "explanation": found["run"].explain("w", 2, 1, 3), "drawing": net.draw(),
        "derivation": pl.symbolic.chain_rule("f = 4*g^2; g = x + 1", "x"),
        "grade": pl.worksheet.grade(pl.worksheet.as_answers({"7": "87"}), variant=5),
        "document": pl.symbolic.equations(net), "g": found["run"].gradient, "sigma": pl.ACTIVATIONS["tanh"],
        "loss": pl.LOSSES["mse"], "training": pl.Training(net.copy(), X, Y, epochs=1), "labels": np.array([0, 1, 1, 0]),
        "epoch": pl.training.Epoch(1, 2, {"loss": 0.5}, history, net),
        "rows": [{"x": 1.0, "y": 2}, {"x": 3.0, "y": 4}],
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found["model"] = pl.estimators.MLPClassifier((3,), max_iter=2, random_state=0).fit(X, found["labels"])
    read = pl.data.read(str(table)).with_targets(["y"])
    encoding = pl.data.Encoding.fit(read, task="classification")
    found["predictor"] = pl.Predictor(pl.Network([1, 2, 1], seed=0), "binary_cross_entropy", encoding)
    return found


@pytest.fixture
def names(shared):
    return shared | {"net": shared["net"].copy()}


def objects(names):
    """An object of each class whose attributes have hints."""
    return {
        "pellucid": pl, "Network": names["net"], "Run": names["run"], "Gradient": names["run"].gradient,
        "History": names["history"], "Optimizer": names["optimizer"], "PerLayer": names["net"].W,
        "Dataset": names["data"], "Explanation": names["explanation"], "Derivation": names["derivation"],
        "Diagnosis": names["diagnosis"], "GradientCheck": names["check"], "Grade": names["grade"],
        "Document": names["document"], "Drawing": names["drawing"], "pellucid.symbolic": pl.symbolic,
        "pellucid.data": pl.data, "pellucid.worksheet": pl.worksheet, "pellucid.checking": pl.checking,
        "pellucid.schedules": pl.schedules, "Activation": names["sigma"], "Loss": names["loss"],
        "Training": names["training"], "Epoch": names["epoch"], "Predictor": names["predictor"], "MLP": names["model"],
    }  # fmt: skip


EVERY_ATTRIBUTE = [(owner, name) for owner, lines in hints.ATTRIBUTES.items() for name in lines]


@pytest.mark.parametrize(("owner", "name"), EVERY_ATTRIBUTE)
def test_every_line_suggested_for_an_attribute_runs(owner, name, names):
    line = hints.ATTRIBUTES[owner][name]
    one = objects(names)[owner]
    with pytest.raises(AttributeError) as caught:
        getattr(one, name)
    if line.startswith("!"):
        assert str(caught.value).endswith(f"has no attribute {name!r}: {line[1:]}")
        return
    assert str(caught.value).endswith(f"has no attribute {name!r}; write {line}")
    if "pl.data.read(path)" in line:
        names["path"] = names["path of a table"]
    if line.startswith("history.plot"):
        pytest.importorskip("matplotlib").use("Agg")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if re.match(r"\w+\.\w+(, \w+\.\w+)* = ", line):
            exec(line, names)
        else:
            eval(line, names)


EVERY_KEYWORD = [(call, name) for call, lines in hints.KEYWORDS.items() for name in lines]
VALUES = {
    "loss": "mse",
    "optimizer": "adam",
    "metrics": "rmse",
    "activation": "tanh",
    "output": "tanh",
    "init": "zeros",
}
VALUES |= {
    "hidden_activation": "tanh",
    "betas": (0.8, 0.9),
    "max_iter": 1,
    "maxit": 1,
    "early_stopping": 3,
    "warm_start": 1,
    "validation_data": (X, Y),
}
VALUES |= {"epochs": 1, "batch_size": 2, "i": 1, "neuron": 1, "nesterov": True, "bias": True, "verbose": 0}


@pytest.mark.parametrize(("call", "name"), EVERY_KEYWORD)
def test_every_line_suggested_for_a_keyword_runs(call, name, names):
    code, why = hints.KEYWORDS[call][name]
    value = VALUES.get(name, 0.1)
    run, net = names["run"], names["net"]
    calls = {
        "Network": lambda **given: pl.Network([3, 4, 2], **given),
        "Network.train": lambda **given: net.train(X, Y, **({"epochs": 1} | given)),
        "Network.backprop": lambda **given: net.backprop(X, Y, **given),
        "Run.explain": lambda **given: run.explain("d", 2, **({"j": 1, "sample": 1} | given)),
        "MLPClassifier": pl.estimators.MLPClassifier,
        "MLPRegressor": pl.estimators.MLPRegressor,
        "MLPClassifier.fit": lambda **given: names["model"].fit(X, names["labels"], **given),
        "MLPRegressor.fit": lambda **given: pl.estimators.MLPRegressor(max_iter=2).fit(X, Y, **given),
        "Network.check_gradient": lambda **given: net.check_gradient(X, Y, **given),
        "Network.forward": lambda **given: net.forward(X, **given),
        "Network.predict": lambda **given: net.predict(X, **given),
        "Network.draw": lambda **given: net.draw(**given),
        "load": lambda **given: pl.load(names["path"], **given),
        "diagnose": lambda **given: pl.diagnose(net, X, Y, "mse", **({"gradient": net.parameters} | given)),
        "Dataset.split": lambda **given: names["data"].split(0.2, **given),
        "digits": pl.data.digits,
        "chain_rule": lambda **given: pl.symbolic.chain_rule("f = x^2", "x", **given),
    } | {name: getattr(pl, name) for name in ("Adam", "AdamW", "SGD", "RMSprop", "LBFGS", "ELU")}
    with pytest.raises(TypeError) as caught:
        calls[call](**{name: value})
    message = str(caught.value)
    assert message.startswith(f"{call}() has no parameter {name!r}: ")
    assert why in message
    if not code:
        return
    names |= {"W2": net.W[2], "b2": net.b[2], "W3": net.W[3], "b3": net.b[3]}
    if call == "MLPClassifier.fit":
        names["y"] = names["labels"]
    names["biases"] = [np.zeros(4), np.zeros(2)]
    if "checkpoint=path" in code:
        names["path"] += " of a checkpoint"
    if "init=(weights" in code:
        names["weights"] = [np.zeros((4, 3)), np.zeros((2, 4))]
    written = message.split(": ", 1)[1].removeprefix("write ").split("; ")[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if re.match(r"\w+=", written):
            calls[call](**eval(f"dict({written})", names))
        else:
            eval(written, names)


CALLS = [
    pl.Network, pl.Network.train, pl.Network.backprop, pl.Network.gradient, pl.Network.check_gradient, pl.Network.draw,
    pl.Network.save, pl.Run.explain, pl.load, pl.SGD, pl.Adam, pl.AdamW, pl.RMSprop, pl.LBFGS, pl.Huber, pl.Quantile,
    pl.LeakyReLU, pl.ELU, pl.Activation, pl.Loss, pl.train_many, pl.diagnose,
    pl.schedules.Step, pl.schedules.Exponential, pl.schedules.Cosine, pl.schedules.InverseScaling,
    pl.schedules.ReduceOnPlateau, pl.diagnose_value, pl.checking.keeps_apart, pl.symbolic.chain_rule,
    pl.symbolic.equivalent, pl.symbolic.equations, pl.symbolic.activation, pl.symbolic.loss,
    pl.worksheet.worksheet, pl.worksheet.grade, pl.worksheet.blank, pl.data.read, pl.data.two_moons,
    pl.data.Dataset.split,    pl.estimators.MLPClassifier, pl.estimators.MLPRegressor,
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__qualname__)
def test_every_public_call_answers_a_misspelt_keyword_with_the_right_one(call):
    arguments = [
        one for one in inspect.signature(call).parameters.values()
        if one.name != "self" and one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY) and len(one.name) > 4
    ]  # fmt: skip
    assert arguments or call in (pl.ELU, pl.Quantile, pl.Network.save)
    for one in arguments:
        wrong = one.name.replace("_", "") + "s"
        with pytest.raises(TypeError) as caught:
            call(**{wrong: 0})
        found = re.search(r"no parameter '(\w+)': write (\w+)=0", str(caught.value))
        assert found, str(caught.value)
        assert found.groups() == (wrong, one.name)


@pytest.mark.parametrize("ours", hints.PARAMETERS)
def test_no_other_name_of_a_parameter_is_that_of_two_in_one_call(ours):
    """Every synonym leads to its parameter in each call that has it, unless a nearer one is there."""
    callers = [call for call in CALLS if ours in inspect.signature(call).parameters]
    assert callers or ours == "wrt", f"nothing has a parameter {ours}"
    for call in callers:
        known = [name for name in inspect.signature(call).parameters if name != "self"]
        for theirs in hints.PARAMETERS[ours]:
            if theirs in known:
                continue
            meant = hints.parameter_of(theirs, known)
            others = [name for name in known if plain_name(theirs) in map(plain_name, hints.PARAMETERS.get(name, ()))]
            assert meant in others


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda net: net.train(X, Y, lr=0.1), "write optimizer=pl.Adam(learning_rate=0.1)"),
        (lambda net: net.train(X, Y, optimizer="sgd", lr=0.1), "write optimizer=pl.SGD(learning_rate=0.1)"),
        (lambda net: net.train(X, Y, validation_data=(X, Y)), "write validation="),
        (lambda net: net.train(X, Y, validation_split=0.2), "write validation=0.2"),
        (
            lambda net: net.train(X, Y, n_epochs=3, batchsize=2),
            "write epochs=3; no parameter 'batchsize': write batch_size=2",
        ),
        (lambda net: net.train(X, Y, verbose=1), "write progress=True"),
        (lambda net: net.train(X, Y, "mse", pl.Adam()), "takes X, y, loss by position, got 1 more"),
        (lambda net: net.train(X, Y, lr=1, momentum=0.9), "write optimizer=pl.SGD(learning_rate=1, momentum=0.9)"),
        (lambda net: net.train(X, Y, optimizer=pl.SGD(0.3), momentum=0.9), "pl.SGD(learning_rate=0.3, momentum=0.9)"),
        (lambda net: net.train(X, Y, optimizer=pl.SGD, lr=0.3), "write optimizer=pl.SGD(learning_rate=0.3)"),
        (lambda net: net.train(X, Y, optimizer="adam", betas=(0.8, 0.9)), "=pl.Adam(beta1=0.8, beta2=0.9)"),
        (lambda net: net.train(X, Y, optimizer="adamw", wd=0.1), "write optimizer=pl.AdamW(weight_decay=0.1)"),
        (lambda net: net.train(X, Y, optimizer="sgd", lr=0.1, wd=0.1), "pl.SGD(learning_rate=0.1), l2=0.1"),
        (lambda net: net.train(X, Y, learning_rate="adaptive"), "write schedule='reduce_on_plateau'"),
        (lambda net: net.train(X, Y, validation_data=(X, Y)), "write validation=(X, y)"),
        (lambda net: net.train(X, Y, eval_set=[(X, Y)]), "write validation=(X, y)"),
        (lambda net: net.train(X, Y, early_stopping=5), "write patience=5"),
        (lambda net: net.train(X, Y, weights=np.ones(4)), "write sample_weight=sample_weight"),
        (lambda net: net.train(X, Y, verbose=np.ones(4)), "write progress=True"),
        (lambda net: net.train(X, Y, rho=0.9, lr=0.1), "write optimizer=pl.RMSprop(alpha=0.9, learning_rate=0.1)"),
        (lambda net: net.train(X, Y, optimizer="lbfgs", lr=0.1), "its line search chooses the step"),
        (lambda net: net.train(X, Y, lr="invscaling"), "write schedule='inverse_scaling'"),
        (lambda net: net.train(X, Y, weight_decay=0.1), "write optimizer=pl.Adam(), l2=0.1"),
        (lambda net: pl.SGD(0.3, weight_decay=0.1), "net.train(X, y, optimizer=pl.SGD(0.3), l2=0.1)"),
        (lambda net: pl.Network([3, 4, 2], hidden_activation="relu"), "activation=['relu'], output='identity'"),
        (lambda net: pl.Network([3, 4, 2], hidden_activation="relu", output_activation="elu"), "write output='elu'"),
        (lambda net: pl.diagnose_value(net, "d_1^2", 0.5), "such as value=0.5"),
        (lambda net: net.train(X, Y, "mse", "adam"), "such as optimizer='adam'"),
        (lambda net: net.train(pl.data.xor()), "missing y: write net.train(data.X, data.y)"),
        (lambda net: net.predict(X, batch_size=3), "Network.predict() has no parameter 'batch_size': all samples"),
        (lambda net: net.forward(X, training=False), "forward() has no parameter 'training': dropout acts only"),
        (lambda net: pl.Adam(0.01, betas=(0.9, 0.99)), "write beta1=0.9, beta2=0.99"),
        (lambda net: pl.diagnose(net, X, Y, net.parameters), "write pl.diagnose(network, X, y, loss, gradient)"),
        (lambda net: pl.schedules.Step(step_size=3), "write every=3"),
        (lambda net: pl.symbolic.chain_rule("f = x^2", wrt="x"), "write variable='x'"),
        (lambda net: pl.worksheet.worksheet(seed=3), "write variant=3"),
        (lambda net: pl.Network([3, 4, 2], activations="relu"), "write activation='relu'"),
        (lambda net: pl.Network(hidden_layer_sizes=(64,)), "write pl.Network([3, 4, 2])"),
        (lambda net: pl.Network([3, 4, 2], random_state=0), "write seed=0"),
        (lambda net: pl.Network([3, 4, 2], output_activation="softmax"), "write output='softmax'"),
        (lambda net: pl.Adam(lr=0.1), "write learning_rate=0.1"),
        (lambda net: pl.SGD(eta=3.0), "write learning_rate=3.0"),
        (lambda net: pl.Training(net, X, Y, lr=0.1), "write optimizer=pl.Adam(learning_rate=0.1)"),
        (lambda net: net.backprop(x=X, y=Y), "write X="),
        (lambda net: net.backprop(X, Y=Y), "write y="),
        (lambda net: pl.diagnose(net, X, Y, "mse", grad=3), "write gradient=3"),
        (lambda net: pl.testing.assert_gradient(lambda *_: 0, net, X, Y, weight_decay=0.1), "write l2=0.1"),
        (lambda net: pl.estimators.MLPClassifier(lr=0.1), "write learning_rate_init=0.1"),
        (lambda net: pl.estimators.MLPRegressor(epochs=5), "write max_iter=5"),
    ],
)  # fmt: skip
def test_a_keyword_of_another_library_is_answered_with_ours(call, says):
    with pytest.raises(TypeError) as caught:
        call(pl.Network([3, 4, 2], seed=0))
    assert says in str(caught.value)


def test_a_type_error_from_within_a_call_is_not_reworded():
    def broken(a, y):
        raise TypeError("my own")

    with pytest.raises(TypeError, match=r"^my own$"):
        pl.Network([3, 4, 2], seed=0).train(X, Y, metrics=broken, epochs=1)
    with pytest.raises(TypeError, match=r"Network.train\(\) is missing y: write net.train\(X, y\)"):
        pl.Network([3, 4, 2], seed=0).train(X)


def test_a_property_that_fails_says_what_it_says_and_private_names_have_no_hints():
    class Odd(pl.Network):
        @property
        def broken(self):
            raise AttributeError("inside")

    net = Odd([3, 4, 2], seed=0)
    with pytest.raises(AttributeError, match=r"^inside$"):
        net.broken  # noqa: B018
    with pytest.raises(AttributeError) as caught:
        net._repr_png_  # noqa: B018
    assert "write" not in str(caught.value)
    assert not hasattr(net, "fit")


def test_a_layer_written_into_the_name_of_an_array_is_answered_with_its_index():
    net = pl.Network([3, 4, 2], seed=0)
    run = net.backprop(X, Y)
    cases = [(net, "W2", "net.W[2]"), (net, "w3", "net.W[3]"), (net, "b2", "net.b[2]"), (run, "z3", "run.z[3]")]
    cases += [(run, "a1", "run.a[1]"), (run.gradient, "W_3", "g.W[3]")]
    for one, name, line in cases:
        with pytest.raises(AttributeError, match=re.escape(f"; write {line}") + "$"):
            getattr(one, name)
        eval(line, {"net": net, "run": run, "g": run.gradient})
    with pytest.raises(AttributeError, match=re.escape("the first is net.W[2], that of layer 2")):
        net.W1  # noqa: B018


# Names of rows.

REGISTRIES = {
    "activation": pl.ACTIVATIONS, "loss": pl.LOSSES, "optimizer": pl.OPTIMIZERS, "metric": pl.METRICS,
    "schedule": pl.schedules.SCHEDULES, "initialiser": pl.layers.INITIALISERS,
}  # fmt: skip


@pytest.mark.parametrize("kind", REGISTRIES)
def test_a_name_is_taken_in_any_case_and_with_any_hyphens(kind):
    registry = REGISTRIES[kind]
    for name, row in registry.items():
        for written in (name, *row.synonyms):
            variants = {written, written.upper(), written.title(), written.replace("_", "-"), written.replace("_", " "),
                        written.title().replace("_", ""), f" {written}"}  # fmt: skip
            assert all(registry[one] is row and one in registry for one in variants)
        for wrong in (name + "xq", "q" + name[1:] + "q"):
            if wrong in registry:
                continue
            with pytest.raises(pl.UnknownNameError) as caught:
                registry[wrong]
            suggested = re.search(r"did you mean '(\w+)'", str(caught.value))
            assert suggested is None or suggested[1] in registry
            assert "known: " in str(caught.value).lower()


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("ReLU", "relu"), ("linear", "identity"), ("Logistic", "sigmoid"),
        ("LeakyReLU", "leaky_relu"), ("SiLU", "silu"),
        ("swish", "silu"), ("GELU", "gelu"), ("HardTanh", "hard_tanh"), ("SoftMax", "softmax"), ("exponential", "exp"),
    ],
)  # fmt: skip
def test_activations_by_the_names_of_other_libraries(written, name):
    assert pl.Network([3, 4, 2], output=written).activations[3] is pl.ACTIVATIONS[name]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("MSE", "mse"), ("mean_squared_error", "mse"), ("MSELoss", "mse"),
        ("mean_absolute_error", "mae"), ("L1Loss", "mae"),
        ("categorical_crossentropy", "cross_entropy"), ("sparse_categorical_crossentropy", "cross_entropy"),
        ("CrossEntropyLoss", "cross_entropy"), ("binary_crossentropy", "binary_cross_entropy"),
        ("BCE", "binary_cross_entropy"),
        ("BCELoss", "binary_cross_entropy"), ("SmoothL1Loss", "huber"), ("quadratic", "half_squared_error"),
    ],
)  # fmt: skip
def test_losses_by_the_names_of_other_libraries(written, name):
    assert pl.LOSSES[written].name == name


def test_smooth_l1_and_bce_are_the_same_as_pytorchs():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    a, y = rng.uniform(0.1, 0.9, (5, 3)), rng.uniform(0.1, 0.9, (5, 3)) + rng.choice([0, 2], (5, 3))
    tensors = torch.tensor(a), torch.tensor(y)
    for ours, theirs in (
        ("SmoothL1Loss", torch.nn.SmoothL1Loss),
        ("MSELoss", torch.nn.MSELoss),
        ("L1Loss", torch.nn.L1Loss),
    ):
        np.testing.assert_allclose(pl.LOSSES[ours].function(a, y).mean(), float(theirs()(*tensors)), rtol=1e-14)


@pytest.mark.parametrize("kind", REGISTRIES)
def test_a_name_that_means_something_else_elsewhere_is_refused_with_the_difference(kind):
    registry = REGISTRIES[kind]
    for theirs, sentence in registry.elsewhere.items():
        assert theirs not in registry
        with pytest.raises(pl.UnknownNameError, match=re.escape(sentence)):
            registry[theirs]
        for call in re.findall(r"pl\.[a-zA-Z.]*\((?:[^()]|\([^()]*\))*\)", sentence):
            made = call.replace("(slope)", "(0.1)").replace("(alpha)", "(0.5)")
            if "symbolic" in made:
                pytest.importorskip("sympy")
            eval(made, {"pl": pl})
        quoted = re.findall(r"(loss|output|metrics|init)='(\w+)'", sentence)
        tables = {"loss": pl.LOSSES, "output": pl.ACTIVATIONS, "metrics": pl.METRICS, "init": pl.layers.INITIALISERS}
        assert all(name in tables[table] for table, name in quoted)


@pytest.mark.parametrize("name", ["leaky_relu(slope=0.25)", "LeakyReLU(0.25)", "elu(alpha=0.5)", "ELU(0.5)"])
def test_a_name_may_carry_its_settings_as_it_is_printed(name):
    net = pl.Network([3, 4, 2], activation=name)
    row = net.activations[2]
    assert row.settings == {"slope": 0.25} or row.settings == {"alpha": 0.5}
    assert repr(eval(repr(net), {"Network": pl.Network})) == repr(net)


def test_losses_optimizers_and_schedules_carry_settings_too():
    net = pl.Network([3, 4, 2], seed=0)
    history = net.train(
        X, Y, "huber(delta=2)", optimizer="SGD(0.1, momentum=0.9)", schedule="step(every=2, gamma=0.5)", epochs=1
    )
    assert repr(history.optimizer) == repr(pl.SGD(0.1, momentum=0.9))
    for wrong in ("relu(z)", "leaky_relu(z)", "elu(0.5", "elu(*[1])"):
        with pytest.raises((pl.UnknownNameError, TypeError)):
            pl.Network([3, 4, 2], activation=wrong)
    with pytest.raises(TypeError, match=r"write slope=0\.1"):
        pl.Network([3, 4, 2], activation="leaky_relu(alpha=0.1)")


@pytest.mark.parametrize(
    ("loss", "output", "sizes", "says"),
    [
        ("binary_crossentropy", "sigmoid", [3, 4, 2], "2 times as large"),
        ("BCELoss", "sigmoid", [3, 4, 5], "5 times as large"),
        ("categorical_crossentropy", "sigmoid", [3, 4, 2], "write output='softmax'"),
        ("CrossEntropyLoss", "sigmoid", [3, 4, 2], "write output='softmax'"),
    ],
)
def test_another_librarys_loss_is_refused_where_it_is_another_number(loss, output, sizes, says):
    net = pl.Network(sizes, output=output, seed=0)
    with pytest.raises(pl.UnknownNameError, match=says):
        net.gradient(X, np.eye(sizes[-1])[[0, 1, 1, 0]], loss)


def test_another_librarys_loss_is_taken_where_it_is_the_same_number():
    torch = pytest.importorskip("torch")
    net, y = pl.Network([3, 4, 1], output="sigmoid", seed=0), np.array([0.0, 1, 1, 0])
    theirs = torch.nn.BCELoss()(torch.tensor(net(X)[:, 0]), torch.tensor(y))
    np.testing.assert_allclose(net.gradient(X, y, "BCELoss").loss, float(theirs), rtol=1e-14)
    net = pl.Network([3, 4, 2], output="softmax", seed=0)
    logits = torch.tensor(net.backprop(X, [0, 1, 1, 0], "cross_entropy").z[3])
    theirs = torch.nn.CrossEntropyLoss()(logits, torch.tensor([0, 1, 1, 0]))
    np.testing.assert_allclose(net.gradient(X, [0, 1, 1, 0], "CrossEntropyLoss").loss, float(theirs), rtol=1e-14)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda net: net.draw(show=True), "show must be a list"),
        (lambda net: pl.diagnose([3, 4, 2], X, Y, "mse", net.parameters), "network must be a pl.Network"),
        (
            lambda net: pl.testing.assert_gradient(net, net.gradient, X, Y),
            r"write pl\.testing\.assert_gradient\(gradient, network",
        ),
        (lambda net: pl.diagnose_value(net, "d_1^2", value=1), r"write run = network\.backprop\(X, y\)"),
        (lambda net: pl.worksheet.solved(5), r"write pl\.worksheet\.solved\(pl\.worksheet\.worksheet\(5\)\)"),
        (lambda net: pl.worksheet.blank("5"), r"write pl\.worksheet\.blank\(pl\.worksheet\.worksheet\(\)\)"),
        (lambda net: pl.worksheet.grade({"1": 2}), r"grade\('answers\.json'\)"),
        (lambda net: pl.symbolic.equations([3, 4, 2]), r"write pl\.symbolic\.equations\(pl\.Network"),
        (lambda net: pl.symbolic.latex("x"), "expression must be"),
        (lambda net: pl.Adam(np.ones(3)), r"learning_rate must be a number, got <array of shape \(3,\)>"),
        (lambda net: net.train(X, Y, shuffle=3), "shuffle must be"),
        (lambda net: net.train(X, Y, 10), "epochs=10"),
        (lambda net: net.train(X, Y, metrics=lambda y_true, y_pred: 0), r"metrics=lambda a, y"),
        (lambda net: net.train(X, Y, epochs=1).plot(3), "axes must be"),
        (lambda net: pl.ACTIVATIONS[[]], "unknown activation"),
    ],
)
def test_an_argument_of_another_kind_is_answered_with_what_to_write(call, says):
    with pytest.raises((TypeError, pl.UnknownNameError), match=says):
        call(pl.Network([3, 4, 2], seed=0))


@pytest.mark.parametrize("loss", ["mse", "mae", "half_squared_error", "huber", "binary_cross_entropy"])
@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_a_loss_by_itself_takes_targets_as_a_training_does(loss, shape):
    net, y = pl.Network([3, 4, 1], seed=0), np.array([0.0, 1, 1, 0])
    expected = net.backprop(X, y, loss).losses
    np.testing.assert_allclose(pl.LOSSES[loss](net(X), y.reshape(shape)), expected, rtol=1e-14)
    np.testing.assert_allclose(pl.LOSSES[loss](net(X)[:, 0], y.reshape(shape)), expected, rtol=1e-14)
    with pytest.raises(ValueError, match="shape"):
        pl.LOSSES[loss](net(X), np.ones((4, 2)) / 2)


def test_the_cross_entropy_by_itself_takes_class_numbers():
    a = pl.Network([3, 4, 2], output="softmax", seed=0)(X)
    np.testing.assert_allclose(
        pl.LOSSES["cross_entropy"](a, [0, 1, 1, 0]), -np.log(a[range(4), [0, 1, 1, 0]]), rtol=1e-14
    )


def test_a_metric_by_itself_never_broadcasts():
    a, y = np.array([[0.2], [0.7], [0.9]]), np.array([0.0, 1, 1])
    for name in ("mae", "mse", "rmse", "r2", "accuracy"):
        assert pl.METRICS[name](a, y) == pl.METRICS[name](a, y[:, np.newaxis]) == pl.METRICS[name](a[:, 0], y)
    with pytest.raises(ValueError, match=r"np\.eye\(m\)\[labels\]"):
        pl.METRICS["accuracy"](np.eye(3), [0, 1, 2])


def test_the_slopes_of_activations_take_numbers_and_lists():
    for name, row in pl.ACTIVATIONS.items():
        if row.elementwise:
            assert float(row.derivative(np.asarray(0.5))) == pytest.approx(float(row.derivative(0.5)), rel=1e-15), name
            assert row(0.5).shape == ()


def test_activations_of_a_network_cannot_be_changed():
    net = pl.Network([3, 4, 2], seed=0)
    with pytest.raises(TypeError, match=r"write pl\.Network\(net\.sizes, activation="):
        net.activations[2] = "relu"
    with pytest.raises(pl.UnknownLabelError, match="2 … 3"):
        net.activations[1]
    for copied in (pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        assert copied.activations == net.activations
        with pytest.raises(TypeError, match="cannot be changed"):
            copied.activations[2] = "relu"


@pytest.mark.parametrize("name", ["W2", "b3", "W_2", "trainable", "training", "dropout", "l2", "stop_training"])
def test_an_attribute_that_would_have_no_effect_is_not_set(name):
    net = pl.Network([3, 4, 2], seed=0)
    with pytest.raises(AttributeError, match=name):
        setattr(net, name, 1)
    net.comment = "mine"  # what means nothing to the library is the user's own


def test_other_parameters_are_of_the_right_shape_and_kind():
    net = pl.Network([3, 4, 2], seed=0)
    for wrong in (np.zeros(27), np.zeros(3), [0.0] * 26, np.zeros(26, int)):
        with pytest.raises((TypeError, ValueError), match="parameters"):
            net.with_parameters(wrong)


def test_results_become_arrays_or_say_what_does():
    net = pl.Network([3, 4, 2], seed=0)
    gradient = net.gradient(X, Y)
    np.testing.assert_array_equal(np.asarray(gradient), gradient.vector)
    assert np.linalg.norm(gradient) == np.linalg.norm(gradient.vector)
    with pytest.raises(TypeError, match=r"g\.loss"):
        _loss, _gradient = gradient
    with pytest.raises(TypeError, match=r"history\.to_dict\(\)"):
        np.asarray(net.train(X, Y, epochs=1))
    with pytest.raises(TypeError, match=r"X, y = data\.X, data\.y"):
        _X, _y = pl.data.xor()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"callbacks": lambda epoch, logs: None}, "function of one epoch"),
        ({"callbacks": "early_stopping"}, "got 'early_stopping'"),
        ({"callbacks": lambda epoch: epoch.val}, "Epoch has no attribute"),
        ({"metrics": lambda a, out: None}, "must return one number"),
        ({"metrics": lambda a, out: a - out}, "must return one number"),
        ({"metrics": lambda y, p: 0}, r"metrics=lambda a, y: …"),
        ({"validation": X}, "validation must be"),
        ({"validation": True}, "validation must be"),
        ({"progress": "off"}, "progress must be"),
        ({"checkpoint": "run.pt"}, r"write 'run\.safetensors'"),
    ],
)
def test_settings_of_another_kind_are_answered(settings, says):
    with pytest.raises((TypeError, ValueError, AttributeError), match=says):
        pl.Network([3, 4, 2], seed=0).train(X, Y, **{"epochs": 1} | settings)


@pytest.mark.parametrize("ending", ["h5", "keras", "pt", "pkl", "npz", "json"])
def test_a_model_is_not_saved_under_the_ending_of_another_format(ending, tmp_path):
    with pytest.raises(ValueError, match=r"write 'net\.safetensors'"):
        pl.Network([3, 4, 2], seed=0).save(tmp_path / f"net.{ending}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("kind", "formula"), [("activation", "z*tanh(z)"), ("activation", "z^2"), ("loss", "(a-y)^4")])
def test_a_formula_in_place_of_a_name_is_answered_with_the_call_for_formulas(kind, formula):
    registry = {"activation": pl.ACTIVATIONS, "loss": pl.LOSSES}[kind]
    with pytest.raises(pl.UnknownNameError, match=re.escape(f"write pl.symbolic.{kind}({formula!r})")):
        registry[formula]


def test_a_lambda_is_no_formula():
    with pytest.raises(pl.FormulaError, match="without lambda"):
        pl.symbolic.chain_rule("f = lambda x: x**2", "x")


def test_partials_are_read_as_they_are_written():
    run = pl.Network([3, 4, 2], seed=0).backprop(X[0], Y[0])
    truth = pl.diagnose_value(run, "w_11^2", value=1).headline
    for written in ("∂L/∂w_11^2", "dL/dw_11^2", r"\frac{\partial L}{\partial w_{11}^2}"):
        assert pl.diagnose_value(run, written, value=1).headline == truth


def test_objects_of_other_libraries_are_answered_with_the_name():
    class ReLU:
        pass

    with pytest.raises(TypeError, match=r"write 'relu'$"):
        pl.Network([3, 4, 2], ReLU())
    with pytest.raises(TypeError, match=r"write 'tanh'$"):
        pl.Network([3, 4, 2], np.tanh)
    assert pl.Network([3, 4, 2], pl.ELU).activations[2].name == "elu"


def test_two_rows_cannot_have_one_name():
    row = pl.METRICS["mae"]
    with pytest.raises(ValueError, match="would be both"):
        Registry("metric", [row, pl.metrics.Metric("other", row.function, synonyms=("MAE",))], columns=(), example="")


@pytest.mark.parametrize("kind", REGISTRIES)
def test_a_table_is_printed_with_every_row_and_its_repr_is_short(kind, monkeypatch):
    registry = REGISTRIES[kind]
    assert len(repr(registry)) <= 500
    for width in (80, 120, 300):
        monkeypatch.setenv("COLUMNS", str(width))
        text = str(registry)
        assert max(map(len, text.split("\n"))) <= width
        for name, row in registry.items():
            assert re.search(rf"^{name}\b", text, re.MULTILINE)
            if width == 300:
                assert all(synonym in text for synonym in row.synonyms)


@pytest.mark.parametrize("name", pl.ACTIVATIONS)
def test_the_range_of_an_activation_is_the_one_it_has(name):
    row = pl.ACTIVATIONS[name]
    open_low, low, high, open_high = re.fullmatch(r"([\[(])(.+), (.+)([\])])", row.range).groups()
    low, high = (float(bound.replace("∞", "inf")) for bound in (low, high))
    z = np.concatenate([np.linspace(-30, 30, 200_001), [-700.0, 700.0]])
    a = row.function(np.stack([z, np.zeros_like(z)], axis=-1))[:, 0] if name == "softmax" else row.function(z)
    slack = 1e-5 * abs(low) if np.isfinite(low) else 0  # bounds are given to six digits
    assert a.min() >= low - slack
    assert a.max() <= high
    if np.isfinite(low):
        assert a.min() <= low + max(1e-5 * abs(low), 1e-12)
    else:
        assert a.min() < -0.1 * abs(z).max() * 0.01
    assert (a.max() >= high * (1 - 1e-5)) if np.isfinite(high) else a.max() >= 30
    assert open_low == ("[" if name in ("relu", "silu", "gelu", "gelu_tanh", "hard_tanh", "sine") else "(")
    assert open_high == ("]" if name in ("hard_tanh", "sine") else ")")
