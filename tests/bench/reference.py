"""What one fixed piece of work costs in Python: the chance that one position is liquidated within 30 days.

    python reference.py [numpy] [numba] [numba-generator] [quantlib]

The position is a 3x long of 1 unit at price 1 with a maintenance rate of 0.5 %. The log price makes 720 hourly normal
steps (80 % a year, no drift of the price); on each step the path's survival is multiplied by that of a Brownian bridge;
every 8 hours 0.01 % of the notional is paid out of the margin, which moves the barrier. The answer is 10.67 %.
reference.mjs is the same work in JavaScript. One thread, double precision. A JSON line for each; "time_to_error" is the
seconds this way of counting needs for a standard error of 0.001.

The rate counts 720 steps for every path. Scalar loops leave a path when it is dead, as anyone would write it, which
spares them a few percent of those steps.
"""
import json
import math
import os
import sys
import time

# Before numpy is loaded: one core against one core.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np

STEPS, PAY_EVERY = 720, 8
SIGMA, YEAR = 0.8, 8760
MARGIN, MMR, FUNDING = 1 / 3, 0.005, 0.0001
VARIANCE = SIGMA**2 / YEAR
DRIFT, SD = -VARIANCE / 2, math.sqrt(VARIANCE)
BRIDGE = -2 / VARIANCE
# From here on exp(BRIDGE * d0 * d1) = exp(-40) is lost in 1 - exp(...): leaving it out changes no bit of the result.
CERTAIN = 20 * VARIANCE
TARGET = 0.001


def with_numpy():
    """All paths of a chunk make each step together. Between payments the distance to the barrier moves as the price."""
    chunk = 8192  # seven arrays of 64 KiB: within a core's second-level cache

    def run(paths):
        rng = np.random.default_rng(1)
        total = squares = 0.0
        z, d1, product = np.empty(chunk), np.empty(chunk), np.empty(chunk)
        for _ in range(paths // chunk):
            alive, margin = np.ones(chunk), np.full(chunk, MARGIN)
            barrier = np.log((1 - margin) / (1 - MMR))
            d0 = -barrier
            for step in range(1, STEPS + 1):
                rng.standard_normal(out=z)
                z *= SD
                z += DRIFT
                np.add(d0, z, out=d1)
                np.multiply(d0, d1, out=product)
                # Few paths are near enough to matter. An end below the barrier makes the product negative: survival 0.
                near = np.flatnonzero(product < CERTAIN)
                alive[near] *= 1 - np.exp(BRIDGE * np.maximum(product[near], 0))
                d0, d1 = d1, d0
                if step % PAY_EVERY == 0:
                    log_price = d0 + barrier
                    margin -= FUNDING * np.exp(log_price)
                    barrier = np.log((1 - margin) / (1 - MMR))
                    d0 = log_price - barrier
                    alive[d0 <= 0] = 0
            gone = 1 - alive
            total += gone.sum()
            squares += gone @ gone
        return total, squares

    run(chunk)
    report("numpy", 40 * chunk, 3, run)


def numba_loop(normal):
    """The scalar loop, compiled; `normal` draws one number from a source of random numbers."""
    from numba import njit

    @njit
    def loop(paths, source):
        total = squares = 0.0
        for _ in range(paths):
            alive, margin, log_price = 1.0, MARGIN, 0.0
            barrier = math.log((1 - margin) / (1 - MMR))
            d0 = -barrier
            for step in range(1, STEPS + 1):
                log_price += DRIFT + SD * normal(source)
                d1 = log_price - barrier
                if d1 <= 0:
                    alive = 0.0
                    break
                if d0 * d1 < CERTAIN:
                    alive *= 1 - math.exp(BRIDGE * d0 * d1)
                d0 = d1
                if step % PAY_EVERY == 0:
                    margin -= FUNDING * math.exp(log_price)
                    barrier = math.log((1 - margin) / (1 - MMR))
                    d0 = log_price - barrier
                    if d0 <= 0:
                        alive = 0.0
                        break
            total += 1 - alive
            squares += (1 - alive) ** 2
        return total, squares

    return loop


def with_numba():
    """Random numbers as most numba code takes them: np.random, a Mersenne Twister with the polar method."""
    from numba import njit

    seed = njit(lambda: np.random.seed(1))
    loop = numba_loop(njit(lambda source: np.random.standard_normal()))

    def run(paths):
        seed()
        return loop(paths, None)

    run(1000)  # compiles
    report("numba", 120_000, 3, run)


def with_numba_generator():
    """The same loop fed by numpy's newer Generator (PCG64, ziggurat), which numba compiles too: four times as fast."""
    from numba import njit

    loop = numba_loop(njit(lambda source: source.standard_normal()))

    def run(paths):
        return loop(paths, np.random.default_rng(1))

    run(1000)  # compiles
    report("numba-generator", 400_000, 3, run)


def with_quantlib():
    """QuantLib draws the paths, numpy follows the barrier along a batch of them. Most of the time goes into reading the
    paths into Python, number by number; the bindings have no other way.

    Of its two processes this is the one drawn faster: GeometricBrownianMotionProcess steps the price itself,
    S += sigma S sqrt(dt) Z, where BlackScholesProcess steps its logarithm. At an hour's step
    that adds 0.01 percentage points to the answer, far less than the standard error."""
    import QuantLib as ql

    batch = 64

    def run(paths):
        uniform = ql.UniformRandomSequenceGenerator(STEPS, ql.UniformRandomGenerator(1))
        process = ql.GeometricBrownianMotionProcess(1.0, 0.0, SIGMA)
        sequence = ql.GaussianRandomSequenceGenerator(uniform)
        generator = ql.GaussianPathGenerator(process, STEPS / YEAR, STEPS, sequence, False)
        price = np.empty((batch, STEPS + 1))
        margin = np.full((batch, 1 + STEPS // PAY_EVERY), MARGIN)
        total = squares = 0.0
        for _ in range(paths // batch):
            for row in price:
                row[:] = generator.next().value()
            log_price = np.log(price)
            margin[:, 1:] = MARGIN - FUNDING * np.cumsum(price[:, PAY_EVERY::PAY_EVERY], axis=1)
            barriers = np.log((1 - margin) / (1 - MMR))
            barrier = np.repeat(barriers[:, :-1], PAY_EVERY, axis=1)
            # An end at or below the barrier makes the step's survival 0; the last payment has no step after it.
            d0 = np.maximum(log_price[:, :-1] - barrier, 0)
            d1 = np.maximum(log_price[:, 1:] - barrier, 0)
            alive = np.prod(1 - np.exp(BRIDGE * d0 * d1), axis=1) * (log_price[:, -1] > barriers[:, -1])
            gone = 1 - alive
            total += gone.sum()
            squares += gone @ gone
        return total, squares

    report("quantlib", 128 * batch, 1, run)


def report(name, paths, repeats, run):
    """Times `run`, which returns the sum and the sum of squares of 1 - alive, and prints its line."""
    seconds = math.inf
    for _ in range(repeats):
        start = time.perf_counter()
        total, squares = run(paths)
        seconds = min(seconds, time.perf_counter() - start)
    probability = total / paths
    variance = (squares / paths - probability**2) * paths / (paths - 1)
    rate = paths * STEPS / seconds
    line = {
        "name": name,
        "paths": paths,
        "steps": STEPS,
        "seconds": round(seconds, 4),
        "path_steps_per_second": round(rate),
        "probability": round(float(probability), 6),
        "standard_error": round(math.sqrt(variance / paths), 6),
        "time_to_error": round(variance / TARGET**2 * STEPS / rate, 4),
    }
    print(json.dumps(line), flush=True)


REFERENCES = {
    "numpy": with_numpy,
    "numba": with_numba,
    "numba-generator": with_numba_generator,
    "quantlib": with_quantlib,
}

if __name__ == "__main__":
    names = sys.argv[1:] or list(REFERENCES)
    unknown = [name for name in names if name not in REFERENCES]
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; known: {', '.join(REFERENCES)}")
    for name in names:
        REFERENCES[name]()
