"""Second, independent check of jump diffusion with funding: jump times drawn exactly, the way between payments and jumps
judged by the Brownian bridge, one path after the other. Prints cases of core/tests/vectors/brute_force.json.

Needs numpy and numba (tests/bench/requirements.txt). About two minutes."""
import json
import math
import pathlib

import numpy as np
from numba import njit

PATHS = 6_000_000


@njit
def simulate(n, sign, seed):
    np.random.seed(seed)
    variance, intensity, mean, deviation = 0.6**2 / 8760, 20 / 8760, -0.05, 0.08
    compensation = intensity * (math.exp(mean + 0.5 * deviation**2) - 1)
    total, squares = 0.0, 0.0
    for _ in range(n):
        # sign·(y − 1) + cash − 0.005·y = 0 at the barrier.
        cash, x, t, payment, alive = 1 / 3, 0.0, 0.0, 8.0, 1.0
        jump = np.random.exponential(1 / intensity)
        barrier = math.log((sign - cash) / (sign - 0.005))
        while t < 720:
            until = min(payment, jump)
            dt = until - t
            end = x + (-0.5 * variance - compensation) * dt + math.sqrt(variance * dt) * np.random.normal()
            before, after = sign * (x - barrier), sign * (end - barrier)
            if after <= 0:
                alive = 0.0
                break
            if dt > 0:
                alive *= 1 - math.exp(-2 * before * after / (variance * dt))
            x, t = end, until
            if jump == until:
                x += mean + deviation * np.random.normal()
                jump = t + np.random.exponential(1 / intensity)
            if payment == until:
                cash -= sign * 0.0001 * math.exp(x)
                payment += 8
                barrier = math.log((sign - cash) / (sign - 0.005))
            if sign * (x - barrier) <= 0:
                alive = 0.0
                break
        total += 1 - alive
        squares += (1 - alive) ** 2
    p = total / n
    return p, math.sqrt((squares / n - p * p) / n)


known = json.loads((pathlib.Path(__file__).parent.parent / "core/tests/vectors/brute_force.json").read_text())
for case in known:
    if case["name"] in ("E jump diffusion, 3x long", "E jump diffusion, 3x short"):
        p, error = simulate(PATHS, 1.0 if "long" in case["name"] else -1.0, 7)
        request = {**case["request"], "target_standard_error": 0.0002}
        print(json.dumps({"name": case["name"] + ", by bridges between exact jump times", "request": request,
                          "probability": round(p, 6), "standard_error": round(error, 6), "paths": PATHS}))
