"""Train a support vector machine to tell malignant from benign tumours, and print how well it does."""

import argparse
import json

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


def main() -> None:
    """Cross-validate one model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--C", type=float, default=1.0, help="inverse strength of the regularisation")
    parser.add_argument("--kernel", choices=["linear", "poly", "rbf", "sigmoid"], default="rbf")
    parser.add_argument("--gamma", default="scale", help="scale, auto or a number")
    parser.add_argument("--folds", type=int, default=5)
    options = parser.parse_args()

    gamma = options.gamma if options.gamma in ("scale", "auto") else float(options.gamma)
    model = make_pipeline(StandardScaler(), SVC(C=options.C, kernel=options.kernel, gamma=gamma))
    features, labels = load_breast_cancer(return_X_y=True)
    folds = StratifiedKFold(options.folds, shuffle=True, random_state=0)
    scores = cross_validate(model, features, labels, cv=folds, scoring=["accuracy", "roc_auc"])

    accuracies, areas = scores["test_accuracy"], scores["test_roc_auc"]
    for fold, (accuracy, area) in enumerate(zip(accuracies, areas, strict=True), start=1):
        print(f"fold {fold}: accuracy {accuracy:.4f}, area under the ROC curve {area:.4f}")
    print(json.dumps({"val_accuracy": accuracies.mean(), "val_roc_auc": areas.mean(), "spread": accuracies.std()}))


if __name__ == "__main__":
    main()
