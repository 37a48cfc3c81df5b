"""scikit-learn's interface: MLPClassifier and MLPRegressor with the same parameters, and more. Needs scikit-learn."""

from pellucid.errors import import_extra

import_extra("sklearn", "sklearn", "pellucid.estimators")

from pellucid.estimators.classifier import MLPClassifier  # noqa: E402
from pellucid.estimators.regressor import MLPRegressor  # noqa: E402
from pellucid.estimators.scaling import Scaling  # noqa: E402
from pellucid.estimators.search import GridSearchCV, RandomizedSearchCV, fit_many  # noqa: E402

__all__ = ["GridSearchCV", "MLPClassifier", "MLPRegressor", "RandomizedSearchCV", "Scaling", "fit_many"]
