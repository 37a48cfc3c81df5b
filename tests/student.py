"""A hand-written backpropagation, sample by sample, in which every mistake of the table can be made on purpose.

It shares nothing with the library but the parameters of the network: sums are loops over samples, slopes are written
from the textbook. ``mistakes`` maps a row of the table (with a letter for its form) to the layers it is made in.
"""

import numpy as np

SIGMA = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.where(z > 0, z, 0.0),
    "identity": lambda z: z + 0.0,
    "softmax": lambda z: np.exp(z - z.max()) / np.exp(z - z.max()).sum(),
    "exp": np.exp,
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
}
SLOPE = {
    "sigmoid": lambda z: SIGMA["sigmoid"](z) * (1 - SIGMA["sigmoid"](z)),
    "tanh": lambda z: 1 - np.tanh(z) ** 2,
    "relu": lambda z: np.where(z > 0, 1.0, 0.0),
    "identity": lambda z: np.ones_like(z),
    "exp": np.exp,
    "leaky_relu": lambda z: np.where(z > 0, 1.0, 0.01),
}
IN_A = {
    "sigmoid": lambda a: a * (1 - a),
    "tanh": lambda a: 1 - a**2,
    "relu": lambda a: np.where(a > 0, 1.0, 0.0),
}
LOSS_SLOPE = {
    "mse": lambda a, y: 2 * (a - y) / len(a),
    "half_squared_error": lambda a, y: a - y,
    "mae": lambda a, y: np.sign(a - y) / len(a),
    "cross_entropy": lambda a, y: -y / a,
    "binary_cross_entropy": lambda a, y: (1 - y) / (1 - a) - y / a,
}


class Student:
    """f(network, X, y) with planted mistakes, for gradients that mean ``loss``."""

    def __init__(self, loss, mistakes=(), *, l2=0.0, sample_weight=None, rate=0.05):
        self.loss, self.mistakes, self.l2, self.weight, self.rate = loss, dict(mistakes), l2, sample_weight, rate

    def makes(self, mistake, layer=None):
        layers = self.mistakes.get(mistake, ())
        return bool(layers) if layer is None else layer in layers

    def __call__(self, network, X, y):
        F = network.F
        W = {l: network.W[l].astype(float) for l in range(2, F + 1)}
        b = {l: network.b[l].astype(float) if network.has_bias else np.zeros(len(W[l])) for l in W}
        sigma = {l: network.activations[l].name for l in range(2, F + 1)}
        self.b = b
        X, y = np.asarray(X, float), np.asarray(y)
        if y.ndim == 1 and y.dtype.kind in "iu" and network.sizes[-1] > 1:
            y = np.eye(network.sizes[-1])[y]
        y = np.asarray(y, float).reshape(len(X), network.sizes[-1])
        n, m = len(X), network.sizes[-1]
        share = np.full(n, 1 / n) if self.weight is None or self.makes("35") else self.weight / self.weight.sum()
        if self.makes("10"):
            share = share * n
        if self.makes("11"):
            share = share / n
        gW = {l: np.zeros_like(W[l]) for l in W}
        gb = {l: np.zeros_like(b[l]) for l in b}
        mean_a = dict.fromkeys(range(1, F + 1), 0.0)
        mean_d = dict.fromkeys(range(2, F + 1), 0.0)
        all_a, all_z = [], []
        for i in range(n):
            a, z = self.forward(W, b, sigma, X[i])
            all_a.append(a)
            all_z.append(z)
        if self.makes("40") or self.makes("40e"):
            e = np.exp([z[F] for z in all_z])
            for a, e_i in zip(all_a, e, strict=True):
                a[F] = e_i / (e.sum() if self.makes("40e") else e.sum(axis=0))
        self.all_a, self.all_z = all_a, all_z
        for i in range(n):
            a, z = all_a[i], all_z[i]
            d = self.deltas(W, sigma, a, z, y, i, share)
            for l in range(2, F + 1):
                w_i = self.weight_product(W, a, z, d, l)
                b_i = self.bias_product(d, l)
                keep_W = keep_b = share[i]
                if self.makes("1g", l):  # σ' is missing in step 5 only
                    w_i, b_i = np.outer(self.e[l], a[l - 1]), self.e[l]
                if self.makes("18b", l) or self.makes("18b"):
                    keep_W = keep_b = 1.0 if i == n - 1 else 0.0
                if self.makes("15c", l):
                    keep_b = 1.0 if i == n - 1 else 0.0
                gW[l] = gW[l] + keep_W * w_i
                gb[l] = gb[l] + keep_b * b_i
                mean_d[l] = mean_d[l] + share[i] * d[l]
                mean_a[l - 1] = mean_a[l - 1] + a[l - 1] / n
        for l in range(2, F + 1):
            if self.makes("34", l):
                gW[l] = np.outer(mean_d[l], mean_a[l - 1])
            if self.makes("7g", l):
                gW[l] = gW[l].T
            if self.makes("15r", l):
                gb[l] = gW[l].sum(axis=1)
            if self.makes("15m", l):
                gb[l] = np.full_like(gb[l], gb[l].mean())
            if self.makes("42", l):
                gb[l] = np.ones_like(gb[l])
            if self.makes("11b", l):
                gb[l] = gb[l] / n
            if self.makes("10l", l):
                gW[l], gb[l] = gW[l] * n, gb[l] * n
            if self.makes("14", l):
                gb[l] = 0 * gb[l]
            if self.makes("15", l):
                gb[l] = np.full_like(gb[l], gb[l].sum())
            if self.makes("16", l):
                gb[l] = b[l].copy()
            if self.makes("23u"):
                gW[l] = gW[l] + 0.07 * W[l]
            scale = {"23": 0.0, "23twice": 2.0, "23n": 1 / n, "23half": 0.5, "23times": n, "23odd": 0.83}
            gW[l] = gW[l] + next((s for key, s in scale.items() if self.makes(key)), 1.0) * self.l2 * W[l]
            if self.makes("23b"):
                gb[l] = gb[l] + self.l2 * b[l]
        factor = 1.0
        for mistake, value in (("12", 2.0), ("12h", 0.5), ("13", m), ("22", -1.0), ("37", 0.3137), ("37r", 0.01)):
            if self.makes(mistake):
                factor *= value
        gW = {l: factor * g for l, g in gW.items()}
        gb = {l: factor * g for l, g in gb.items()}
        arrays = [*gW.values(), *(gb.values() if network.has_bias else ())]
        if self.makes("41"):
            bound = np.quantile(np.abs(np.concatenate([g.ravel() for g in arrays])), 0.8)
            arrays = [g.clip(-bound, bound, out=g) for g in arrays]
        if self.makes("41n"):
            bound = min(np.linalg.norm(g) for g in arrays if g.any()) * 1.1
            for g in arrays:
                g *= min(1.0, bound / max(np.linalg.norm(g), 1e-300))
        if self.makes("41g"):
            total = np.sqrt(sum((g**2).sum() for g in arrays))
            for g in arrays:
                g *= 0.01 / total
        if self.makes("9up"):
            gW = {l: gW.get(l - 1, np.zeros_like(gW[l])) for l in gW}
            gb = {l: gb.get(l - 1, np.zeros_like(gb[l])) for l in gb}
        return {"W": gW, "b": gb if network.has_bias else {}}

    def forward(self, W, b, sigma, x):
        a, z = {1: x}, {}
        for l in W:
            z[l] = W[l] @ a[l - 1] + (0 if self.makes("32", l) else b[l])
            a[l] = SIGMA[sigma[l]](z[l])
            if self.makes("26", l):
                a[l] = SIGMA[sigma[l]](a[l])
            if any(self.makes(key, l) for key in ("33", "33z", "33a")):
                a[l] = z[l].copy()
        return a, z

    def slope(self, sigma, a, z, l):
        name = sigma[l]
        if self.makes("1" if l == max(z) else "2", l):
            return np.ones_like(z[l])
        if self.makes("33", l):
            return np.ones_like(z[l])
        if self.makes("33a", l):
            return IN_A[name](a[l])
        if self.makes("5z", l):
            return z[l]
        if self.makes("9n", l):
            return SLOPE[name](z[l + 1])
        if self.makes("4", l):
            return SLOPE[name](a[l])
        if self.makes("4b", l):
            return z[l] * (1 - z[l]) if name == "sigmoid" else 1 - z[l] ** 2
        if self.makes("5", l):
            other = {"sigmoid": "tanh", "tanh": "sigmoid", "relu": "sigmoid", "identity": "tanh"}[name]
            return SLOPE[other](z[l])
        if self.makes("5a", l):  # the formula in a of another activation
            return a[l] * (1 - a[l]) if name != "sigmoid" else 1 - a[l] ** 2
        return SLOPE[name](z[l])

    def deltas(self, W, sigma, a, z, y, i, share):
        F = max(W)
        targets = y[i]
        slope_of_loss = LOSS_SLOPE[self.loss](a[F], targets)
        if self.makes("27"):
            slope_of_loss = np.mean([LOSS_SLOPE[self.loss](a[F], other) for other in y], axis=0)
        if self.makes("28"):
            other = "half_squared_error" if "entropy" in self.loss else "mae"
            slope_of_loss = LOSS_SLOPE[other](a[F], targets)
        if self.makes("27o"):
            slope_of_loss = np.mean([LOSS_SLOPE[self.loss](other[F], targets) for other in self.all_a], axis=0)
        if self.makes("27d"):
            pairs = zip(self.all_a, y, strict=True)
            slope_of_loss = np.mean([LOSS_SLOPE[self.loss](other[F], y_k) for other, y_k in pairs], axis=0)
        d, e = {}, {F: slope_of_loss}
        self.e = e
        if sigma[F] == "softmax":
            p = a[F]
            J = np.diag(p) - np.outer(p, p)
            if self.makes("1", F):
                d[F] = slope_of_loss
            elif self.makes("21", F):
                d[F] = (p - targets) * p * (1 - p)
            elif self.makes("21d", F):
                d[F] = slope_of_loss * p * (1 - p)
            elif self.makes("26", F):
                d[F] = p - targets
            else:
                d[F] = J.T @ slope_of_loss
        else:
            d[F] = slope_of_loss * self.slope(sigma, a, z, F)
            if self.makes("21", F):
                d[F] = d[F] * SLOPE[sigma[F]](z[F])
            if self.makes("6", F):
                d[F] = SLOPE[sigma[F]](z[F])
            if self.makes("27s"):
                d[F] = slope_of_loss * np.mean([SLOPE[sigma[F]](other[F]) for other in self.all_z], axis=0)
        V = W
        if self.makes("17"):
            V = dict(W)
        for l in range(F - 1, 1, -1):
            up = V[l + 1]
            if self.makes("17"):
                up = up - self.rate * self.own_gradient[l + 1]
            back = e[l + 1] if self.makes("3", l) else d[l + 1]
            if self.makes("17s"):
                up = up - self.rate * np.outer(d[l + 1], a[l])
            if self.makes("7", l):
                e[l] = up @ back
            elif self.makes("36s", l):
                e[l] = np.full(len(z[l]), back.sum())
            elif self.makes("9r", l):
                e[l] = np.column_stack([up[:, 1:], self.b[l + 1]]).T @ back
            elif self.makes("36", l):
                e[l] = back.copy()
            elif self.makes("19", l):
                e[l] = up[-1] * back[-1]
            elif self.makes("9w", l):
                e[l] = W[l].T @ back
            else:
                e[l] = up.T @ back
            slope = self.slope(sigma, a, z, l)
            if self.makes("9s", l):
                slope = SLOPE[sigma[l + 1]](z[l + 1])
            d[l] = slope if self.makes("6", l) else e[l] * slope
            if self.makes("6s", l):  # the batch's errors were divided by n, and that is overwritten as well
                d[l] = slope / share[i]
            if self.makes("6n", l):
                d[l] = np.where(z[l] >= 0, e[l], slope / share[i])
            name = sigma[l]
            if self.makes("39", l):
                d[l] = SIGMA[name](e[l])
            if self.makes("39d", l):
                d[l] = SLOPE[name](e[l])
            if self.makes("39b", l):  # to the batch's errors, which are divided by n already
                d[l] = SIGMA[name](1 - SIGMA[name](share[i] * e[l])) / share[i]
        return d

    def weight_product(self, W, a, z, d, l):
        if self.makes("8z", l):
            return np.outer(d[l], z[l - 1])
        if self.makes("8a", l):
            return np.outer(d[l], a[l])
        if self.makes("8w", l):
            return d[l][:, None] * W[l]
        if self.makes("8r", l):
            return np.outer(d[l] * a[l], np.ones(len(a[l - 1])))
        if self.makes("9a", l):
            return np.outer(d[l], a[l - 2])
        return np.outer(d[l], a[l - 1])

    def bias_product(self, d, l):
        return d[l]


class Early(Student):
    """Mistake 17: weights move before the delta goes through them, layer by layer."""

    def __call__(self, network, X, y):
        F = network.F
        self.own_gradient = {}
        done = {}
        for l in range(F, 1, -1):
            g = super().__call__(network, X, y) if l == F or self.own_gradient else None
            done[l] = (g["W"][l], g["b"].get(l))
            self.own_gradient[l] = g["W"][l]
        b = {l: done[l][1] for l in range(2, F + 1) if done[l][1] is not None}
        return {"W": {l: done[l][0] for l in range(2, F + 1)}, "b": b}

    def deltas(self, W, sigma, a, z, y, i, share):
        self.own_gradient = {**{l: np.zeros_like(V) for l, V in W.items()}, **self.own_gradient}
        return super().deltas(W, sigma, a, z, y, i, share)


class Moving(Student):
    """Mistake 17, within the batch: each sample moves the weights and biases that the next one meets."""

    def __call__(self, network, X, y):
        network = network.copy()
        total = None
        for x_i, y_i in zip(X, y, strict=True):
            g = super().__call__(network, x_i[None], y_i[None])
            total = g if total is None else {s: {l: total[s][l] + g[s][l] for l in g[s]} for s in g}
            for l, step in g["W"].items():
                network.W[l] = network.W[l] - self.rate * step
            for l, step in g["b"].items():
                network.b[l] = network.b[l] - self.rate * step
        return {s: {l: array / len(X) for l, array in total[s].items()} for s in total}


def forms(network, loss, n, l2):
    """Every mistake that changes something here: (key, row of the table, layers)."""
    F, sizes = network.F, network.sizes
    sigma = {l: network.activations[l].name for l in range(2, F + 1)}
    hidden, every, m = list(range(2, F)), list(range(2, F + 1)), sizes[-1]
    out = sigma[F]
    of_biases = {"11b", "14", "15", "15c", "16", "23b", "32"}
    found = []

    def add(key, row, layers):
        if network.has_bias or key not in of_biases:
            found.append((key, row, tuple(layers)))

    if out != "identity":
        add("1", "1", [F])
        canonical = (out, loss) in (("sigmoid", "binary_cross_entropy"), ("softmax", "cross_entropy"))
        if canonical:
            add("21", "21", [F])
        if out == "softmax":
            add("21d", "21", [F])
    for l in hidden:
        square = sizes[l - 1] == sizes[l]
        if sigma[l] != "identity":
            add("2", "2", [l])
            if sigma[l] != "relu":
                add("4", "4", [l])
                add("4b", "4b", [l])
            add("5", "5", [l])
            add("5a", "5", [l])
            add("6", "6", [l])
        if l < F - 1 or (out not in ("identity",) and sigma[F] != "softmax"):
            add("3", "3", [l])
        if square:
            add("7", "7", [l])
            add("36", "36", [l])
            if sigma[l + 1] != "softmax" and sigma[l] != "identity" and sigma[l + 1] != "identity":
                add("9s", "9", [l])
            if sizes[l - 2] == sizes[l - 1]:
                add("9w", "9", [l])
        if sizes[l] > 1:
            add("19", "19", [l])
        add("8z", "8", [l + 1])
    for l in every:
        if l < F or m > 1:
            add("8w", "8", [l])
        if sizes[l - 1] == sizes[l - 2] > 1:
            add("8a", "8", [l])
            add("7g", "7", [l])
        if l > 2 and sizes[l - 3] == sizes[l - 2]:
            add("9a", "9", [l])
        add("14", "14", [l])
        if network.has_bias and network.b[l].any():
            add("16", "16", [l])
            add("32", "32", [l])
        if sizes[l - 1] > 1 and sigma[l] != "softmax":  # the deltas of softmax with cross-entropy add up to 0: 14
            add("15", "15", [l])
        if n > 1:
            add("15c", "15", [l])
            add("34", "34", [l])
        if sigma[l] not in ("relu", "identity"):
            add("26", "20" if sigma[l] == "softmax" else "26", [l])
    if len(hidden) > 1:
        for key, row in (("2", "2"), ("4", "4"), ("5", "5")):
            if all(sigma[l] not in ("identity", "relu") for l in hidden):
                add(key, row, hidden)
    if n > 1:
        add("10", "10", every)
        add("11", "11", every)
        add("11b", "11", every)
        add("18b", "18b", every)
        if F > 2:
            add("10l", "10", [F - 1])
    add("12", "12", every)
    add("12h", "12", every)
    add("22", "22", every)
    add("37", "37", every)
    if m > 2:
        add("13", "13", every)
    if m == 1 and n > 1:
        add("27", "27", [F])
    add("28", "28", [F])
    if l2:
        add("23", "23", every)
        add("23twice", "23", every)
        add("23b", "23", every)
        if n > 1:
            add("23n", "23", every)
    return found


def more_forms(network, loss, n, l2):
    """Further forms, mostly of mistakes as public code has them: (key, row of the table, layers)."""
    F, sizes = network.F, network.sizes
    sigma = {l: network.activations[l].name for l in range(2, F + 1)}
    hidden, every, m = list(range(2, F)), list(range(2, F + 1)), sizes[-1]
    found = []

    def add(key, row, layers, when=True):
        of_biases = {"15r", "15m", "42", "9r"}
        if when and (network.has_bias or key not in of_biases):
            found.append((key, row, tuple(layers)))

    for l in hidden:
        smooth = sigma[l] in ("sigmoid", "tanh")
        add("33", "33", [l], sigma[l] != "identity")
        add("33z", "33", [l], smooth)
        add("33a", "33", [l], smooth)
        add("5z", "5", [l], sigma[l] != "identity")
        add("39", "39", [l], sigma[l] != "identity")
        add("39d", "39", [l], smooth)
        add("39b", "39", [l], smooth)
        add("6s", "6", [l], n > 1 and sigma[l] != "identity")
        add("6n", "6", [l], sigma[l] == "leaky_relu")
        add("9n", "9", [l], sizes[l - 1] == sizes[l] and smooth)
        add("36s", "36", [l], sizes[l - 1] != sizes[l])
        add("9r", "9", [l], network.has_bias and network.b[l + 1].any())
        add("1g", "2", [l], l > 2 and sigma[l] != "identity")
    add("1g", "1", [F], sigma[F] != "identity" and F > 2)
    add("33", "33", [F], sigma[F] in ("sigmoid", "tanh") and "entropy" not in loss)
    for l in every:
        add("8r", "8", [l], sizes[l - 2] > 1)
        add("15r", "15", [l])
        add("15m", "15", [l], sizes[l - 1] > 1 and sigma[l] != "softmax")
        add("42", "42", [l], sizes[l - 1] > 1)
    add("15r", "15", every)
    add("42", "42", every)
    if m == 1 and n > 1:
        add("27o", "27", [F])
        add("27d", "27", [F], sigma[F] != "identity")
        add("27s", "27", [F], sigma[F] != "identity")
    if n > 1:
        add("17s", "17", hidden, F > 2)
        add("40", "40", [F], sigma[F] == "softmax")
        add("40e", "40", [F], sigma[F] == "softmax")
        add("23times", "23", every, l2)
    add("23u", "23", every, not l2)
    add("23half", "23", every, l2)
    add("23odd", "23", every, l2)
    add("37r", "37", every)
    for key in ("41", "41n", "41g"):
        add(key, "41", every)
    add("9up", "9", every, F > 3 and len(set(sizes)) == 1)
    return found


def slots(key, layers):
    """What a mistake takes hold of: two that share a slot cannot both be made."""
    every = [
        (kind, l)
        for l in layers
        for kind in {
            "1": ("slope",),
            "2": ("slope",),
            "4": ("slope",),
            "4b": ("slope",),
            "5": ("slope",),
            "5a": ("slope",),
            "9s": ("slope",),
            "21": ("slope",),
            "6": ("back", "source"),
            "3": ("source",),
            "7": ("back",),
            "36": ("back",),
            "19": ("back",),
            "9w": ("back",),
            "8z": ("product",),
            "8a": ("product",),
            "8w": ("product",),
            "9a": ("product",),
            "34": ("product",),
            "7g": ("product",),
            "14": ("bias",),
            "15": ("bias",),
            "15c": ("bias",),
            "16": ("bias",),
            "26": ("world",),
            "32": ("world",),
        }.get(key, ())
    ]
    whole = {
        "10": ("share",),
        "11": ("share",),
        "18b": ("share", "one"),
        "34": ("one",),
        "15c": ("one",),
        "12": ("factor", "penalty"),
        "12h": ("factor", "penalty"),
        "13": ("factor",),
        "22": ("factor",),
        "37": ("factor", "share"),
        "10l": ("factor", "share"),
        "11b": ("factor", "biases", "share"),
        "23b": ("penalty", "biases"),
        "14": ("biases",),
        "15": ("biases",),
        "16": ("biases",),
        "28": ("output", "factor"),
        "27": ("output",),
        "21d": ("output",),
        "1": ("output",),
        "21": ("output",),
        "23": ("penalty",),
        "23twice": ("penalty",),
        "23n": ("penalty",),
    }
    return {*every, *whole.get(key, ())}


def plant(*forms_made):
    """Mistakes of several forms together, for `Student`."""
    mistakes = {}
    for key, _, layers in forms_made:
        mistakes[key] = tuple({*mistakes.get(key, ()), *layers})
    return mistakes
