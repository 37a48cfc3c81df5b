"""Write a folder of files of every kind as this version writes them, with what they hold and predict.

Run as ``python tests/files/make.py FOLDER``, once for each version of the layout; the folder is committed, and
`test_files.py` holds every later version to it.
"""

import json
import pathlib
import sys
import warnings

import numpy as np
import scipy.sparse as sparse

import pellucid as pl
from pellucid.data import Encoding, Table
from pellucid.estimators import MLPClassifier, MLPRegressor


def _network(folder, name, net, X):
    net.save(folder / f"{name}.safetensors")
    return {"X": X.tolist(), "parameters": net.parameters.tolist(), "outputs": net.forward(X).tolist()}


def _checkpoint(folder, name, X, Y, epochs, *, resumed_to=None):
    path = folder / f"{name}.safetensors"
    arguments = {
        "optimizer": pl.Adam(0.3), "batch_size": 2, "patience": 30 if resumed_to else 3, "dropout": 0.1, "seed": 5,
        "validation": (X[:2], Y[:2] + 1), "progress": False,
    }  # fmt: skip
    net = pl.Network([3, 4, 2], "sigmoid", "identity", seed=3)
    history = net.train(X, Y, epochs=epochs, checkpoint=path, **arguments)
    expected = {
        "X": X.tolist(), "Y": Y.tolist(), "parameters": net.parameters.tolist(), "outputs": net.forward(X).tolist(),
        "history": dict(history), "best_epoch": history.best_epoch, "stopped": history.stopped,
    }  # fmt: skip
    if resumed_to:
        net = pl.Network([3, 4, 2], "sigmoid", "identity", seed=3)
        history = net.train(X, Y, epochs=resumed_to, **arguments)
        resumed = {"epochs": resumed_to, "parameters": net.parameters.tolist(), "history": dict(history)}
        expected["resumed"] = resumed
    return expected


def _predictor(folder, name, table):
    encoding = Encoding.fit(table)
    net = pl.Network([encoding.n_inputs, 4, encoding.n_outputs], "relu", "sigmoid", seed=4)
    predictor = pl.Predictor(net, "binary_cross_entropy", encoding)
    samples = predictor.samples(table)
    net.train(samples.X, samples.Y, "binary_cross_entropy", epochs=5, seed=0, progress=False)
    predictor.save(folder / f"{name}.safetensors")
    lines = [",".join(table.columns)]
    lines += [
        ",".join(map(str, row)) for row in zip(*(column.tolist() for column in table.columns.values()), strict=True)
    ]
    answers = {column: values.tolist() for column, values in predictor.predict(table).items()}
    return {"rows": lines, "answers": answers, "parameters": net.parameters.tolist()}


def _classifier(folder, name, model, X):
    model.save(folder / f"{name}.safetensors")
    found = model.predict(X)
    return {
        "X": X.tolist(), "parameters": model.network_.parameters.tolist(),
        "probabilities": model.predict_proba(X).tolist(),
        "predictions": (found.toarray() if sparse.issparse(found) else found).astype(str).tolist(),
    }  # fmt: skip


def _regressor(folder, name, model, X):
    model.save(folder / f"{name}.safetensors")
    return {
        "X": X.tolist(), "predictions": model.predict(X).tolist(), "parameters": model.network_.parameters.tolist(),
    }  # fmt: skip


def main(folder):
    """Write everything."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(6, 3)).round(3), rng.normal(size=(6, 2)).round(3)
    days = np.array(["2024-01-31", "2024-02-29", "2024-03-31"] * 2, "datetime64[D]")
    labels = np.array([[1, 0, 1], [0, 1, 0]] * 3)
    floats = pl.Network([3, 5, 3, 2], [pl.LeakyReLU(0.2), pl.ELU(0.5), "softmax"], dtype="float32", seed=2)
    table = Table(
        "rows",
        {
            "length": rng.normal(3, 1, 12).round(2),
            "width": rng.normal(3, 1, 12).round(2),
            "colour": np.array(["blue", "red"] * 6),
            "kind": np.array(["wide", "wide", "long"] * 4),
        },
        ("kind",),
    )
    how = {"hidden_layer_sizes": (4,), "max_iter": 20, "random_state": 0, "tol": 1e9, "n_iter_no_change": np.inf}
    several = how | {"hidden_layer_sizes": (4, 3), "activation": ["tanh", "relu"], "standardize": True}
    expected = {
        "network": _network(folder, "network", pl.Network([3, 4, 2], "tanh", "identity", seed=1), X),
        "float32": _network(folder, "float32", floats, X),
        "checkpoint": _checkpoint(folder, "checkpoint", X, Y, 20),
        "checkpoint midway": _checkpoint(folder, "checkpoint midway", X, Y, 2, resumed_to=9),
        "predictor": _predictor(folder, "predictor", table),
        "classifier": _classifier(
            folder,
            "classifier",
            _fitted(MLPClassifier(**how, class_weight={"nan": 2.0}), X, ["nan", "no", "yes"] * 2),
            X,
        ),
        "classifier of days": _classifier(folder, "classifier of days", _fitted(MLPClassifier(**how), X, days), X),
        "classifier of labels": _classifier(
            folder, "classifier of labels", _fitted(MLPClassifier(**how), X, sparse.csr_matrix(labels)), X
        ),
        "regressor": _regressor(folder, "regressor", _fitted(MLPRegressor(**several), X, Y), X),
    }
    (folder / "expected.json").write_text(json.dumps(expected), encoding="utf-8")


def _fitted(model, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
