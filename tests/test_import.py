"""`import pellucid` loads NumPy and nothing else from outside the standard library; its public names are all there."""

import json
import subprocess
import sys
from importlib.metadata import version

import pytest

import pellucid

HEAVY = ("scipy", "matplotlib", "rich", "cyclopts", "pyarrow", "sympy", "sklearn", "safetensors", "torch", "pandas")


def loaded_by(code):
    """The modules that a new interpreter loads with some code on top of NumPy and its own."""
    program = (
        "import sys, json, numpy, numpy.random\n"  # Cython and NumPy leave modules of other names behind
        f"before = set(sys.modules)\n{code}\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def loaded():
    return loaded_by("import pellucid")


def test_a_bare_import_loads_no_package_but_numpy_and_pellucid(loaded):
    packages = {name.partition(".")[0] for name in loaded}
    assert "pellucid" in packages
    assert packages - set(sys.stdlib_module_names) - {"numpy"} == {"pellucid"}


@pytest.mark.parametrize("package", HEAVY)
def test_a_bare_import_does_not_load(package, loaded):
    assert [name for name in loaded if name.partition(".")[0] == package] == []


def test_the_five_steps_and_training_load_no_package_but_numpy():
    code = (
        "import pellucid as pl\n"
        "net = pl.Network([2, 3, 2], seed=0)\n"
        "run = net.backprop([1, 2], [0, 1]); str(run.explain('w_11^2'))\n"
        "net.train([[1, 2]], [[0, 1]], epochs=2, metrics='rmse')\n"
        "net.check_gradient([1, 2], [0, 1])\n"
    )
    packages = {name.partition(".")[0] for name in loaded_by(code)}
    assert packages - set(sys.stdlib_module_names) - {"numpy"} == {"pellucid"}


def test_safetensors_is_loaded_when_a_network_is_saved(tmp_path):
    code = f"import pellucid as pl\npl.Network([2, 2]).save({str(tmp_path / 'net')!r})"
    assert "safetensors" in loaded_by(code)
    assert (tmp_path / "net").exists()


def test_every_public_name_is_there_once_and_documented():
    assert len(set(pellucid.__all__)) == len(pellucid.__all__)
    missing = [name for name in pellucid.__all__ if not hasattr(pellucid, name)]
    assert missing == []
    undocumented = [name for name in pellucid.__all__ if name != "__version__" and not getattr(pellucid, name).__doc__]
    assert undocumented == []


def test_the_version_is_that_of_the_installed_distribution():
    assert pellucid.__version__ == version("pellucid")
