"""scikit-learn's tests of its own multi-layer perceptron, run on ours."""

from importlib.resources import files

import pytest

SOURCE = files("sklearn.neural_network.tests") / "test_mlp.py"
THEIRS = "from sklearn.neural_network import MLPClassifier, MLPRegressor"
OURS = "from pellucid.estimators import MLPClassifier, MLPRegressor"

text = SOURCE.read_text(encoding="utf-8")
assert THEIRS in text
# The learning rate is public here.
exec(compile(text.replace(THEIRS, OURS).replace("._optimizer.learning_rate", ".learning_rate_"), str(SOURCE), "exec"))

# Of private functions, not of what is documented: the gradient as scikit-learn's L-BFGS asks for it.
del test_gradient  # noqa: F821
# Theirs raises an error after the fit; ours warns when it happens and keeps the last finite parameters.
del test_nonfinite_params  # noqa: F821

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def global_random_seed():
    return 42
