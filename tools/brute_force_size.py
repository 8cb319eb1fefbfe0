"""Independent check of operation `size`: simulation of the whole cross account, written without the engine's methods.
Writes core/tests/vectors/size.json. Needs numpy, scipy, numba; about ten minutes on one core:

    NUMBA_NUM_THREADS=1 python3 tools/brute_force_size.py [cases whose name contains this ...]

The account. Prices are correlated geometric Brownian motions without drift. The account is liquidated when wallet + profit
and loss - funding paid <= sum of maintenance rate * size * price, at any time up to the horizon; funding is paid on the mark
notional every interval, at the horizon too, and the account is tested before and after. Leverage is the sum of notionals at
mark over equity. Expected shortfall is the mean loss of the whole book against the marks now, over the worst 1 - confidence
of outcomes at the horizon, nothing being liquidated and no funding counted.

Monitoring. Brownian motions are drawn at steps of 8 hours or one funding interval. Any stretch that could reach the
requirement is halved, its middle drawn from the Brownian bridge, and so on down to 2^-13 of it (3.5 seconds of 8 hours); a
stretch is left whole only where the chance to cross within is under e^-32 with all assets moving together. Over the last
stretches the chance of a crossing between (the gap is as good as linear there) multiplies the path's survival. Every
number drawn is a hash of path and instant, so that a path is the same for every size: the probability is a smooth function
of size whose root is found by secants. Largest size: searched from above.

Standard error of a size: that of the probability (or shortfall) at it over its slope in the size, by differences of 2 %.

Checked by the run itself, which stops when one is off by more than four standard errors: the first-passage closed form (no
position, long and short; correlation 1 with equal volatilities, where only the sum counts); the closed form of lognormal
shortfall; forward simulation of the account at the size found, by `brute_force_models.py` with its own monitoring and other
random numbers; hits at 3.5 seconds with the shift of Broadie, Glasserman and Kou in place of bridge probabilities; the last
stretches 32 times as long; moments of the hashed normals; the limit is kept just below the size and broken just above, and
nowhere kept again beyond it on a grid up to the cap on leverage.
"""
import json
import pathlib
import sys
import time

import numpy as np
from numba import njit, uint64
from scipy.optimize import brentq
from scipy.stats import norm

import brute_force_models as forward

YEAR = 8760.0
DEPTH = 13
OUT = pathlib.Path(__file__).resolve().parents[1] / "core/tests/vectors/size.json"

# --- Numbers that depend on path and instant only -------------------------------------------------------------------------


@njit
def mixed(z):
    z = (z ^ (z >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> uint64(27))) * uint64(0x94D049BB133111EB)
    return z ^ (z >> uint64(31))


@njit
def polynomial(c, r):
    v = 0.0
    for k in range(c.size - 1, -1, -1):
        v = v * r + c[k]
    return v


# Wichura's AS241, PPND16.
A = np.array([3.3871328727963666080, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125,
              45921.953931549871457, 67265.770927008700853, 33430.575583588128105, 2509.0809287301226727])
B = np.array([1.0, 42.313330701600911252, 687.18700749205790830, 5394.1960214247511077, 21213.794301586595867,
              39307.895800092710610, 28729.085735721942674, 5226.4952788528545610])
C = np.array([1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
              1.27045825245236838258, 0.241780725177450611770, 0.0227238449892691845833, 7.74545014278341407640e-4])
D = np.array([1.0, 2.05319162663775882187, 1.67638483018380384940, 0.689767334985100004550, 0.148103976427480074590,
              0.0151986665636164571966, 5.47593808499534494600e-4, 1.05075007164441684324e-9])
E = np.array([6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580, 0.296560571828504891230,
              0.0265321895265761230930, 0.00124266094738807843860, 2.71155556874348757815e-5, 2.01033439929228813265e-7])
F = np.array([1.0, 0.599832206555887937690, 0.136929880922735805310, 0.0148753612908506148525,
              7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15])


@njit
def normal(key, instant, dimension):
    bits = mixed(key ^ mixed(uint64(instant) * uint64(0x9E3779B97F4A7C15) + uint64(dimension) * uint64(0xD1342543DE82EF95) + uint64(1)))
    u = ((bits >> uint64(11)) + 0.5) * 2.0**-53
    q = u - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return q * polynomial(A, r) / polynomial(B, r)
    r = np.sqrt(-np.log(min(u, 1.0 - u)))
    v = polynomial(C, r - 1.6) / polynomial(D, r - 1.6) if r <= 5.0 else polynomial(E, r - 5.0) / polynomial(F, r - 5.0)
    return -v if q < 0.0 else v


@njit
def hashed(seed, paths, instants, dimensions):
    out = np.empty((paths, instants, dimensions))
    for i in range(paths):
        key = mixed(uint64(seed) * uint64(0xA0761D6478BD642F) + uint64(i))
        for j in range(instants):
            for k in range(dimensions):
                out[i, j, k] = normal(key, j, k)
    return out


# --- Probability of liquidation -------------------------------------------------------------------------------------------


@njit
def liquidated(seed, n, steps, length, depth, shifted, factor, sd, notional, rate, maintenance, equity, pays):
    """Sum and sum of squares of the chance of liquidation given the path's instants. Prices are 1 now, notional is signed;
    length of a step in hours; sd of the log price in the root of an hour; rate per payment; a payment ends step k when
    pays[a, k]. `shifted`: hits at the finest instants with the shifted barrier in place of bridge probabilities."""
    assets = sd.size
    worth = notional - maintenance * np.abs(notional)  # of the gap for a price
    fixed = equity - notional.sum()
    finest = length * 2.0**-depth
    total, squares = 0.0, 0.0
    left, price = np.zeros(assets), np.ones(assets)
    ends, prices = np.zeros((depth + 2, assets)), np.ones((depth + 2, assets))
    gaps, until, level, node = np.zeros(depth + 2), np.zeros(depth + 2), np.zeros(depth + 2, np.int64), np.zeros(depth + 2, np.int64)
    slope = np.zeros(assets)
    for path in range(n):
        key = mixed(uint64(seed) * uint64(0xA0761D6478BD642F) + uint64(path))
        left[:] = 0.0
        price[:] = 1.0
        cash = fixed
        survival = 1.0
        gap = cash + worth.sum()
        if gap <= 0.0:
            survival = 0.0
        t = 0.0
        for k in range(steps):
            if survival <= 0.0:
                break
            # The end of the step, then halves of it as needed.
            top = 0
            level[0], node[0], until[0] = 0, 1, (k + 1) * length
            for a in range(assets):
                ends[0, a] = left[a] + np.sqrt(length) * normal(key, k << 16, a)
            fresh = True
            while top >= 0:
                if fresh:
                    g = cash
                    for a in range(assets):
                        x = -0.5 * sd[a] * sd[a] * until[top]
                        for b in range(a + 1):
                            x += sd[a] * factor[a, b] * ends[top, b]
                        prices[top, a] = np.exp(x)
                        g += worth[a] * prices[top, a]
                    gaps[top] = g
                    if g <= 0.0:
                        survival = 0.0
                        break
                stretch = until[top] - t
                most = 0.0
                for a in range(assets):
                    most += abs(worth[a]) * max(price[a], prices[top, a]) * sd[a]
                g = gaps[top]
                near = 2.0 * gap * g < 32.0 * most * most * stretch
                if near and level[top] < depth:
                    # Halve: the middle goes on top, what is below becomes its right half.
                    l, i = level[top] + 1, node[top]
                    level[top], node[top] = l, 2 * i + 1
                    top += 1
                    level[top], node[top], until[top] = l, 2 * i, 0.5 * (t + until[top - 1])
                    for a in range(assets):
                        ends[top, a] = 0.5 * (left[a] + ends[top - 1, a]) + 0.5 * np.sqrt(stretch) * normal(key, (k << 16) + i, a)
                    fresh = True
                    continue
                if near:
                    variance = 0.0
                    for b in range(assets):
                        slope[b] = 0.0
                    for a in range(assets):
                        w = worth[a] * 0.5 * (price[a] + prices[top, a]) * sd[a]
                        for b in range(a + 1):
                            slope[b] += w * factor[a, b]
                    for b in range(assets):
                        variance += slope[b] * slope[b]
                    if shifted:
                        if g <= 0.5826 * np.sqrt(variance * finest):
                            survival = 0.0
                            break
                    elif variance > 0.0:
                        survival *= -np.expm1(-2.0 * gap * g / (variance * stretch))
                left[:] = ends[top]
                price[:] = prices[top]
                gap = g
                t = until[top]
                top -= 1
                fresh = False
            if survival <= 0.0:
                break
            for a in range(assets):
                if pays[a, k]:
                    cash -= rate[a] * notional[a] * price[a]
                    gap -= rate[a] * notional[a] * price[a]
            if gap <= 0.0:
                survival = 0.0
        total += 1.0 - survival
        squares += (1.0 - survival) ** 2
    return total, squares


class Book:
    """A request read anew; every size is that of the candidate."""

    def __init__(self, request):
        account, markets, self.limits = request["account"], request["markets"], request["limits"]
        candidate, held = request["candidate"], account["positions"]
        signed = lambda p: 1.0 if p["side"] == "long" else -1.0
        legs = held + [candidate]
        assert len({p["symbol"] for p in legs}) == len(legs) and account["margin_mode"] == "cross"
        symbols = [p["symbol"] for p in legs]
        self.held = np.array([signed(p) * p["size"] * p["mark_price"] for p in held] + [0.0])
        self.each = np.array([0.0] * len(held) + [signed(candidate) * candidate["entry_price"]])
        self.mark = candidate["entry_price"]
        self.maintenance = np.array([p["instrument"]["tiers"][0]["maintenance_margin_rate"] for p in legs])
        self.equity = account["wallet_balance"] + sum(signed(p) * p["size"] * (p["mark_price"] - p["entry_price"]) for p in held)
        self.horizon = float(self.limits["horizon_hours"])
        self.volatility = np.array([markets[s]["volatility"] for s in symbols])
        self.rate = np.array([markets[s].get("funding_rate", 0.0) for s in symbols])
        interval = np.array([markets[s].get("funding_interval_hours", 8.0) for s in symbols])
        self.length = float(min(interval.min(), 8.0))
        self.steps = round(self.horizon / self.length)
        assert abs(self.steps * self.length - self.horizon) < 1e-9 and self.steps < 2**40
        instants = self.length * np.arange(1, self.steps + 1)
        self.pays = (np.abs(instants / interval[:, None] - np.round(instants / interval[:, None])) < 1e-9) & (self.rate != 0)[:, None]
        correlation = np.eye(len(legs))
        for a, b, rho in request.get("correlations", []):
            i, j = symbols.index(a), symbols.index(b)
            correlation[i, j] = correlation[j, i] = rho
        self.correlation = correlation
        # Lower triangular, also where the matrix is singular.
        factor = np.zeros_like(correlation)
        for i in range(len(legs)):
            for j in range(i + 1):
                rest = correlation[i, j] - factor[i, :j] @ factor[j, :j]
                if i == j:
                    assert rest > -1e-12
                    factor[i, i] = np.sqrt(max(rest, 0.0))
                else:
                    factor[i, j] = rest / factor[j, j] if factor[j, j] > 1e-9 else 0.0
        assert np.allclose(factor @ factor.T, correlation)
        self.factor = factor
        self.most = self.limits.get("max_leverage", 3.0)
        self.by_leverage = (self.most * self.equity - np.abs(self.held).sum()) / self.mark
        self.losses = None

    def probability(self, size, n, seed, depth=DEPTH, shifted=False):
        total, squares = liquidated(seed, n, self.steps, self.length, depth, shifted, self.factor, self.volatility / np.sqrt(YEAR),
                                    self.held + size * self.each, self.rate, self.maintenance, self.equity, self.pays)
        p = total / n
        return p, float(np.sqrt(max(squares / n - p * p, 0.0) / n))

    def shortfall(self, size, n, seed):
        if self.losses is None or self.losses[0] != (n, seed):
            z = np.random.Generator(np.random.PCG64(seed)).standard_normal((n, self.volatility.size))
            deviation = self.volatility * np.sqrt(self.horizon / YEAR)
            self.losses = (n, seed), -np.expm1(z @ self.factor.T * deviation - 0.5 * deviation**2)
        loss = self.losses[1] @ (self.held + size * self.each)
        share = 1.0 - self.limits["confidence"]
        worst = round(n * share)
        quantile = np.partition(loss, n - worst)[n - worst]
        beyond = np.maximum(loss - quantile, 0.0)
        return float(quantile + beyond.mean() / share), float(beyond.std() / share / np.sqrt(n))


def largest(cap, rough, full, limit):
    """Largest size up to cap with value <= limit: `rough` (cheap) searched from above, then secants on `full`."""
    grid = np.linspace(0.0, cap, 33)
    k = grid.size - 1
    assert rough(grid[k]) > limit
    while rough(grid[k]) > limit:
        k -= 1  # past 0: nothing keeps the limit, an index error below it
        assert k >= 0
    start = brentq(lambda s: np.log(max(rough(s), 1e-12) / limit), grid[k], grid[k + 1], xtol=1e-4 * cap)
    a, b = 0.99 * start, 1.01 * start
    fa, fb = (np.log(full(s)[0] / limit) for s in (a, b))
    for _ in range(12):
        c = b - fb * (b - a) / (fb - fa)
        fc = np.log(full(c)[0] / limit)
        a, fa, b, fb = b, fb, c, fc
        if abs(fc) < 2e-6:
            break
    assert abs(fb) < 2e-6, fb
    low, high = full(0.98 * b)[0], full(1.02 * b)[0]
    assert low < limit < high
    return b, (high - low) / (0.04 * b)


# --- The cases ---------------------------------------------------------------------------------------------------------------


def instrument(rate):
    return {"kind": "linear", "taker_fee": 0, "tiers": [{"floor": 0, "cap": None, "maintenance_margin_rate": rate, "max_leverage": 100}]}


MARK = {"BTCUSDT": 60000, "ETHUSDT": 3000, "SOLUSDT": 150, "XRPUSDT": 0.5}
RATE = {"BTCUSDT": 0.004, "ETHUSDT": 0.005, "SOLUSDT": 0.01, "XRPUSDT": 0.01}
BTC, ETH, SOL, XRP = MARK


def held(symbol, side, size, entry=None):
    return {"symbol": symbol, "side": side, "size": size, "entry_price": entry or MARK[symbol], "mark_price": MARK[symbol],
            "instrument": instrument(RATE[symbol])}


def request(wallet, positions, candidate, side, markets, correlations, hours, probability, rate=None, **limits):
    chosen = {"max_liquidation_probability": probability, "horizon_hours": hours, "confidence": 0.99, "max_leverage": 50} | limits
    chosen = {k: v for k, v in chosen.items() if v is not None}
    markets = {s: ({"volatility": m} if isinstance(m, float) else m) for s, m in markets.items()}
    return {"op": "size",
            "account": {"venue": "binance", "margin_mode": "cross", "wallet_balance": wallet, "positions": positions},
            "candidate": {"symbol": candidate, "side": side, "venue": "binance", "entry_price": MARK[candidate],
                          "instrument": instrument(rate or RATE[candidate])},
            "markets": markets, "correlations": [list(c) for c in correlations], "model": {"kind": "gbm"}, "limits": chosen, "seed": 7}


def paying(volatility, rate):
    return {"volatility": volatility, "funding_rate": rate, "funding_interval_hours": 8}


def first_passage_notional(side, equity, rate, volatility, hours, limit):
    """Notional of one linear position whose chance of liquidation is the limit."""
    s = 1.0 if side == "long" else -1.0
    level = lambda n: (s * n - equity) / (n * (s - rate))
    low = equity * 1.0001 if s > 0 else equity * 0.01
    return brentq(lambda n: forward.first_passage(level(n), volatility, hours) - limit, low, equity / rate * 0.999, xtol=1e-9 * equity, rtol=1e-13)


def lognormal_shortfall(volatility, hours, confidence):
    """Of a long of notional 1."""
    d, share = volatility * np.sqrt(hours / YEAR), 1 - confidence
    return 1 - norm.cdf(norm.ppf(share) - d) / share


TWO = {BTC: 0.6, ETH: 0.8}
FOUR = {BTC: 0.55, ETH: 0.7, SOL: 1.0, XRP: 0.9}
PAIRS = [(BTC, ETH, 0.8), (BTC, SOL, 0.7), (ETH, SOL, 0.75), (BTC, XRP, 0.6), (ETH, XRP, 0.65), (SOL, XRP, 0.6)]
BY_P, BY_ES, BY_L = "max_liquidation_probability", "max_expected_shortfall", "max_leverage"


def cases():
    """Name, request, binding limit, paths, whether to simulate forward as well, exact size if known."""
    m = 1_000_000
    pair = lambda rho: [(BTC, ETH, rho)]
    yield ("long BTC, candidate long ETH, correlation 0.8",
           request(10000, [held(BTC, "long", 0.2)], ETH, "long", TWO, pair(0.8), 168, 0.01), BY_P, 2 * m, True, None)
    yield ("long BTC, candidate long ETH, correlation -0.3",
           request(10000, [held(BTC, "long", 0.2)], ETH, "long", TWO, pair(-0.3), 168, 0.01), BY_P, 2 * m, True, None)
    yield ("short BTC in profit, candidate long ETH hedges it",
           request(9000, [held(BTC, "short", 0.5, 62000)], ETH, "long", TWO, pair(0.8), 168, 0.01), BY_P, 2 * m, True, None)
    yield ("short BTC alone over the limit, candidate long ETH brings it under: the upper end",
           request(10000, [held(BTC, "short", 0.8)], ETH, "long", TWO, pair(0.8), 168, 0.01), BY_P, 2 * m, True, None)
    yield ("long BTC, long ETH, short SOL, candidate short XRP",
           request(12000, [held(BTC, "long", 0.15, 58000), held(ETH, "long", 2.5, 3100), held(SOL, "short", 60)], XRP, "short", FOUR, PAIRS, 120, 0.02),
           BY_P, m, True, None)
    yield ("funding 0.0005 every 8 hours over 30 days, long BTC, candidate long ETH",
           request(10000, [held(BTC, "long", 0.08)], ETH, "long", {BTC: paying(0.6, 0.0005), ETH: paying(0.8, 0.0005)}, pair(0.8), 720, 0.05),
           BY_P, m, True, None)
    yield ("no position, candidate long ETH", request(10000, [], ETH, "long", {ETH: 0.8}, [], 168, 0.01), BY_P, 2 * m, False,
           first_passage_notional("long", 10000, RATE[ETH], 0.8, 168, 0.01) / MARK[ETH])
    yield ("no position, candidate short ETH", request(10000, [], ETH, "short", {ETH: 0.8}, [], 168, 0.01), BY_P, 2 * m, False,
           first_passage_notional("short", 10000, RATE[ETH], 0.8, 168, 0.01) / MARK[ETH])
    yield ("correlation 1, equal volatilities and rates: long BTC, candidate long ETH",
           request(10000, [held(BTC, "long", 0.2)], ETH, "long", {BTC: 0.7, ETH: 0.7}, pair(1), 168, 0.01, rate=RATE[BTC]), BY_P, 2 * m, False,
           (first_passage_notional("long", 10000, RATE[BTC], 0.7, 168, 0.01) - 12000) / MARK[ETH])
    yield ("expected shortfall: long BTC, short SOL, candidate long ETH",
           request(40000, [held(BTC, "long", 0.3, 59000), held(SOL, "short", 50)], ETH, "long", {s: FOUR[s] for s in (BTC, ETH, SOL)}, PAIRS[:3], 168,
                   0.5, max_expected_shortfall=8000), BY_ES, m, False, None)
    yield ("expected shortfall: no position, candidate long ETH",
           request(20000, [], ETH, "long", {ETH: 0.8}, [], 168, 0.5, max_expected_shortfall=4000), BY_ES, m, False,
           4000 / lognormal_shortfall(0.8, 168, 0.99) / MARK[ETH])
    yield ("leverage: long BTC in profit and short SOL in loss, candidate long ETH, at most 2.5",
           request(10000, [held(BTC, "long", 0.2, 58000), held(SOL, "short", 20, 140)], ETH, "long", {s: FOUR[s] for s in (BTC, ETH, SOL)}, PAIRS[:3], 168,
                   0.1, max_leverage=2.5), BY_L, m, False, None)
    yield ("leverage: the default of 3, short BTC, candidate short ETH",
           request(10000, [held(BTC, "short", 0.2)], ETH, "short", TWO, pair(0.8), 168, 0.1, max_leverage=None), BY_L, m, False, None)


def agrees(what, got, expected, error, most=4.0):
    print(f"    {what}: {got:.6g} against {expected:.6g}, {(got - expected) / error:+.1f} standard errors", flush=True)
    assert abs(got - expected) <= most * error, what


def unit(asked, size):
    """The account with the candidate at this size, as `probability` request at prices of 1 for the forward simulation."""
    book = Book(asked)
    legs = [{"symbol": p["symbol"], "side": p["side"], "size": float(abs(q)), "entry_price": 1, "mark_price": 1, "instrument": p["instrument"]}
            for p, q in zip(asked["account"]["positions"] + [asked["candidate"]], book.held + size * book.each)]
    return {"account": {"margin_mode": "cross", "wallet_balance": book.equity, "positions": legs}, "markets": asked["markets"],
            "correlations": asked["correlations"], "model": {"kind": "gbm"}, "horizons_hours": [book.horizon]}


def answer(name, asked, binding, n, forwards, exact, seed):
    began = time.time()
    book, limits = Book(asked), asked["limits"]
    full = lambda s: book.probability(s, n, seed)
    es = lambda s: book.shortfall(s, 4_000_000, seed)
    if binding == BY_L:
        size, error = book.by_leverage, 0.0
    elif binding == BY_P:
        limit = limits[BY_P]
        size, slope = largest(book.by_leverage, lambda s: book.probability(s, 20_000, seed)[0], full, limit)
        error = full(size)[1] / slope
    else:
        size, slope = largest(book.by_leverage, lambda s: book.shortfall(s, 100_000, seed)[0], es, limits[BY_ES])
        error = es(size)[1] / slope
    (p, dp), (shortfall, ds) = full(size), es(size)
    before, after = book.probability(0.0, 200_000, seed) if asked["account"]["positions"] else (0.0, 0.0), size * book.mark
    leverage = (np.abs(book.held).sum() + after) / book.equity
    print(f"{name}: size {size:.6g} ± {error:.2g} ({100 * error / size:.2f} %), {binding}; P {p:.5f} ± {dp:.5f}, ES {shortfall:.1f} ± {ds:.1f}, "
          f"leverage {leverage:.3f}, P without it {before[0]:.5f}   ({time.time() - began:.0f} s)", flush=True)
    assert error < 0.007 * size and size > 0 and leverage <= book.most * (1 + 1e-12)
    assert p <= limits[BY_P] * (1 + 1e-5) and shortfall <= limits.get(BY_ES, np.inf) * (1 + 1e-5)
    out = {"name": name, "request": asked, "binding": binding, "size": float(f"{size:.7g}"), "standard_error": float(f"{error:.3g}"),
           "probability": float(f"{p:.6g}"), "probability_standard_error": float(f"{dp:.3g}"), "expected_shortfall": float(f"{shortfall:.7g}"),
           "expected_shortfall_standard_error": float(f"{ds:.3g}"), "leverage": float(f"{leverage:.8g}"),
           "probability_without": float(f"{before[0]:.4g}"), "paths": n}
    if exact is not None:
        out["closed_form"] = float(f"{exact:.9g}")
        agrees("closed form of the size", size, exact, error)
    if forwards:
        k = 1_000_000
        counts, _ = forward.run(unit(asked, size), k, seed + 500, finest=2.0**-10)
        q = counts[0] / k
        agrees("forward simulation at this size", q, p, np.hypot(forward.error(q, k), dp))
        out["forward_probability"], out["forward_standard_error"] = float(f"{q:.6g}"), float(f"{forward.error(q, k):.3g}")
        print(f"    ({time.time() - began:.0f} s)", flush=True)
    return out


def moments():
    z = hashed(3, 100_000, 20, 4)
    n = z.size
    for what, got, expected, sd in (("mean", z.mean(), 0, 1), ("variance", (z**2).mean(), 1, 2**0.5), ("third", (z**3).mean(), 0, 15**0.5),
                                    ("fourth", (z**4).mean(), 3, 96**0.5)):
        agrees("hashed normals, " + what, got, expected, sd / np.sqrt(n))
    for what, a, b in (("next dimension", z[:, :, :-1], z[:, :, 1:]), ("next instant", z[:, :-1], z[:, 1:]), ("next path", z[:-1], z[1:]),
                       ("next seed", z, hashed(4, 100_000, 20, 4))):
        agrees("correlation with the " + what, (a * b).mean(), 0, 1 / np.sqrt(a.size))
    agrees("hashed normals, lowest 0.1 %", (z < norm.ppf(0.001)).mean(), 0.001, np.sqrt(0.000999 / n))


def monitoring(asked, size, seed):
    """The same paths: shifted hits, and coarser last stretches."""
    book, n = Book(asked), 300_000
    p, dp = book.probability(size, n, seed)
    for what, q in (("shifted hits", book.probability(size, n, seed, shifted=True)[0]), ("steps 32 times as long", book.probability(size, n, seed, depth=DEPTH - 5)[0])):
        agrees(what, q, p, dp)
        assert abs(q - p) < 0.01 * p


if __name__ == "__main__":
    wanted = sys.argv[1:]
    moments()
    written = [answer(*case, seed=2000 + k) for k, case in enumerate(cases()) if not wanted or any(w in case[0] for w in wanted)]
    for c in written:
        if c["binding"] == BY_P and c["request"]["account"]["positions"]:
            print(c["name"])
            monitoring(c["request"], c["size"], 77)
    if not wanted:
        OUT.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in written) + "\n]\n")
        print("written", OUT)
