"""Independent check of the model `filtered_historical` of operation `probability`: plain simulation, written from
docs/method/probability.md and docs/method/volatility.md without the engine's methods. Pseudo-random numbers, forward
sampling, no formula for a crossing, no expansion for the drift. Appends its cases to core/tests/vectors/brute_force.json
(and takes its older ones out). Needs numpy, numba, scipy, arch (tests/bench/requirements.txt); some minutes on one core:

    NUMBA_NUM_THREADS=1 python3 tools/brute_force_history.py [cases whose name contains this ...]

With names it prints and writes nothing.

Model. Shocks of the past are returns over the root of the given law's variance, run over the candles; blocks of them (mean
length by `arch`) are drawn again, the same bars for all assets. `h` starts at the law's variance_now. The log price moves by
√h·z − ln(mean of e^{√h·z} over all shocks of the asset), the latter from a table over √h.

Monitoring. Inside a bar the log prices are Brownian bridges. An interval is halved, its middle drawn, while an end of it is
nearer to liquidation than 3.5 standard deviations of the gap over it (all assets moving together; a crossing missed has a
chance under 3e-11), down to 2^-14 of a bar. At every instant drawn, bar ends included, the test is against 0.5826 standard
deviations of the gap over the finest step instead of 0 (Broadie, Glasserman, Kou 1997); after a payment it is against 0.
Standard errors are binomial.

Taken from the engine's code, since the documents do not say: the clamps of the line through Rogers–Satchell over squared
shocks (`inside`), that its line and the block length are those of shocks not yet set to mean 0 and variance 1, and that the
first 75 squares are about the sample's mean.

Checked by the run itself, which stops when one is off by more than four standard errors: the first-passage closed form with
normal shocks and constant variance; a bridge's chance to cross; the mean price where blocks have one bar, which is 1; the
variance of the log price under long blocks against its exact value; variances against `arch`; finest steps 128 times as long.
"""
import json
import pathlib
import sys
import time

import numpy as np
from arch import arch_model
from arch.bootstrap import optimal_block_length
from numba import njit
from scipy.stats import norm

ROOT = pathlib.Path(__file__).resolve().parents[1]
OUT = ROOT / "core/tests/vectors/brute_force.json"
YEAR = 8760.0
DEPTH = 14
MARK = "H past shocks"
MONITORING = (
    "bridges inside bars by halving where within 3.5 standard deviations, down to 2^-14 of a bar; "
    "there the test is gap <= 0.5826 standard deviations of it over that step (Broadie-Glasserman-Kou)"
)


@njit
def account(x, wallet, asset, sign, size, rate, slope):
    """Equity less requirement at these log prices, and its change with each."""
    gap = wallet
    slope[:] = 0.0
    for i in range(asset.size):
        price = np.exp(x[asset[i]])
        gap += sign[i] * size[i] * (price - 1.0) - size[i] * price * rate[i]
        slope[asset[i]] += size[i] * price * (sign[i] - rate[i])
    return gap


@njit
def crosses(rng, start, end, variance, factor, cash, asset, sign, size, rate, depth, work):
    """Whether the account meets its requirement on a bridge between two instants; the first has been judged already."""
    assets = start.size
    left, right, level, slope, steepest = work[0], work[1], work[2][:, 0], work[3][0], work[3][1]
    left[0], right[0], level[0] = start, end, 0
    open_intervals = 1
    finest = 0.5**depth
    first = True
    while open_intervals > 0:
        open_intervals -= 1
        k = open_intervals
        share = 0.5 ** level[k]
        before = account(left[k], cash, asset, sign, size, rate, slope)
        steepest[:] = np.abs(slope)
        after = account(right[k], cash, asset, sign, size, rate, slope)
        if first:
            first = False
            if tested(after, slope, variance, factor, finest):
                return True
        bound = 0.0
        for a in range(assets):
            bound += max(steepest[a], abs(slope[a])) * np.sqrt(variance[a] * share)
        if level[k] == depth or min(before, after) > 3.5 * bound:
            continue
        # The middle; the left half goes where the interval was, the right half above it.
        draw = work[4][0]
        for a in range(assets):
            draw[a] = rng.standard_normal()
        right[k + 1] = right[k]
        for a in range(assets):
            z = 0.0
            for b in range(a + 1):
                z += factor[a, b] * draw[b]
            middle = 0.5 * (left[k, a] + right[k, a]) + 0.5 * np.sqrt(variance[a] * share) * z
            left[k + 1, a] = middle
            right[k, a] = middle
        level[k] += 1
        level[k + 1] = level[k]
        open_intervals += 2
        if tested(account(left[k + 1], cash, asset, sign, size, rate, slope), slope, variance, factor, finest):
            return True
    return False


@njit
def tested(gap, slope, variance, factor, finest):
    s2 = 0.0
    for b in range(slope.size):
        move = 0.0
        for a in range(b, slope.size):
            move += slope[a] * np.sqrt(variance[a]) * factor[a, b]
        s2 += move * move
    return gap <= 0.5826 * np.sqrt(s2 * finest)


@njit
def mean_growth(root, table, spacing, shocks):
    """ln(mean e^{root·z}); where the table ends, some rare paths are, it is summed."""
    place = root / spacing
    if place < table.size - 1:
        cell = int(place)
        return (table[cell] + (place - cell) * (table[cell + 1] - table[cell])) * root * root
    most = shocks.max()
    return root * most + np.log(np.mean(np.exp(root * (shocks - most))))


@njit
def workspace(assets, depth):
    return np.zeros((5, depth + 2, max(assets, 1)))


@njit
def simulate(rng, n, bars, shocks, within, restart, laws, table, spacing, factor, asset, sign, size, rate, wallet, funding,
             every, depth):
    """Paths liquidated; mean and mean square of the first asset's price and log price at the end of the paths that live.

    shocks, within: [bar, asset]. laws: omega, alpha, gamma, beta, variance now. table: mean growth over √h."""
    history, assets = shocks.shape
    lost = 0
    moments = np.zeros(4)
    x, ahead, h, v, slope = np.zeros(assets), np.zeros(assets), np.zeros(assets), np.zeros(assets), np.zeros(assets)
    work = workspace(assets, depth)
    for _ in range(n):
        x[:] = 0.0
        h[:] = laws[:, 4]
        cash = wallet
        alive = account(x, cash, asset, sign, size, rate, slope) > 0.0
        at = 0
        for bar in range(1, bars + 1):
            if not alive:
                break
            if bar == 1 or rng.random() < restart:
                at = rng.integers(0, history)
            else:
                at = (at + 1) % history
            for a in range(assets):
                root = np.sqrt(h[a])
                e = root * shocks[at, a]
                ahead[a] = x[a] + e - mean_growth(root, table[a], spacing, shocks[:, a])
                v[a] = h[a] * within[at, a]
                h[a] = laws[a, 0] + (laws[a, 1] + (laws[a, 2] if e < 0.0 else 0.0)) * e * e + laws[a, 3] * h[a]
            alive = not crosses(rng, x, ahead, v, factor, cash, asset, sign, size, rate, depth, work)
            x[:] = ahead
            if alive:
                paid = False
                for i in range(asset.size):
                    a = asset[i]
                    if funding[a] != 0.0 and bar % every[a] == 0:
                        cash -= sign[i] * funding[a] * size[i] * np.exp(x[a])
                        paid = True
                alive = not paid or account(x, cash, asset, sign, size, rate, slope) > 0.0
        if alive:
            price = np.exp(x[0])
            moments += np.array([price, price * price, x[0], x[0] * x[0]])
        else:
            lost += 1
    return lost, moments / max(n - lost, 1)


# --- The model's past --------------------------------------------------------------------------------------------------------


def returns(candles):
    rows = np.array(candles["rows"])
    assert (np.diff(rows[:, 0]) == 3_600_000).all()
    return np.diff(np.log(rows[:, 4])), rows[1:]


def past_variances(r, law):
    """Of every return's bar and of the next one."""
    weights = 0.94 ** np.arange(min(75, r.size))
    first = np.average((r[: weights.size] - r.mean()) ** 2, weights=weights)
    h = [law["omega"] + (law["alpha"] + law["gamma"] / 2 + law["beta"]) * first]
    for e in r - law["mean"]:
        h.append(law["omega"] + (law["alpha"] + law["gamma"] * (e < 0)) * e * e + law["beta"] * h[-1])
    return np.array(h[:-1]), h[-1]


def inside(shocks, rows, variances):
    """Variance of the way inside each bar given its end, over the model's variance: a line in the squared shock."""
    o, high, low, close = (np.log(rows[:, k] / rows[:, 1]) for k in (1, 2, 3, 4))
    measured = high * (high - close) + low * (low - close)
    square, ratio = np.minimum(shocks**2, 10), np.minimum(measured / variances, 20)
    slope = max(np.cov(square, ratio, bias=True)[0, 1] / square.var(), 0)
    level = ratio.mean() - slope * square.mean()
    return np.clip(level + slope * shocks**2, 0.05, 50)


def past(market):
    """Shocks as drawn, in-bar variances, block length, variance after the last bar."""
    r, rows = returns(market["candles"])
    law = market["garch"]
    variances, following = past_variances(r, law)
    raw = (r - law["mean"]) / np.sqrt(variances)
    length = float(optimal_block_length(raw**2)["stationary"].iloc[0])
    return (raw - raw.mean()) / raw.std(), inside(raw, rows, variances), length, following


def growth_table(z):
    """ln(mean e^{s·z})/s² over s, and its spacing. The mean of z is 0; taking s·z off keeps the digits where s is small."""
    s = np.linspace(0, 0.4, 8001)[1:]
    values = np.array([np.log1p(np.mean(np.expm1(x * z) - x * z)) for x in s])
    return np.concatenate([[0.5], values / s**2]), s[0]


def run(request, n, seed, depth=DEPTH, blocks=None, wallet=None, replaced=None):
    """`blocks`: mean block length instead of the measured one. `replaced`: (shocks, in-bar variances) of the one asset."""
    positions = request["account"]["positions"]
    symbols = sorted({p["symbol"] for p in positions})
    markets = [request["markets"][s] for s in symbols]
    if replaced is None:
        told = [past(m) for m in markets]
        shocks, within = (np.column_stack([t[k] for t in told]) for k in (0, 1))
        length = max([1.0] + [t[2] for t in told]) if blocks is None else blocks
    else:
        shocks, within, length = replaced[0][:, None], replaced[1][:, None], blocks
    # Of millions of normal draws it is known.
    tables = [growth_table(z) if z.size < 10_000 else (np.full(8001, 0.5), 0.4 / 8000) for z in shocks.T]
    correlation = np.eye(len(symbols))
    for s, t, c in request.get("correlations", []):
        i, j = symbols.index(s), symbols.index(t)
        correlation[i, j] = correlation[j, i] = c
    for p in positions:
        assert p["entry_price"] == p["mark_price"] == 1 and len(p["instrument"]["tiers"]) == 1
    account_ = request["account"]
    if wallet is None:
        wallet = positions[0]["size"] / positions[0]["leverage"] if account_["margin_mode"] == "isolated" else account_["wallet_balance"]
    assert account_["margin_mode"] == "cross" or len(positions) == 1
    [horizon] = request["horizons_hours"]
    return simulate(
        np.random.Generator(np.random.PCG64(seed)), n, int(horizon), shocks, within, 1.0 / length,
        np.array([[m["garch"][k] for k in ("omega", "alpha", "gamma", "beta", "variance_now")] for m in markets], float),
        np.array([t[0] for t in tables]), tables[0][1], np.linalg.cholesky(correlation),
        np.array([symbols.index(p["symbol"]) for p in positions]),
        np.array([1.0 if p["side"] == "long" else -1.0 for p in positions]), np.array([p["size"] for p in positions], float),
        np.array([p["instrument"]["tiers"][0]["maintenance_margin_rate"] for p in positions]), float(wallet),
        np.array([m.get("funding_rate", 0.0) for m in markets], float),
        np.array([m.get("funding_interval_hours", 8) for m in markets]), depth)


def error(p, n):
    return float(np.sqrt(p * (1 - p) / n))


# --- The cases ---------------------------------------------------------------------------------------------------------------


def market(symbol, first, bars, now, funding=0, alpha=0.07, gamma=0.03, beta=0.90):
    """Candles of a window and a law whose long-run variance is that of the window; `now` times it is the variance now, or what
    the law has after the window if it is None."""
    shipped = json.loads((ROOT / f"www/data/candles/binance-{symbol}.json").read_text())
    candles = {"interval": shipped["interval"], "rows": shipped["rows"][first : first + bars]}
    v = returns(candles)[0].var()
    law = {"step_hours": 1, "mean": 0, "omega": float(f"{v * (1 - alpha - gamma / 2 - beta):.4g}"), "alpha": alpha, "gamma": gamma,
           "beta": beta, "degrees_of_freedom": 6}
    law["variance_now"] = float(past_variances(returns(candles)[0], law)[1]) if now is None else float(f"{now * v:.4g}")
    return {"funding_rate": funding, "funding_interval_hours": 8, "garch": law, "candles": candles}


def leg(symbol, side, size=1, leverage=None):
    out = {"symbol": symbol, "side": side, "size": size, "entry_price": 1, "mark_price": 1,
           "instrument": {"kind": "linear", "tiers": [{"floor": 0, "maintenance_margin_rate": 0.005, "max_leverage": 100}]}}
    return out if leverage is None else out | {"leverage": leverage}


def request(legs, markets, wallet=None, correlations=None, hours=168):
    account_ = {"venue": "binance", "margin_mode": "isolated" if wallet is None else "cross", "positions": legs}
    if wallet is not None:
        account_["wallet_balance"] = wallet
    out = {"op": "probability", "account": account_, "horizons_hours": [hours], "model": {"kind": "filtered_historical"},
           "target_standard_error": 0.0005, "seed": 3}
    return out | ({"correlations": correlations} if correlations else {}) | {"markets": markets}


def cases():
    one = lambda side, leverage, m: request([leg("BTC", side, 1, leverage)], {"BTC": m})
    pair = lambda side, wallet, *ms: request([leg("BTC", "long"), leg("ETH", side)], {"BTC": ms[0], "ETH": ms[1]}, wallet, [["BTC", "ETH", 0.85]])
    yield "long", one("long", 12, market("BTC", 0, 400, 2))
    yield "short", one("short", 10, market("BTC", 720, 400, 0.5))
    yield "long pays 0.001 every 8 hours", one("long", 8, market("BTC", 1040, 400, 2, 0.001))
    yield "cross account, long BTC and short ETH", pair("short", 0.14, market("BTC", 800, 400, 2, 0.0003), market("ETH", 800, 400, 0.5, 0.0001))
    yield "cross account, two longs", pair("long", 0.3, market("BTC", 1040, 400, 0.5), market("ETH", 1040, 400, 2))
    yield "long, long blocks", one("long", 8, market("BTC", 480, 400, 2, 0, 0.02, 0.01, 0.95))
    yield "short, variance now as the candles end", one("short", 10, market("BTC", 1040, 400, None))


def checks():
    def agrees(what, got, expected, se):
        print(f"    {what}: {got:.6f} against {expected:.6f}, {(got - expected) / se:+.1f} standard errors", flush=True)
        assert abs(got - expected) < 4 * se, what

    rng = np.random.Generator(np.random.PCG64(99))
    named = dict(cases())
    # Normal shocks, constant variance, bridges of the bar's own variance: a geometric Brownian motion.
    n = 1_000_000
    h = 0.8**2 / YEAR
    for k, (side, leverage, level) in enumerate((("long", 5, 0.8 / 0.995), ("long", 10, 0.9 / 0.995), ("short", 8, 1.125 / 1.005))):
        law = {"mean": 0, "omega": 0.1 * h, "alpha": 0, "gamma": 0, "beta": 0.9, "variance_now": h}
        asked = request([leg("X", side, 1, leverage)], {"X": {"garch": law}})
        z = rng.standard_normal(4_000_000)
        lost, _ = run(asked, n, 50 + k, blocks=1.0, replaced=(z, np.ones_like(z)))
        s, b, mu = np.sqrt(h * 168), np.log(level), -0.5 * h
        b, mu = (b, mu) if b < 0 else (-b, -mu)
        exact = norm.cdf((b - mu * 168) / s) + np.exp(2 * mu * b / h) * norm.cdf((b + mu * 168) / s)
        agrees(f"first passage, {leverage}x {side}", lost / n, exact, error(exact, n))
    # One bridge, by one asset long 1 with a gap of 0 at the price 1 (rate 0, no wallet): distances are log prices.
    for d0, d1, v in ((0.004, 0.006, 1e-4), (0.01, 0.002, 4e-5), (0.02, 0.015, 3e-4)):
        hits = count_bridges(np.random.Generator(np.random.PCG64(7)), n, d0, d1, v)
        exact = np.exp(-2 * d0 * d1 / v)
        agrees("bridge", hits / n, exact, error(exact, n))
    for name, asked in named.items():
        # A mean price of 1, nothing being lost with this wallet.
        told = [past(m) for m in asked["markets"].values()]
        lengths = [t[2] for t in told]
        for blocks in (1.0, None):
            _, m = run(asked, n, 60, blocks=blocks, wallet=1e6)
            se = np.sqrt((m[1] - m[0] ** 2) / n)
            if blocks:
                agrees(f"mean price, {name}", m[0], 1.0, se)
            else:
                print(f"    mean price with blocks of {max([1.0] + lengths):.3f} bars: {m[0]:.6f} ± {se:.6f}")
        # Variances against arch, its bounds on them out of the way.
        for m in asked["markets"].values():
            law, r = m["garch"], returns(m["candles"])[0]
            fixed = arch_model(r, mean="Constant", p=1, o=1, q=1, dist="t", rescale=False).fix(
                [law["mean"], law["omega"], law["alpha"], law["gamma"], law["beta"], law["degrees_of_freedom"]])
            assert np.allclose(fixed.conditional_volatility**2, past_variances(r, law)[0], rtol=1e-9)
    # Stationary bootstrap: variance of the log price where the variance stands still, exact by circular autocovariances.
    asked = json.loads(json.dumps(named["long, long blocks"]))
    z, _, length, _ = past(asked["markets"]["BTC"])
    asked["markets"]["BTC"]["garch"] |= {"omega": 0.1 * h, "alpha": 0, "gamma": 0, "beta": 0.9, "variance_now": h}
    circular = [np.mean(z * np.roll(z, -k)) for k in range(168)]
    for blocks in (length, 30.0):
        exact = h * (168 + 2 * sum((168 - k) * (1 - 1 / blocks) ** k * circular[k] for k in range(1, 168)))
        _, m = run(asked, n, 70, blocks=blocks, wallet=1e6, replaced=(z, np.ones_like(z)))
        got = m[3] - m[2] ** 2
        agrees(f"variance over 168 bars in units of independent ones, blocks of {blocks:.2f}", got / h / 168, exact / h / 168, exact / h / 168 * np.sqrt(2 / n))
    # Finest steps of 1/128 of a bar.
    for name in ("long", "cross account, long BTC and short ETH"):
        p, q = (run(named[name], n, 80 + d, depth=d)[0] / n for d in (DEPTH, 7))
        agrees(f"finest step 2^-7 of a bar, {name}", q, p, np.hypot(error(p, n), error(q, n)))


@njit
def count_bridges(rng, n, d0, d1, v):
    one, zero = np.ones(1), np.zeros(1)
    hits = 0
    work = workspace(1, 14)
    for _ in range(n):
        if crosses(rng, one * d0, one * d1, one * v, np.ones((1, 1)), 0.0, np.zeros(1, np.int64), one, one, zero, 14, work):
            hits += 1
    return hits


def write(new):
    """One case a line at the end; what stands before is left as it is."""
    lines = [line for line in OUT.read_text().rstrip().removesuffix("]").rstrip().split("\n") if f'"{MARK}' not in line]
    text = "\n".join(lines).rstrip(",") + ",\n" + ",\n".join(json.dumps(c) for c in new) + "\n]\n"
    json.loads(text)
    OUT.write_text(text)
    print("written", OUT)


if __name__ == "__main__":
    wanted = sys.argv[1:]
    written = []
    n = 4_000_000
    for k, (name, asked) in enumerate(cases()):
        if wanted and not any(w in name for w in wanted):
            continue
        began = time.time()
        lost, _ = run(asked, n, 2000 + k)
        p = lost / n
        told = [past(m) for m in asked["markets"].values()]
        print(f"{name}: {p:.5f} ± {error(p, n):.5f}   ({time.time() - began:.0f} s)  blocks {max([1.0] + [t[2] for t in told]):.3f}; "
              + "; ".join(f"{s}: now {m['garch']['variance_now']:.4g}, after the candles {t[3]:.4g}, in bars {t[1].min():.3f} to {t[1].max():.3f}"
                          for (s, m), t in zip(asked["markets"].items(), told)), flush=True)
        written.append({"name": f"{MARK}, {name}", "request": asked, "probability": round(p, 6), "standard_error": round(error(p, n), 6),
                        "paths": n, "monitoring": MONITORING})
    if not wanted:
        checks()
        write(written)
