"""Ledoit-Wolf covariances by scikit-learn for core/tests/vectors/dependence.json: `core/tests/sizing.rs` compares to 1e-12.
Needs numpy and scikit-learn:  python3 tools/reference_dependence.py"""
import json
import pathlib

import numpy as np
from sklearn.covariance import ledoit_wolf

OUT = pathlib.Path(__file__).resolve().parents[1] / "core/tests/vectors/dependence.json"
rng = np.random.default_rng(5)
cases = []
for n, p, rho in [(60, 4, 0.6), (12, 8, 0.3), (200, 3, 0.95), (5, 2, -0.5), (40, 1, 0.0), (30, 6, 0.0)]:
    root = np.linalg.cholesky(np.full((p, p), rho if p > 2 or rho > 0 else rho) + (1 - rho) * np.eye(p))
    x = rng.standard_t(4, size=(n, p)) @ root.T * 0.01 + 0.0003
    covariance, shrinkage = ledoit_wolf(x)
    cases.append({"returns": x.tolist(), "covariance": covariance.tolist(), "shrinkage": float(shrinkage)})
# A market that never moves, and two that are one.
x = rng.normal(size=(50, 3)) * 0.01
x[:, 1] = 0.0
x[:, 2] = x[:, 0]
covariance, shrinkage = ledoit_wolf(x)
cases.append({"returns": x.tolist(), "covariance": covariance.tolist(), "shrinkage": float(shrinkage)})
OUT.write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
print("written", OUT, len(cases))
