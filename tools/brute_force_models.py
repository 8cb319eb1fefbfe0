"""Independent check of operation `probability` over its models: plain simulation, written without the engine's methods.
Pseudo-random numbers, forward sampling only, and no knowledge of a barrier beyond the account's own test, equity against
requirement. Writes core/tests/vectors/brute_force.json. Needs numpy, scipy, numba; a few minutes on one core:

    NUMBA_NUM_THREADS=1 python3 tools/brute_force_models.py [cases whose name contains this ...]

Monitoring. Brownian increments are drawn forward, exactly, over steps whose length follows the gap between equity and
requirement: a step is taken only so long that the gap is at least 7.8 standard deviations of itself (all assets moving
together), so nothing can be missed within it (under 1e-8 a step); it never reaches past a payment, a jump or the end of an
hour of GARCH. Near the requirement steps shrink to 2^-14 hours (0.22 seconds); there the remaining bias of looking at
instants is taken off by testing against 0.5826 standard deviations of the gap over that step (Broadie, Glasserman, Kou
1997) instead of 0. Standard errors are binomial.

Checked by the run itself, which stops when one is off by more than four standard errors: the first-passage closed form
(linear long and short, and an inverse long, without funding); 10.71 %, 14.68 % and 20.84 % published for a 3x long with 80 %
volatility over 30 days paying 0.01, 0.05 and 0.10 % every 8 hours; finest steps 64 times as long, which change nothing; the
mean price of the jump and GARCH models, which is 1.
"""
import json
import pathlib
import sys
import time

import numpy as np
from numba import njit
from scipy.stats import norm

YEAR = 8760.0
FINEST = 2.0**-14
OUT = pathlib.Path(__file__).resolve().parents[1] / "core/tests/vectors/brute_force.json"
MONITORING = (
    "forward Brownian steps no longer than (gap / 7.8 standard deviations of it), at least 2^-14 hours; "
    "there the test is gap <= 0.5826 standard deviations of it over that step (Broadie-Glasserman-Kou)"
)


@njit
def position_gap(price, sign, size, inverse, floors, rates, amounts):
    """Profit less requirement, notional, and the gap's change for a log move of the price."""
    notional = size / price if inverse else size * price
    profit = sign * size * (1.0 - 1.0 / price) if inverse else sign * size * (price - 1.0)
    k = 0
    while k + 1 < floors.size and notional >= floors[k + 1]:
        k += 1
    slope = sign + rates[k] if inverse else sign - rates[k]
    return profit - (notional * rates[k] - amounts[k]), notional, slope * notional


@njit
def simulate(rng, n, horizon, finest, correlation, factor, variance, asset, pool, sign, size, inverse, floors, rates, amounts,
             wallet, funding, interval, reverting, process, jumps, garch, parameters):
    """Counts of [any, each pool ever, each pool first, ties]; mean price of asset 0 at the end.

    variance: of the log price an hour. process: mean, persistence, deviation, correlation, floor, cap of what is paid.
    jumps: intensity an hour, mean, deviation. parameters: omega, alpha, gamma, beta, degrees of freedom, variance now."""
    assets, positions, pools = variance.size, asset.size, wallet.size
    counts = np.zeros(2 + 2 * pools)
    moment = 0.0
    never = horizon + 1e9
    x, price, v, h = np.zeros(assets), np.ones(assets), np.zeros(assets), np.zeros(assets)
    begun, paid_at, rate, next_pay = np.zeros(assets), np.zeros(assets), np.zeros(assets), np.zeros(assets)
    cash, gap, bound, alive = np.zeros(pools), np.zeros(pools), np.zeros(pools), np.ones(pools, np.bool_)
    slope, z = np.zeros((pools, assets)), np.zeros(assets)
    highest = rates.max()
    compensation = jumps[0] * (np.exp(jumps[1] + 0.5 * jumps[2] ** 2) - 1.0)
    for _ in range(n):
        t, hour = 0.0, 0.0
        hits = 0
        x[:] = 0.0
        price[:] = 1.0
        cash[:] = wallet
        alive[:] = True
        rate[:] = funding
        paid_at[:] = 0.0
        for a in range(assets):
            next_pay[a] = interval[a] if funding[a] != 0.0 or reverting else never
        v[:] = variance
        h[:] = parameters[5]
        next_hour = 0.0 if garch else never
        next_jump = rng.standard_exponential() / jumps[0] if jumps[0] > 0.0 else never
        event = True  # the start, a payment or a jump has just been: the test is against 0
        while True:
            # The accounts at this instant.
            gap[:] = cash
            bound[:] = 0.0
            slope[:] = 0.0
            if t == next_hour:
                if t > 0.0:
                    for a in range(assets):
                        e = x[a] - begun[a] + 0.5 * v[a]
                        omega, alpha, gamma, beta = parameters[0], parameters[1], parameters[2], parameters[3]
                        h[a] = omega + (alpha + (gamma if e < 0.0 else 0.0)) * e * e + beta * h[a]
                mixing = (parameters[4] - 2.0) / rng.chisquare(parameters[4])
                for a in range(assets):
                    v[a] = h[a] * mixing
                    begun[a] = x[a]
                hour += 1.0
                next_hour = hour
            for i in range(positions):
                a, p = asset[i], pool[i]
                g, notional, s = position_gap(price[a], sign[i], size[i], inverse[i], floors[i], rates[i], amounts[i])
                gap[p] += g
                slope[p, a] += s
                bound[p] += notional * (1.0 + highest) * np.sqrt(v[a])
            already = hits
            died = 0
            step = never
            for p in range(pools):
                if not alive[p]:
                    continue
                least = 0.0
                if not event and gap[p] < bound[p] * np.sqrt(finest):
                    s2 = 0.0
                    for a in range(assets):
                        for b in range(assets):
                            s2 += slope[p, a] * slope[p, b] * correlation[a, b] * np.sqrt(v[a] * v[b])
                    least = 0.5826 * np.sqrt(s2 * finest)
                if gap[p] <= least:
                    alive[p] = False
                    hits += 1
                    died += 1
                    counts[1 + p] += 1
                    if already == 0:
                        counts[1 + pools + p] += 1
                else:
                    step = min(step, (gap[p] / (7.8 * bound[p])) ** 2)
            if already == 0 and died > 0:
                counts[0] += 1
                if died > 1:
                    counts[1 + 2 * pools] += 1
            event = False
            if hits == pools:
                break
            # Payments of this instant, after which the accounts are tested once more.
            for a in range(assets):
                if t == next_pay[a]:
                    now = rate[a]
                    if reverting:
                        if t > interval[a]:
                            deviate = (x[a] - paid_at[a] + 0.5 * v[a] * interval[a]) / np.sqrt(v[a] * interval[a])
                            shock = process[3] * deviate + np.sqrt(1.0 - process[3] ** 2) * rng.standard_normal()
                            now = process[0] + process[1] * (now - process[0]) + process[2] * shock
                        rate[a] = now
                        paid_at[a] = x[a]
                        now = min(max(now, process[4]), process[5])
                    for i in range(positions):
                        if asset[i] == a:
                            notional = size[i] / price[a] if inverse[i] else size[i] * price[a]
                            cash[pool[i]] -= sign[i] * now * notional
                    next_pay[a] += interval[a]
                    event = True
            if event:
                continue
            if t == horizon:
                break
            # The next instant.
            until = min(min(next_hour, next_jump), horizon)
            for a in range(assets):
                until = min(until, next_pay[a])
            step = max(step, finest)
            if t + step >= until:
                step = until - t
                t = until
            else:
                t += step
            for a in range(assets):
                z[a] = rng.standard_normal()
            for a in range(assets):
                w = 0.0
                for b in range(a + 1):
                    w += factor[a, b] * z[b]
                x[a] += (-0.5 * v[a] - compensation) * step + np.sqrt(v[a] * step) * w
            if t == next_jump:
                x[0] += jumps[1] + jumps[2] * rng.standard_normal()
                next_jump = t + rng.standard_exponential() / jumps[0]
                event = True
            for a in range(assets):
                price[a] = np.exp(x[a])
        moment += price[0]
    return counts, moment / n


def run(request, n, seed, finest=FINEST):
    """The request as the engine gets it, read anew."""
    account, markets = request["account"], request["markets"]
    positions = account["positions"]
    symbols = list(dict.fromkeys(p["symbol"] for p in positions))
    number = len(symbols)
    market = [markets[s] for s in symbols]
    correlation = np.eye(number)
    for a, b, rho in request.get("correlations", []):
        i, j = symbols.index(a), symbols.index(b)
        correlation[i, j] = correlation[j, i] = rho
    sign = np.array([1.0 if p["side"] == "long" else -1.0 for p in positions])
    size = np.array([p["size"] * p["instrument"].get("contract_size", 1.0) for p in positions])
    inverse = np.array([p["instrument"]["kind"] == "inverse" for p in positions])
    most = max(len(p["instrument"]["tiers"]) for p in positions)
    floors, rates, amounts = (np.full((len(positions), most), v) for v in (np.inf, 0.0, 0.0))
    for i, p in enumerate(positions):
        for k, t in enumerate(p["instrument"]["tiers"]):
            floors[i, k], rates[i, k] = t["floor"], t["maintenance_margin_rate"]
            if k:
                amounts[i, k] = amounts[i, k - 1] + floors[i, k] * (rates[i, k] - rates[i, k - 1])
    isolated = account["margin_mode"] == "isolated"
    if isolated:
        pool = np.arange(len(positions))
        wallet = np.array([p["margin"] if "margin" in p else s / p["leverage"] for p, s in zip(positions, size)], float)
    else:
        pool = np.zeros(len(positions), np.int64)
        wallet = np.array([account["wallet_balance"]], float)
    kind = request["model"]["kind"]
    reverting = any("funding_process" in m for m in market)
    garch = kind == "garch"
    assert number == 1 or not (reverting or kind == "jump_diffusion")
    f, j = market[0].get("funding_process", {}), market[0].get("jumps", {})
    process = np.array([f.get(k, 0.0) for k in ("mean", "persistence", "deviation", "correlation")]
                       + [market[0].get("funding_floor", -np.inf), market[0].get("funding_cap", np.inf)])
    jumps = np.array([j.get("intensity", 0.0) / YEAR, j.get("mean", 0.0), j.get("deviation", 0.0)])
    names = ("omega", "alpha", "gamma", "beta", "degrees_of_freedom", "variance_now")
    assert all(m.get("garch") == market[0].get("garch") for m in market)
    parameters = np.array([market[0].get("garch", {}).get(k, 0.0) for k in names])
    [horizon] = request["horizons_hours"]
    counts, mean = simulate(
        np.random.Generator(np.random.PCG64(seed)), n, float(horizon), finest, correlation, np.linalg.cholesky(correlation),
        np.array([m.get("volatility", 0.0) ** 2 / YEAR for m in market]),
        np.array([symbols.index(p["symbol"]) for p in positions]), pool, sign, size, inverse, floors, rates, amounts, wallet,
        np.array([m.get("funding_rate", 0.0) for m in market], float),
        np.array([m.get("funding_interval_hours", 1.0) for m in market], float), reverting, process, jumps, garch, parameters)
    return counts, mean


def error(p, n):
    return float(np.sqrt(p * (1 - p) / n))


# --- The cases ---------------------------------------------------------------------------------------------------------------


def tiers(*rows):
    return [{"floor": f, "maintenance_margin_rate": r, "max_leverage": 100} for f, r in rows]


def position(symbol, side, size, rows, leverage=None):
    leg = {"symbol": symbol, "side": side, "size": size, "entry_price": 1, "mark_price": 1,
           "instrument": {"kind": "linear", "tiers": tiers(*rows)}}
    return leg if leverage is None else leg | {"leverage": leverage}


def coin(side):
    return {"symbol": "X", "side": side, "size": 3, "entry_price": 1, "mark_price": 1, "margin": 1,
            "instrument": {"kind": "inverse", "contract_size": 1, "tiers": tiers((0, 0.005))}}


def request(positions, markets, hours, wallet=None, correlations=None, kind="gbm"):
    account = {"venue": "binance", "margin_mode": "isolated" if wallet is None else "cross", "positions": positions}
    if wallet is not None:
        account["wallet_balance"] = wallet
    out = {"op": "probability", "account": account, "markets": markets, "horizons_hours": [hours], "model": {"kind": kind},
           "target_standard_error": 0.0004, "seed": 3}
    return out | ({"correlations": correlations} if correlations else {})


def paying(volatility, rate, interval=8, **more):
    return {"volatility": volatility, "funding_rate": rate, "funding_interval_hours": interval} | more


def single(leg, market, hours, kind="gbm"):
    return request([leg], {"X": market}, hours, kind=kind)


def long(leverage, side="long"):
    return position("X", side, 1, [(0, 0.005)], leverage)


THREE = [(0, 0.005), (0.85, 0.02), (0.95, 0.05)]
# The requirement's kinks lie where payments carry the liquidation price during the week.
KINKED = [(0, 0.005), (0.806, 0.05), (0.815, 0.2)]


def three_assets(wallet):
    legs = [position(s, side, q, [(0, 0.01)]) for s, side, q in (("A", "long", 1), ("B", "long", 0.5), ("C", "short", 0.8))]
    markets = {"A": paying(0.7, 0.0003), "B": paying(0.9, 0.0001), "C": paying(1.2, -0.0002, 4)}
    return request(legs, markets, 120, wallet, [["A", "B", 0.8], ["A", "C", 0.6], ["B", "C", 0.5]])


def two_isolated(first, second):
    legs = [position("A", "long", 1, [(0, 0.005)], first), position("B", "long", 1, [(0, 0.005)], second)]
    return request(legs, {"A": {"volatility": 0.8}, "B": {"volatility": 1.0}}, 72, None, [["A", "B", 0.8]])


H = 0.8**2 / YEAR
GARCH = {"garch": {"step_hours": 1, "omega": H * (1 - 0.08 - 0.04 / 2 - 0.88), "alpha": 0.08, "gamma": 0.04, "beta": 0.88,
                   "degrees_of_freedom": 5, "variance_now": 2 * H}}
JUMPS = {"jumps": {"intensity": 20, "mean": -0.05, "deviation": 0.08}}
REVERTING = {"funding_process": {"mean": 0.0001, "persistence": 0.8, "deviation": 0.0003, "correlation": 0.5}}
CLAMP = {"funding_cap": 0.0005, "funding_floor": -0.0005}


def first_passage(level, volatility, hours):
    """Chance that a martingale lognormal price from 1 touches `level`: what this file is checked against."""
    s, t = volatility, hours / YEAR
    b, mu = np.log(level), -0.5 * s * s
    if b > 0:
        b, mu = -b, -mu
    return float(norm.cdf((b - mu * t) / (s * np.sqrt(t))) + np.exp(2 * mu * b / s**2) * norm.cdf((b + mu * t) / (s * np.sqrt(t))))


def cases():
    """Name, request, paths, what else is known of it."""
    known = lambda level, v, hours: {"closed_form": first_passage(level, v, hours)}
    m = 1_000_000
    yield "check: linear 5x long, no funding", single(long(5), {"volatility": 0.8}, 168), m, known(0.8 / 0.995, 0.8, 168)
    yield "check: linear 8x short, no funding", single(long(8, "short"), {"volatility": 0.8}, 72), m, known(1.125 / 1.005, 0.8, 72)
    for rate, p in ((0.0001, 0.1071), (0.0005, 0.1468), (0.001, 0.2084)):
        yield f"check: linear 3x long pays {rate} every 8 hours for 30 days", single(long(3), paying(0.8, rate), 720), m, {"published": p}
    yield "A inverse isolated long, no funding", single(coin("long"), {"volatility": 0.8}, 240), m, known(3.015 / 4, 0.8, 240)
    yield "A inverse isolated short receives funding", single(coin("short"), paying(0.8, 0.0005), 240), 4 * m, {}
    yield "A inverse isolated short pays funding, 30 days", single(coin("short"), paying(0.8, -0.001), 720), m, {}
    yield "B three tiers, 5x long", single(position("X", "long", 1, THREE, 5), paying(0.9, 0.0003), 168), m, {}
    yield "B three tiers around the liquidation price, 5x long", single(position("X", "long", 1, KINKED, 5), paying(0.9, 0.001), 168), m, {}
    yield "C three-asset cross account", three_assets(0.35), 2 * m, {}
    yield "C three-asset cross account, smaller wallet", three_assets(0.2), m, {}
    yield "D two isolated longs, 5x and 4x", two_isolated(5, 4), 4 * m, {"pools": [(0.8 / 0.995, 0.8), (0.75 / 0.995, 1.0)]}
    yield "D two isolated longs, 8x and 7x", two_isolated(8, 7), m, {"pools": [(0.875 / 0.995, 0.8), ((6 / 7) / 0.995, 1.0)]}
    yield "E jump diffusion, 3x long", single(long(3), paying(0.6, 0.0001) | JUMPS, 720, "jump_diffusion"), m, {}
    yield "E jump diffusion, 3x short", single(long(3, "short"), paying(0.6, 0.0001) | JUMPS, 720, "jump_diffusion"), m, {}
    yield "F garch, 8x long", single(long(8), GARCH, 72, "garch"), m, {}
    yield "F garch, 8x short", single(long(8, "short"), GARCH, 72, "garch"), m, {}
    pair = [position(s, "long", 1, [(0, 0.01)]) for s in "AB"]
    yield "F garch, two-asset cross account", request(pair, {"A": GARCH, "B": GARCH}, 72, 0.25, [["A", "B", 0.8]], "garch"), m, {}
    yield "G reverting funding, 3x long", single(long(3), paying(0.8, 0.001) | REVERTING, 720), m, {}
    yield "G reverting funding with cap and floor, 3x long", single(long(3), paying(0.8, 0.001) | REVERTING | CLAMP, 720), m, {}


def answer(name, asked, n, known, seed):
    began = time.time()
    counts, mean = run(asked, n, seed)
    p = counts[0] / n
    out = {"name": name, "request": asked, "probability": round(p, 6), "standard_error": round(error(p, n), 6), "paths": n,
           "monitoring": MONITORING}

    def agrees(what, got, expected, se):
        print(f"    {what}: {got:.5f} against {expected:.5f}, {(got - expected) / se:+.1f} standard errors")
        assert abs(got - expected) < 4 * se, what

    print(f"{name}: {p:.5f} ± {error(p, n):.5f}   ({time.time() - began:.0f} s)", flush=True)
    if "closed_form" in known:
        out["closed_form"] = round(known["closed_form"], 8)
        agrees("closed form", p, known["closed_form"], error(p, n))
    if "published" in known:
        out["published"] = known["published"]
        agrees("published (± 0.0004)", p, known["published"], np.hypot(error(p, n), 0.0004))
    if "pools" in known:
        pools = counts.size // 2 - 1
        alone, first = counts[1:1 + pools] / n, counts[1 + pools:1 + 2 * pools] / counts[0]
        out["by_pool"] = [round(float(q), 6) for q in alone]
        out["by_pool_standard_error"] = [round(error(q, n), 6) for q in alone]
        out["share_first"] = [round(float(q), 5) for q in first]
        out["share_first_standard_error"] = [round(error(q, counts[0]), 5) for q in first]
        print(f"    first: {out['share_first']} ± {out['share_first_standard_error']}; in the same instant {counts[-1]:.0f}")
        for (level, v), q in zip(known["pools"], alone):
            agrees("alone, closed form", q, first_passage(level, v, asked["horizons_hours"][0]), error(q, n))
    return out


def martingale(asked, seed):
    """The mean price at the end with a margin that nothing exhausts."""
    asked = json.loads(json.dumps(asked))
    asked["account"]["positions"][0] |= {"margin": 1e6}
    _, mean = run(asked, 1_000_000, seed)
    print(f"mean price, {asked['model']['kind']}: {mean:.5f}")
    assert abs(mean - 1) < 0.001, mean


def coarser(asked, seed):
    """Finest steps 64 times as long."""
    n = 1_000_000
    (fine, _), (coarse, _) = run(asked, n, seed), run(asked, n, seed + 1, 64 * FINEST)
    p, q = fine[0] / n, coarse[0] / n
    print(f"finest step 0.22 s and 14 s: {p:.5f}, {q:.5f}")
    assert abs(p - q) < 4 * np.hypot(error(p, n), error(q, n)), (p, q)


if __name__ == "__main__":
    wanted = sys.argv[1:]
    written = [answer(*case, seed=1000 + k) for k, case in enumerate(cases()) if not wanted or any(w in case[0] for w in wanted)]
    if not wanted:
        named = {c["name"]: c["request"] for c in written}
        martingale(named["E jump diffusion, 3x long"], 1)
        martingale(named["F garch, 8x long"], 2)
        coarser(named["F garch, 8x long"], 3)
        coarser(named["C three-asset cross account, smaller wallet"], 5)
        OUT.write_text(json.dumps(written, indent=1) + "\n")
        print("written", OUT)
