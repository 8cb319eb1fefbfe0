"""Independent check of operation `probability`: plain simulation on a one-minute grid, written without the engine's
methods (no quasi-random numbers, no Brownian bridge, no barrier solver). Needs numpy. Prints the numbers quoted in
core/tests/probability.rs:

    python3 tools/brute_force_probability.py
"""
import numpy as np

MINUTES = 365 * 24 * 60


def isolated(rate, s, n=40_000, days=30, sigma=0.8, leverage=3.0, mmr=0.005, interval_hours=8, seed=1):
    """Position of 1 at price 1; discrete monitoring corrected by shifting the barrier (Broadie, Glasserman, Kou 1997)."""
    rng = np.random.default_rng(seed)
    sd, mu = sigma / np.sqrt(MINUTES), -0.5 * sigma**2 / MINUTES
    shift = np.exp(-s * 0.5826 * sd)
    x, alive, margin = np.zeros(n), np.ones(n, bool), np.full(n, 1 / leverage)
    barrier = (s - margin) / (s - mmr)
    for k in range(1, days * 24 * 60 + 1):
        x += mu + sd * rng.standard_normal(n)
        price = np.exp(x)
        alive &= s * (price - barrier / shift) > 0
        if k % (interval_hours * 60) == 0:
            margin -= s * rate * price
            barrier = (s - margin) / (s - mmr)
            alive &= s * (price - barrier) > 0
    p = 1 - alive.mean()
    return p, np.sqrt(p * (1 - p) / n)


def cross(sizes, sigmas, rho, wallet, rates, n=30_000, days=7, mmr=0.01, seed=2):
    """Several linear positions of one wallet, all at price 1; signed sizes; funding every 8 hours; checked each minute."""
    rng = np.random.default_rng(seed)
    sizes, sigmas, rates = np.array(sizes), np.array(sigmas), np.array(rates)
    factor = np.linalg.cholesky(np.array([[1, rho], [rho, 1]]))
    x, alive, cash = np.zeros((n, 2)), np.ones(n, bool), np.full(n, float(wallet))
    for k in range(1, days * 24 * 60 + 1):
        x += -0.5 * sigmas**2 / MINUTES + sigmas / np.sqrt(MINUTES) * (rng.standard_normal((n, 2)) @ factor.T)
        price = np.exp(x)
        if k % 480 == 0:
            cash -= price @ (sizes * rates)
        equity = cash + (price - 1) @ sizes
        alive &= equity > mmr * (price @ np.abs(sizes))
    p = 1 - alive.mean()
    return p, np.sqrt(p * (1 - p) / n)


if __name__ == "__main__":
    print("isolated long pays 0.05 %", isolated(0.0005, 1))
    print("isolated short pays 0.10 %", isolated(-0.001, -1))
    print("isolated short earns 0.05 %", isolated(0.0005, -1))
    print("isolated short, hourly, pays 0.01 %", isolated(-0.0001, -1, days=10, interval_hours=1, leverage=5.0))
    print("cross, two longs", cross([1, 1], [0.8, 1.0], 0.8, 0.4, [0.0003, 0.0001]))
    print("cross, hedged pair", cross([1, -1], [0.8, 1.0], 0.8, 0.15, [0.0003, 0.0001]))
