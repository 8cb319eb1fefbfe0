"""Independent reference values for the volatility models and the first-passage formulas, written to
core/tests/vectors/models.json. Uses the libraries `arch` (GARCH, block length) and QuantLib (barriers), plain numpy for
the range estimators and HAR, and mpmath for the first-passage probabilities. Needs arch, numpy, scipy, QuantLib and
(optional, scipy is used without it) mpmath:

    python3 tools/reference_models.py

The optima of `arch` are good to about 1e-3 of a standard error; with OMP_NUM_THREADS=1 every digit repeats.
Everything is in units of plain log returns, not multiplied by 100; a year is 365 days of 24 hours.
"""
import json
import math
import os

import numpy as np
import QuantLib as ql
from arch import arch_model
from arch.bootstrap import optimal_block_length
from scipy.optimize import brentq
from scipy.stats import norm

try:
    import mpmath
except ImportError:
    mpmath = None

HERE = os.path.dirname(os.path.abspath(__file__))
CANDLES = os.path.join(HERE, "..", "www", "data", "candles")
OUTPUT = os.path.join(HERE, "..", "core", "tests", "vectors", "models.json")
SERIES = ["binance-BTC", "binance-ETH", "binance-SOL", "binance-XRP", "binance-ADA", "binance-DOGE", "bybit-BNB",
          "bybit-AAVE"]
HOUR, DAY = 3_600_000, 86_400_000
BARS_A_YEAR = 365 * 24
SCALE = 100.0  # `arch` is given returns in percent

# ---------------------------------------------------------------------------------------------------------- GARCH


def model(r, o):
    return arch_model(SCALE * r, mean="Constant", vol="GARCH", p=1, o=o, q=1, dist="t", rescale=False)


def units(o):
    """Factors from the units of percent returns to those of plain returns: mu, omega, alpha, (gamma), beta, nu."""
    return np.array([1 / SCALE, 1 / SCALE**2] + [1.0] * (3 + o))


def names(o):
    return ["mu", "omega", "alpha"] + ["gamma"] * o + ["beta", "nu"]


def persistence(params):
    """alpha + gamma / 2 + beta, which `arch` allows to be up to 1."""
    return params["alpha"] + params.get("gamma", 0.0) / 2 + params["beta"]


def garch(r, o):
    """Best of several starts, each run at the tolerance of `arch` and then twice more, finer, from where it ended."""
    v = np.var(SCALE * r)
    starts = [None]
    for alpha, gamma, beta, nu in [(0.03, 0.02, 0.94, 4.0), (0.12, 0.05, 0.75, 6.0), (0.05, -0.02, 0.90, 3.0)]:
        omega = v * (1 - alpha - beta - o * gamma / 2)
        starts.append([SCALE * r.mean(), omega, alpha] + [gamma] * o + [beta, nu])
    fits = []
    for start in starts:
        for ftol in (1e-6, 1e-9, 1e-11):
            fit = model(r, o).fit(disp="off", cov_type="classic", show_warning=False, starting_values=start,
                                  options={"ftol": ftol, "maxiter": 500})
            fits.append(fit)
            start = fit.params.to_numpy().copy()
            start[2:-1] *= 1 - 1e-6  # a start on the bound of the persistence would be refused
    # SLSQP may end a hair outside the constraint; among equals (to 1e-6) a run that reports convergence is kept.
    fits = [f for f in fits if persistence(dict(zip(names(o), f.params))) < 1 + 1e-8]
    top = max(f.loglikelihood for f in fits)
    fits = [f for f in fits if f.loglikelihood > top - 1e-6]
    best = max(fits, key=lambda f: (f.convergence_flag == 0, f.loglikelihood))
    params = dict(zip(names(o), best.params.to_numpy() * units(o)))
    forecast = best.forecast(horizon=1).variance.to_numpy()[-1, 0]
    return best, {
        "params": params,
        "std_err": dict(zip(names(o), best.std_err.to_numpy() * units(o))),  # from the numerical Hessian of `arch`
        "loglik": best.loglikelihood + len(r) * math.log(SCALE),
        "persistence": persistence(params),
        "at_bound": bool(persistence(params) > 1 - 1e-6 or params["alpha"] < 1e-6
                         or params["alpha"] + params.get("gamma", 0.0) < 1e-6 or params["nu"] < 2.0501),
        "converged": best.convergence_flag == 0,
        "n": len(r),
        "next_variance": forecast / SCALE**2,
        "backcast": best.model.volatility.backcast(SCALE * (r - r.mean())) / SCALE**2,
    }


def fixed_loglik(r, o):
    """The likelihood of `arch` at given parameters; its backcast uses the residuals from the sample mean here too."""
    omega = 0.05 * np.var(r, ddof=1)
    params = [0.0, omega] + ([0.05, 0.06] if o else [0.08]) + [0.87, 5.0]
    fixed = model(r, o).fix(np.array(params) / units(o))
    return {"params": dict(zip(names(o), params)), "loglik": fixed.loglikelihood + len(r) * math.log(SCALE)}


# ----------------------------------------------------------------------------------- estimators of volatility, HAR


def daily_variance(ts, r):
    """Sums of squared hourly returns of whole UTC days (24 returns); a return belongs to the day its bar opens in."""
    day = ts[1:] // DAY
    days, count = np.unique(day, return_counts=True)
    return np.array([np.sum(r[day == d] ** 2) for d in days[count == 24]])


def estimators(ts, o, h, l, c):
    r = np.diff(np.log(c))
    hl, co = np.log(h / l), np.log(c / o)
    rs = np.log(h / c) * np.log(h / o) + np.log(l / c) * np.log(l / o)
    # Yang and Zhang need the close before, so all three parts are over bars 2..N; n = N - 1; variances with ddof = 1.
    n = len(c) - 1
    k = 0.34 / (1.34 + (n + 1) / (n - 1))
    jump = np.log(o[1:] / c[:-1])
    ewma = np.mean(r[:20] ** 2)
    for x in r:
        ewma = 0.97 * ewma + 0.03 * x**2
    per_bar = {
        "close_to_close": np.var(r, ddof=1),
        "parkinson": np.mean(hl**2) / (4 * math.log(2)),
        "garman_klass": np.mean(0.5 * hl**2 - (2 * math.log(2) - 1) * co**2),
        "rogers_satchell": np.mean(rs),
        "yang_zhang": np.var(jump, ddof=1) + k * np.var(co[1:], ddof=1) + (1 - k) * np.mean(rs[1:]),
        "ewma": ewma,
    }
    out = {name: math.sqrt(v * BARS_A_YEAR) for name, v in per_bar.items()}
    out["realised"] = math.sqrt(365 * np.mean(daily_variance(ts, r)))
    return out


def har(rv):
    """RV[t+1] on [1, RV[t], mean RV[t-4..t], mean RV[t-21..t]], t = 21..days-2, by OLS; classic standard errors."""
    def row(t):
        return [1.0, rv[t], np.mean(rv[t - 4:t + 1]), np.mean(rv[t - 21:t + 1])]

    last = len(rv) - 1
    x, y = np.array([row(t) for t in range(21, last)]), rv[22:]
    coef = np.linalg.lstsq(x, y, rcond=None)[0]
    s2 = np.sum((y - x @ coef) ** 2) / (len(y) - 4)
    std_err = np.sqrt(s2 * np.sum(np.linalg.pinv(x) ** 2, axis=1))  # the diagonal of s2 * inverse of X'X
    forecast = float(np.dot(row(last), coef))
    return {
        "coef": list(coef), "std_err": list(std_err), "n": len(y), "days": len(rv), "forecast_variance": forecast,
        "forecast_volatility": math.sqrt(365 * forecast) if forecast > 0 else None,
    }


def candles(name):
    with open(os.path.join(CANDLES, name + ".json"), encoding="utf-8") as f:
        rows = json.load(f)["rows"]
    ts = np.array([row[0] for row in rows], dtype=np.int64)
    o, h, l, c = np.array([row[1:5] for row in rows], dtype=float).T
    r = np.diff(np.log(c))
    fit, garch_t = garch(r, 0)
    _, gjr_t = garch(r, 1)
    z = np.asarray(fit.std_resid)
    d = z - z.mean()
    return {
        "bars": len(rows), "gaps": bool(np.any(np.diff(ts) != HOUR)),
        "garch_t": garch_t, "gjr_t": gjr_t,
        "garch_t_fixed_loglik": fixed_loglik(r, 0), "gjr_t_fixed_loglik": fixed_loglik(r, 1),
        "estimators": estimators(ts, o, h, l, c),
        "har": har(daily_variance(ts, r)),
        "block_length": {
            "squared_std_resid": float(optimal_block_length(z**2)["stationary"].iloc[0]),
            "squared_returns": float(optimal_block_length(r**2)["stationary"].iloc[0]),
        },
        # Of the standardised residuals: central moments with divisor n; the kurtosis is not the excess over 3.
        "skew": np.mean(d**3) / np.mean(d**2) ** 1.5, "kurtosis": np.mean(d**4) / np.mean(d**2) ** 2,
    }


# ------------------------------------------------------------------------------------------------ first passage

TODAY = ql.Date(1, 1, 2026)


def process(spot, rate, dividend, volatility):
    dc = ql.Actual365Fixed()
    return ql.BlackScholesMertonProcess(
        ql.QuoteHandle(ql.SimpleQuote(spot)),
        ql.YieldTermStructureHandle(ql.FlatForward(TODAY, dividend, dc, ql.Continuous)),
        ql.YieldTermStructureHandle(ql.FlatForward(TODAY, rate, dc, ql.Continuous)),
        ql.BlackVolTermStructureHandle(ql.BlackConstantVol(TODAY, ql.NullCalendar(), volatility, dc)))


def babsiri():
    """testBabsiriValues of QuantLib's test suite: S = K = 100, r = 0.05, q = 0.02, one year, no rebate."""
    published = [0.07187, 0.60638, 1.64005, 2.98495, 4.50952, 4.79148, 7.08268, 9.11008, 11.06148, 12.98351]
    kinds = [("down-in", ql.Barrier.DownIn, 90.0)] * 5 + [("up-in", ql.Barrier.UpIn, 110.0)] * 5
    out = []
    for (name, kind, barrier), volatility, price in zip(kinds, [0.10, 0.15, 0.20, 0.25, 0.30] * 2, published):
        option = ql.BarrierOption(kind, barrier, 0.0, ql.PlainVanillaPayoff(ql.Option.Call, 100.0),
                                  ql.EuropeanExercise(TODAY + 365))
        option.setPricingEngine(ql.AnalyticBarrierEngine(process(100.0, 0.05, 0.02, volatility)))
        out.append({"type": name, "barrier": barrier, "volatility": volatility, "spot": 100.0, "strike": 100.0,
                    "rate": 0.05, "dividend": 0.02, "years": 1.0, "price": option.NPV(), "published": price})
        assert abs(out[-1]["price"] - price) < 1e-5, out[-1]
    return out


def touch(side, drift, volatility, hours, barrier):
    """P(the price, 1 now, reaches the barrier within the horizon), with scipy; log drift = drift - volatility^2 / 2."""
    s = 1.0 if side == "long" else -1.0
    years = hours / BARS_A_YEAR
    b, m, sd = s * math.log(barrier), s * (drift - volatility**2 / 2), volatility * math.sqrt(years)
    reflected = math.exp(2 * m * b / volatility**2 + norm.logcdf((b + m * years) / sd))
    return norm.cdf((b - m * years) / sd) + reflected


def touch_exact(side, drift, volatility, hours, barrier):
    """The same with 50 digits."""
    if mpmath is None:
        return float(touch(side, drift, volatility, hours, barrier))
    with mpmath.workdps(50):
        s = 1 if side == "long" else -1
        years, v = mpmath.mpf(hours) / BARS_A_YEAR, mpmath.mpf(volatility)
        b, m, sd = s * mpmath.log(barrier), s * (mpmath.mpf(drift) - v**2 / 2), v * mpmath.sqrt(years)
        return float(mpmath.ncdf((b - m * years) / sd)
                     + mpmath.exp(2 * m * b / v**2) * mpmath.ncdf((b + m * years) / sd))


def touch_quantlib(side, drift, volatility, hours, barrier):
    """The same as the price of a one-touch option that pays 1 at expiry, at interest rate 0 and dividend -drift."""
    payoff = ql.CashOrNothingPayoff(ql.Option.Put if side == "long" else ql.Option.Call, barrier, 1.0)
    option = ql.VanillaOption(payoff, ql.AmericanExercise(TODAY, TODAY + hours // 24, True))
    option.setPricingEngine(ql.AnalyticDigitalAmericanEngine(process(1.0, 0.0, -drift, volatility)))
    return option.NPV()


def one_touch():
    """240 cases: the grid is walked two and a half times, each time with other targets of the probability."""
    targets = [0.0001, 0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.99]
    cells = [(side, drift, volatility, hours) for drift in (0.0, 0.3, -0.3) for side in ("long", "short")
             for volatility in (0.3, 0.6, 0.8, 1.2) for hours in (24, 168, 720, 2160)]
    out = []
    for i in range(240):
        cell = side, drift, volatility, hours = cells[i % len(cells)]
        target = targets[(i + i // 8 + i // len(cells)) % len(targets)]
        sign = -1.0 if side == "long" else 1.0
        log_barrier = brentq(lambda x: touch(*cell, math.exp(sign * x)) - target, 1e-9, 10.0, xtol=1e-13)
        barrier = math.exp(sign * log_barrier)
        p, check = touch_exact(*cell, barrier), touch_quantlib(*cell, barrier)
        assert abs(p / target - 1) < 1e-6 and abs(check / p - 1) < 1e-8, (cell, barrier, p, check)
        out.append({"side": side, "drift": drift, "volatility": volatility, "hours": hours, "barrier": barrier,
                    "probability": p, "quantlib": check})
    return out


def dump(value, depth):
    """JSON with the outer `depth` levels spread over lines and everything inside them on one line."""
    if depth == 0 or not isinstance(value, (dict, list)):
        return json.dumps(value, allow_nan=False)
    if isinstance(value, dict):
        return "{\n" + ",\n".join(json.dumps(k) + ": " + dump(v, depth - 1) for k, v in value.items()) + "\n}"
    return "[\n" + ",\n".join(dump(v, depth - 1) for v in value) + "\n]"


if __name__ == "__main__":
    ql.Settings.instance().evaluationDate = TODAY
    sections = [("candles", {name: candles(name) for name in SERIES}, 2), ("babsiri", babsiri(), 1),
                ("one_touch", one_touch(), 1)]
    with open(OUTPUT, "w", encoding="utf-8") as f:
        f.write("{\n" + ",\n".join(f'"{name}": ' + dump(v, depth) for name, v, depth in sections) + "\n}\n")
