"""Isotonic regression, CORP terms, log loss and Brier scores by scikit-learn on random data, for core/tests/forecast.rs.

    python reference_scores.py > core/tests/vectors/scores.json

Needs numpy and scikit-learn."""
import json

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss, log_loss

rng = np.random.default_rng(20261123)
cases = []
for n, levels, bend in [(40, None, 1.0), (200, 12, 1.0), (300, None, 1.8), (150, 4, 0.6), (60, 1, 1.0), (250, None, 0.5)]:
    p = rng.uniform(0.001, 0.999, n) if levels is None else rng.choice(rng.uniform(0.05, 0.95, levels), n)
    y = (rng.uniform(size=n) < p**bend).astype(float)
    fitted = IsotonicRegression(out_of_bounds="clip").fit(p, y).predict(p)
    score, recalibrated = brier_score_loss(y, p), float(np.mean((fitted - y) ** 2))
    uncertainty = float(np.mean((y.mean() - y) ** 2))
    cases.append({
        "forecasts": p.tolist(), "outcomes": y.tolist(), "isotonic": fitted.tolist(), "brier": score,
        "log_loss": log_loss(y, p, labels=[0, 1]), "miscalibration": score - recalibrated,
        "discrimination": uncertainty - recalibrated, "uncertainty": uncertainty,
    })
print(json.dumps(cases))
