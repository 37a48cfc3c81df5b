"""What the parameters of a function are meant to be, by their names.

A function says by its signature what it takes: ``(network, X, y)``, ``(x, y)``, ``(W1, b1, W2, b2, X, y)``,
``(params, cache, X, Y)``. Each name has a *role*.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

_NAMES: tuple[tuple[str, str], ...] = (
    ("network", r"network|net|nn|model|mlp|ann|neuralnet|neuralnetwork|self"),
    (
        "inputs",
        r"x|xs|xi|xtrain|xbatch|batchx|trainx|inputs?|inputdata|inputvector|inputs?list|data|xdata|features?|a0|inp"
        r"|traininginputs?|samples?|images?|xx|row|examples?",
    ),
    (
        "targets",
        r"y|ys|yi|t|ts|ytrain|ybatch|batchy|trainy|targets?|targetdata|targetvector|targets?list|labels?|ytrue|yreal"
        r"|expected|desired|groundtruth|truth|trainingoutputs?|yy|ydata|allytrues?|ytrues|yonehot|onehoty|yenc|targ|desiredoutput|target",
    ),
    ("pairs", r"pairs|minibatch|batch|trainingdata|traindata|dataset|trainset"),
    ("weight first", r"wh|whidden|wih|wxh|win|hiddenweights?|weightshidden|weightsinputhidden|winputhidden|hiddenw"),
    ("weight last", r"wo|wout|woutput|who|why|outputweights?|weightsoutput|weightshiddenoutput|whiddenoutput|outputw"),
    ("bias first", r"bh|bhidden|hiddenbias(es)?|bias(es)?hidden|hiddenb"),
    ("bias last", r"bo|bout|boutput|by|outputbias(es)?|bias(es)?output|outputb"),
    ("weights", r"w|ws|weights?|thetas|coefs|kernels|weightmatrices|allweights|weightlist"),
    ("biases", r"b|bs|bias|biases|intercepts|allbiases|biaslist"),
    (
        "parameters",
        r"params?|parameters?|p|paramdict|modelparams|theta|nnparams|initialnnparams|vec|flat|thetavec|allparams|wb"
        r"|weightsandbiases|paramvec|parametervector",
    ),
    ("cache", r"caches?|memory|memo|store|intermediates?|zs|activations|forwardcache|tape|forwardpass|state|outputs"),
    ("rate", r"lr|eta|alpha|learningrate|rate|stepsize|learnrate|η"),
    (
        "penalty",
        r"lambda|lambd|lam|lamda|lamb|lmbda|reg|reglambda|l2|λ|regularization|regularisation|regstrength|weightdecay"
        r"|decay|l2lambda|l2reg",
    ),
    ("count", r"n|m|batchsize|minibatchsize|nsamples|numsamples|numexamples|nexamples|samplecount"),
    ("sizes", r"sizes|layers?|layerdims|layersizes|layersdims|dims|nunits|units|architecture|topology|structure|shape"),
    (
        "size first",
        r"nx|nin|ninputs?|inputsize|inputdim|inputlayersize|inputnodes|inputneurons|nfeatures|numfeatures|numinputs?"
        r"|din|ni|inodes|inputlayer",
    ),
    (
        "size middle",
        r"nh|nhidden|hiddensize|hiddendim|hiddenlayersize|hiddennodes|hiddenneurons|numhidden|nhiddenunits|hidden|nhid"
        r"|hnodes|hiddenlayer|hiddenunits",
    ),
    (
        "size last",
        r"ny|nout|noutputs?|outputsize|outputdim|outputlayersize|outputnodes|outputneurons|numlabels|nclasses"
        r"|numclasses|numoutputs?|dout|no|onodes|k|outputlayer|classes",
    ),
    ("epochs", r"epochs?|niter|niters|iterations|numiterations|numiters?|nepochs|numepochs|maxiter|steps|its|iters?"),
    ("masks", r"masks?|dropoutmasks?|dropmasks?"),
    ("quiet", r"verbose|printcost|debug|plot|show|display|printloss|log|printevery"),
    ("seed", r"seed|randomstate|randomseed"),
    ("shuffle", r"shuffle"),
)
_ROLES = tuple((role, re.compile(names)) for role, names in _NAMES)
_NUMBERED = re.compile(
    r"(?P<weight>w|weights?|theta|syn|kernel|wt|coefs?|syn|weightmatrix)(?P<k>\d+)$|(?P<bias>b|bias(?:es)?|intercepts?)"
    r"(?P<j>\d+)$"
)
_SIZE_NUMBERED = re.compile(r"(?:n|size|units|dim)(\d+)$")


@dataclass(frozen=True)
class Parameter:
    """A parameter of a signature, with what it means."""

    name: str
    role: str
    number: int = 0
    is_required: bool = True


def role_of(name: str) -> tuple[str, int]:
    """What a parameter's name means: a role and, for weights and biases of one layer, a number."""
    short = name.replace("_", "").lower()
    if match := _NUMBERED.fullmatch(short):
        return ("weight", int(match["k"])) if match["weight"] else ("bias", int(match["j"]))
    for role, pattern in _ROLES:
        if pattern.fullmatch(short):
            return role, 0
    if match := _SIZE_NUMBERED.fullmatch(short):
        return "size", int(match[1])
    return "", 0


def parameters_of(function: Callable[..., Any]) -> list[Parameter] | None:
    """The parameters of a function with their roles; None if it takes any (``*args``) or does not say."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    found = []
    for one in signature.parameters.values():
        if one.kind is one.VAR_POSITIONAL:
            return None
        if one.kind is not one.VAR_KEYWORD:
            found.append(Parameter(one.name, *role_of(one.name), one.default is one.empty))
    return found


def layer_of(parameter: Parameter, parameters: Sequence[Parameter], F: int) -> int:
    """The layer that W1, b1, W2, … are meant to be of: counted from 1 as a rule, from 0 or 2 if the numbers say so."""
    numbers = sorted({one.number for one in parameters if one.role in ("weight", "bias")})
    first = numbers[0] if len(numbers) == F - 1 else 0 if numbers[0] == 0 else 2 if numbers[-1] == F else 1
    return 2 + parameter.number - first


def adapter_text(name: str, parameters: Sequence[Parameter], F: int, before: Sequence[str] = ()) -> str:
    """Write gradient(network, X, y) around a function with these parameters."""
    layers = range(2, F + 1)
    named = ", ".join(f'"W{l - 1}": network.W[{l}], "b{l - 1}": network.b[{l}]' for l in layers)
    text = {
        "network": "network", "inputs": "X", "targets": "y", "pairs": "list(zip(X, y))", "rate": "1.0",
        "weights": "[network.W[l] for l in network.W.keys()]", "biases": "[network.b[l] for l in network.b.keys()]",
        "parameters": f"{{{named}}}", "count": "len(X)", "sizes": "list(network.sizes)", "epochs": "1",
        "quiet": "False", "seed": "0", "penalty": "0.0", "size first": "network.sizes[0]",
        "size middle": "network.sizes[1]", "size last": "network.sizes[-1]", "weight first": "network.W[2]",
        "weight last": f"network.W[{F}]", "bias first": "network.b[2]", "bias last": f"network.b[{F}]",
        "shuffle": "False",
    }  # fmt: skip
    lines, given = [*before], []
    for one in parameters:
        if not one.is_required:
            continue
        if one.role in ("weight", "bias"):
            value = f"network.{'W' if one.role == 'weight' else 'b'}[{layer_of(one, parameters, F)}]"
        elif one.role in text:
            value = text[one.role]
        else:
            lines.append(f"{one.name} = ...  # fill in")
            value = one.name
        given.append(f"{one.name}={value}")
    lines.append(f"return {name}({', '.join(given)})")
    body = "\n".join(f"    {line}" for line in lines)
    return f"def gradient(network, X, y):\n{body}"
