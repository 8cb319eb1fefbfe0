"""Trains and judges the early warning: the probability that a perpetual touches a level within the next minutes.

    python3 tools/train_warning.py [FOLDER]                fit on everything, write core/src/warning/model.json
    python3 tools/train_warning.py [FOLDER] --evaluate     no model written: judge on assets and times not fitted, and write the
                                                           tables of docs/early-warning.md between its two markers
    --output PATH / --document PATH                        other places for the two results

Needs numpy, scipy, scikit-learn. FOLDER (default ../shared/data/candles beside the repository) holds the files
5m_perp_*.csv.gz and 1m_perp_*.csv.gz with columns ts,open,high,low,close,volume; `ts` is the opening time in milliseconds.
One core: about a minute to fit, a quarter of an hour to judge. Every draw is seeded.

THE FORECAST. At the close C of a 5-minute bar: does a low (down) reach C(1+r), r < 0, or a high (up) C(1+r), r > 0, within the
next n bars. One set of coefficients for all assets; no price level, no volatility level and no name enters, only ratios.

 1. State of a bar (`state`): ln of exponentially weighted means of the bar's log range over 12 half-lives, of volume, of squares
    and one-sided squares; ranges, moves and distances to extremes over 7 windows; the history's own time-of-day factor.
    m = ln mean range at half-life 144 bars is the unit in which all else is measured.
 2. Stage 1 (`first_inputs`): ridge regression of the ln range of the next n bars, giving the forecast S.
 3. Stage 2 (`second_inputs`): ridge logistic regression on z = ln|ln(1+r)| - S as a piecewise linear function, on inputs, and on
    inputs times z; both sides and eight thresholds together, so any level may be asked for.
 4. `POST` pulls high chances down; `ONLINE` corrects by what happened so far in the same history. Both are in the model file.
 5. Between the fitted horizons the log-odds are linear in ln n; past 12 bars the level is divided by sqrt(n/12).

Beside it the plain baseline a reader can check by hand: log-odds = a + b1 ln(L/rv20) + b2 ln(L/rv50), L = |ln(1+r)|, rv the
root of the sum of squared close-to-close returns of the last 4 and 10 bars, fitted to the very rows of stage 2.
"""
import os

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")  # sums of float32 depend on the number of threads
import argparse, glob, gzip, json, re, sys, time
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import lfilter

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
FIVE, DAY = 300_000, 86_400_000
HALF = [1, 2, 4, 8, 16, 32, 64, 144, 288, 864, 2016, 8640]  # half-lives, bars
REF = 7  # 144 bars: long enough to be steady, short enough to follow a regime
WINDOWS = np.array([3, 6, 12, 24, 48, 144, 288])
EPS = 2e-5  # smallest range of a bar: a still market is not infinitely still
WARM = 288  # bars before a day of history is known are neither fitted nor judged
HORIZONS = [1, 3, 6, 12]
THRESHOLDS = [(0.005, 0.3), (0.0075, 0.4), (0.01, 0.7), (0.015, 1.0), (0.02, 2.0), (0.03, 2.0), (0.04, 1.5), (0.06, 0.7)]
KNOTS = np.array([-1, -0.5, 0, 0.3, 0.6, 0.9, 1.2, 1.6, 2.0, 2.5])
AGAIN = list(range(26)) + [26, 28, 30, 32, 35, 37, 39, 47, 48]  # inputs of stage 1 that stage 2 uses again
RIDGE_1, RIDGE_2 = 300.0, 1000.0
# Chosen, not fitted: log-odds e become e + a + c max(e - k, 0). Rounded from forecasts of assets left out, over all years.
POST = {"a": -0.12, "c": -0.28, "k": -1.5}
ONLINE = {"half_life_bars": 11520, "kappa": 200, "clip": 0.5}
# Parts of longer files, or the same months of the same coin on a second venue: kept once, so that no bar counts twice.
TWICE = {"1m_perp_binance_BTCUSDT_2023-07_08", "1m_perp_binance_BTCUSDT_2025-05_06", "1m_perp_binance_DOGEUSDT_2026-01_02-06",
         "1m_perp_binance_ETHUSDT_2025-05_06", "1m_perp_binance_SOLUSDT_2025-05_06", "5m_perp_binance_BTCUSDT_2025-10",
         "5m_perp_binance_ETHUSDT_2025-10"}
FOLDS = [["BTC"], ["ETH"], ["SOL"], ["DOGE"], ["AAVE"], ["ADA"], ["BNB"], ["ZEC", "ALGO", "DOT"], ["LINK", "FIL", "NEAR"]]
CUT = 1_751_328_000_000  # 2025-07-01 UTC
LEVEL = np.log(-np.log(0.98))  # the level that is judged: -2 %
STARTED = time.time()


def say(*words):
    print(f"{time.time() - STARTED:6.0f} s ", *words, flush=True)


# ---------------------------------------------------------------- candles
def read(path):
    """ts, open, high, low, close, volume of 5-minute bars; minutes are put together where all five are there."""
    with gzip.open(path, "rt") as f:
        names = f.readline().strip().split(",")
        at = [names.index(k) for k in ("ts", "open", "high", "low", "close", "volume")]
        rows = [line.rstrip("\n").split(",") for line in f]
    rows = [[r[i] for i in at] for r in rows]
    a = np.array([r for r in rows if all(r)], float)
    if not os.path.basename(path).startswith("1m"):
        return a
    five, first, count = np.unique(a[:, 0] // FIVE, return_index=True, return_counts=True)
    cut = lambda f, k: f.reduceat(a[:, k], first)
    out = np.stack([five * FIVE, a[first, 1], cut(np.maximum, 2), cut(np.minimum, 3), a[first + count - 1, 4], cut(np.add, 5)], 1)
    return out[count == 5]


def candle_files(folder):
    """All perpetual files but the doubled ones, or an end that says what is missing."""
    found = [p for kind in ("1m", "5m") for p in sorted(glob.glob(os.path.join(folder, kind + "_perp_*.csv.gz")))]
    found = [p for p in found if os.path.basename(p)[:-7] not in TWICE]
    if not found:
        sys.exit(f"No candles: {folder} has no file 5m_perp_*.csv.gz or 1m_perp_*.csv.gz.\nThe training data are not part of the "
                 "repository; give the folder that holds them as the first argument.")
    have = {asset_of(p) for p in found}
    lacking = [a for fold in FOLDS for a in fold if a not in have]
    if lacking:
        sys.exit(f"Candles of {', '.join(lacking)} are missing in {folder}: the fit would not be the one described.")
    return found


def asset_of(path):
    return re.search(r"_([A-Z]+?)(USDT|-PERP)_", os.path.basename(path)).group(1)


# ---------------------------------------------------------------- stage 0: the state of a bar
def trailing(x, n, f, fill):
    """`f` over the last n values, over fewer at the start."""
    return f(sliding_window_view(np.concatenate([np.full(n - 1, fill), x]), n), axis=1)


def slots(ts, rel):
    """ln of how lively this history's own next minutes of the day usually are, for 3, 6 and 12 bars ahead."""
    a, w, level = [0.0] * 288, [0.0] * 288, [1.0] * 576  # level twice over, so that a slice never wraps
    out = np.zeros((len(ts), 3))
    for t, sl in enumerate(((ts // FIVE) % 288).tolist()):
        if t >= WARM:
            a[sl], w[sl] = 0.85 * a[sl] + rel[t], 0.85 * w[sl] + 1.0
            level[sl] = level[sl + 288] = (a[sl] + 3.0) / (w[sl] + 3.0)  # three pseudo-days of 1
        out[t] = [sum(level[sl:sl + n + 2]) / (n + 2) for n in (3, 6, 12)]
    return np.log(out)


def state(a):
    """58 columns: 0 m by half-life, 12 spread of ranges, 16 volume, 21 range, 28 move, 35 above the low, 42 below the high (by
    window), 49 one-sided variance, 51 place of the close, 52 time of day, 55 closes against ranges, 57 bars known."""
    ts, o, h, l, c, v = a.T
    n, before = len(c), np.concatenate([[o[0]], c[:-1]])
    hi, lo = np.maximum(h, before), np.minimum(l, before)
    R = np.clip(np.log(hi / lo), EPS, 0.7)
    x, down, up, vol = np.abs(np.log(c / before)), np.log(before / lo) ** 2, np.log(hi / before) ** 2, np.maximum(v, 0)
    decayed = lambda y, k: lfilter([1.0], [1.0, -(0.5 ** (1.0 / HALF[k]))], y)
    mean = lambda y, k: decayed(y, k) / decayed(np.ones(n), k)
    F = np.zeros((n, 58))
    for k in range(12):
        F[:, k] = np.log(mean(R, k))
    for j, k in enumerate((3, 5, 8, 10)):
        F[:, 12 + j] = 0.5 * np.log(mean(R * R, k)) - F[:, k]
    ratio = lambda y, z: np.clip(np.log((y + 0.01 * z + 1e-12) / (z * 1.01 + 1e-12)), -4, 4)
    for j, k in enumerate((0, 2, 4, 6)):
        F[:, 16 + j] = ratio(mean(vol, k), mean(vol, 8))
    F[:, 20] = ratio(mean(vol, 8), mean(vol, 10))
    for j, w in enumerate(WINDOWS):
        top, bottom = np.maximum(trailing(h, w, np.max, -np.inf), hi), np.minimum(trailing(l, w, np.min, np.inf), lo)
        start = np.concatenate([np.full(min(w, n), o[0]), c[:-w]])
        F[:, 21 + j] = np.log(np.maximum(np.log(top / bottom), EPS)) - 0.5 * np.log(np.minimum(np.arange(n) + 1, w))
        F[:, 28 + j], F[:, 35 + j], F[:, 42 + j] = np.log(c / start), np.log(c / bottom), np.log(top / c)
    for j, k in enumerate((3, 7)):
        D, U = decayed(down, k), decayed(up, k)
        e = 1e-3 * (D + U) + 1e-12
        F[:, 49 + j] = 0.5 * np.log((D + e) / (U + e))
    wide = np.where(h > l, h - l, 1.0)
    F[:, 51] = np.where(h > l, (c - l) / wide - 0.5, 0.0)
    usual = np.concatenate([[1.0], mean(R, 8)[:-1]])  # known before this bar
    F[:, 52:55] = slots(ts.astype(np.int64), np.minimum(R / usual, 5.0))
    F[:, 55], F[:, 56] = np.log(mean(x, 4) + 0.1 * EPS) - F[:, 4], np.log(mean(x, 7) + 0.1 * EPS) - F[:, 7]
    F[:, 57] = np.arange(n) + 1
    return F


def realised(a, k):
    """Root of the sum of the last k squared returns from close to close, scaled up while fewer are known."""
    r2 = np.log(a[:, 4] / np.concatenate([a[:1, 4], a[:-1, 4]])) ** 2
    known = np.clip(np.arange(len(a)), 1, k)
    return np.maximum(np.sqrt(trailing(r2, k, np.sum, 0.0) * k / known), 1e-5)


def ahead(a, n):
    """How far the next n bars reach below and above the close, in logs; nothing where they are not whole."""
    ts, h, l, c = a[:, 0], a[:, 2], a[:, 3], a[:, 4]
    down, up, k = np.full(len(a), np.nan), np.full(len(a), np.nan), len(a) - n
    whole = ts[n:] - ts[:k] == n * FIVE
    down[:k] = np.where(whole, -np.log(sliding_window_view(l, n).min(1)[1:] / c[:k]), np.nan)
    up[:k] = np.where(whole, np.log(sliding_window_view(h, n).max(1)[1:] / c[:k]), np.nan)
    return down, up


def dataset(files, more=None):
    """All bars of all files below each other; `more`: another function of a file's bars, kept under `more`."""
    parts = {k: [] for k in ("F", "asset", "ts", "file", "rv", "more")}
    Y = {(n, s): [] for n in HORIZONS for s in (0, 1)}
    for i, path in enumerate(files):
        a = read(path)
        y = {n: ahead(a, n) for n in HORIZONS}
        keep = (np.arange(len(a)) >= WARM) & np.isfinite(y[3][0]) & np.isfinite(y[6][0])
        parts["F"].append(state(a)[keep].astype(np.float32))
        parts["asset"].append(np.full(keep.sum(), asset_of(path)))
        parts["ts"].append(a[keep, 0].astype(np.int64))
        parts["file"].append(np.full(keep.sum(), i))
        parts["rv"].append(np.log(np.stack([realised(a, 4), realised(a, 10)], 1))[keep])
        parts["more"].append(more(a)[keep] if more else np.zeros((keep.sum(), 0), np.float32))
        for n, s in Y:
            Y[n, s].append(y[n][s][keep])
        say(f"{os.path.basename(path)[:-7]}: {keep.sum()} bars")
    out = {k: np.concatenate(v) for k, v in parts.items()}
    return {**out, "Y": {k: np.concatenate(v) for k, v in Y.items()}, "names": [os.path.basename(p)[:-7] for p in files]}


# ---------------------------------------------------------------- stage 1: the range ahead
def new_york(t):
    """Minute of the day and weekday (Monday 0) in New York, with its summer time since 2007."""
    year = (t // DAY).astype("datetime64[D]").astype("datetime64[Y]")

    def sunday(month, nth):
        first = (year.astype("datetime64[M]") + month - 1).astype("datetime64[D]").astype(np.int64)
        return first + (6 - (first + 3) % 7) % 7 + 7 * (nth - 1)

    summer = (t >= sunday(3, 2) * DAY + 7 * 3_600_000) & (t < sunday(11, 1) * DAY + 6 * 3_600_000)
    local = t + np.where(summer, -4, -5) * 3_600_000
    return (local // 60_000) % 1440, (local // DAY + 3) % 7


def first_inputs(F, ts):
    """Columns of stage 1 but for the last two (time of day by horizon, constant): see the order in the loop."""
    m, em, X = F[:, REF], np.exp(F[:, REF]), []
    away = lambda k: np.clip(F[:, k] - m, -4, 4)
    X += [away(k) for k in range(12) if k != REF]
    X += [np.maximum(away(k), 0) for k in (0, 2, 4)]  # a jump up says more than a lull
    X += [np.maximum(away(k) - c, 0) for k, c in ((0, 1.5), (2, 1.2), (4, 0.9))]
    X += [np.clip(F[:, 12 + j], 0, 2) for j in range(4)] + [F[:, 16 + j] for j in range(5)]
    X += [away(21 + j) for j in range(7)]
    unit = [lambda y, j=j: y / em / np.sqrt(WINDOWS[j]) for j in range(7)]
    X += [np.log1p(np.minimum(unit[j](np.abs(F[:, 28 + j])), 20)) for j in range(7)]
    X += [np.log1p(np.maximum(np.minimum(unit[j](np.minimum(F[:, 35 + j], F[:, 42 + j])), 20), 0)) for j in range(7)]
    X += [np.clip(F[:, 55], -2, 0.5), np.clip(F[:, 56], -2, 0.5)]
    close = ts + FIVE
    (minute, weekday), u = new_york(close), close // 60_000 % 1440
    for k, t, whole in [(1, u, 1440), (2, u, 1440), (3, u, 1440), (1, u % 60, 60), (2, u % 60, 60)]:
        X += [np.sin(2 * np.pi * k * t / whole), np.cos(2 * np.pi * k * t / whole)]
    X += [weekday == 5, weekday == 6]
    X += [(minute // 30 == k) & (weekday < 5) for k in range(48)]  # shares, data releases and their ends follow New York
    X += [np.zeros(len(ts)), np.ones(len(ts))]
    out = np.empty((len(ts), len(X)), np.float32)
    for j, x in enumerate(X):
        out[:, j] = x
    return out


class Horizon:
    """Everything of one horizon that does not depend on what is left out: inputs, outcomes, the rows drawn for stage 2."""

    def __init__(self, D, X, n):
        self.D, self.X, self.n = D, X, n
        X[:, 109] = D["F"][:, {1: 52, 3: 52, 6: 53, 12: 54}[n]]
        down, up = D["Y"][n, 0], D["Y"][n, 1]
        reach = np.maximum(down, 0) + np.maximum(up, 0)
        self.y = (np.log(np.maximum(reach, 1e-5)) - D["F"][:, REF] - 0.5 * np.log(n)).astype(np.float32)
        self.known = np.isfinite(self.y)
        self.rows, self.side, self.lb, self.hit, self.w = self.draw(self.spread(self.first(self.known)), np.random.default_rng(1))
        self.again, self.sided = [X[self.rows, j] for j in AGAIN], sided_inputs(D["F"], self.side, self.rows)

    def first(self, use):
        """Coefficients of stage 1 from the bars `use`."""
        use = use & self.known
        G, c = (self.X[use].T @ self.X[use]).astype(float), (self.X[use].T @ self.y[use]).astype(float)
        return np.linalg.solve(G + np.eye(len(G)) * RIDGE_1, c)

    def spread(self, s1):
        """ln of the range foretold."""
        return self.D["F"][:, REF] + 0.5 * np.log(self.n) + self.X @ s1.astype(np.float32)

    def draw(self, S, rng):
        """Rows of stage 2: of millions of bar-threshold pairs those that carry something, each weighted by one over its chance to be
        drawn. The chance follows a crude forecast, so far levels keep all their touches and few of their quiet bars."""
        out = []
        for s in (0, 1):
            reach, ok = self.D["Y"][self.n, s], np.isfinite(self.D["Y"][self.n, s])
            for level, weight in THRESHOLDS:
                b = -np.log(1 - level) if s == 0 else np.log(1 + level)
                crude = 1 / (1 + np.exp(0.3 + 4.0 * np.maximum(np.log(b) - S, -0.5)))
                hit = (reach >= b) & ok
                keep_hit = np.minimum(1, 0.006 / crude)
                chance = np.where(hit, keep_hit, np.clip(8 * crude * keep_hit, 1e-4, 1))
                k = np.where(ok & (rng.random(len(S)) < chance))[0]
                out.append((k, np.full(len(k), s), np.full(len(k), np.log(b)), hit[k].astype(float), weight / chance[k]))
        return [np.concatenate(x) for x in zip(*out)]

    def fit(self, use, start=None):
        """Both stages from the bars `use`."""
        s1 = self.first(use)
        tr, z = use[self.rows], self.lb - self.spread(s1)[self.rows]
        P = second_inputs(z[tr], [x[tr] for x in self.again], [x[tr] for x in self.sided], self.lb[tr])
        return s1, logistic(P, self.hit[tr], self.w[tr], start)

    def chance(self, s1, s2, k, lb=LEVEL, side=0):
        """Log-odds at the bars `k`, with POST."""
        z = lb - self.spread(s1)[k]
        e = second_inputs(z, [self.X[k, j] for j in AGAIN], sided_inputs(self.D["F"], np.full(len(k), side), k), lb) @ s2
        return e + POST["a"] + POST["c"] * np.maximum(e - POST["k"], 0)

    def baseline(self, use):
        """a, b1, b2 by Newton's method, on the rows and weights of stage 2."""
        tr = use[self.rows]
        x = np.concatenate([np.ones((tr.sum(), 1)), self.lb[tr, None] - self.D["rv"][self.rows[tr]]], 1)
        y, w, b = self.hit[tr], self.w[tr], np.array([-3.0, -1.5, -1.5])
        for _ in range(50):
            p = 1 / (1 + np.exp(-(x @ b)))
            step = np.linalg.solve((x * (w * p * (1 - p))[:, None]).T @ x + 1e-3 * np.eye(3), x.T @ ((y - p) * w) - 1e-3 * b)
            b += step * min(1, 2 / np.abs(step).max())
            if np.abs(step).max() < 1e-10:
                break
        return b


# ---------------------------------------------------------------- stage 2: the chance of a touch
def sided_inputs(F, side, rows):
    """Inputs that know which way the level lies: 0 down, 1 up."""
    m, sg, out = np.exp(F[rows, REF].astype(float)), np.where(side == 0, -1.0, 1.0), []
    unit = lambda y, j: y / m / np.sqrt(WINDOWS[j])
    out += [np.clip(unit(sg * F[rows, 28 + j], j), -3, 3) for j in (0, 2, 4, 6)]
    for j in (1, 2, 4, 6):
        low, high = F[rows, 35 + j], F[rows, 42 + j]
        out.append(np.log1p(np.minimum(unit(np.where(side == 0, low, high), j), 20)))
        out.append(np.log1p(np.minimum(unit(np.where(side == 0, high, low), j), 20)))
    return out + [-sg * np.clip(F[rows, 49], -2, 2), -sg * np.clip(F[rows, 50], -2, 2), sg * F[rows, 51], side.astype(float)]


def second_inputs(z, again, sided, lb):
    """1, z and its bends, inputs, inputs times z."""
    L = np.clip(lb - np.log(0.015), -1.2, 1.2) + 0 * z
    f, zc = again + sided + [L, np.maximum(L, 0)], np.clip(z, -1, 3) - 1.0
    P = [np.ones_like(z), z - 1.0] + [np.maximum(z - k, 0) for k in KNOTS] + f + [q * zc for q in f]
    return np.stack(P, 1).astype(np.float32)


def logistic(P, y, w, start=None):
    """Weighted ridge logistic regression by Newton's method; the shape in z is left almost free."""
    p = P.shape[1]
    size = np.sqrt(np.average(P**2, axis=0, weights=w))
    size[size == 0] = 1
    penalty = RIDGE_2 * size**2
    penalty[:2 + len(KNOTS)] = size[:2 + len(KNOTS)] ** 2
    b = np.zeros(p) if start is None else start.copy()
    for _ in range(12):
        q = 1 / (1 + np.exp(-(P @ b.astype(np.float32))))
        g, hw, H = P.T @ ((y - q) * w).astype(np.float32) - penalty * b, (w * q * (1 - q)).astype(np.float32), np.zeros((p, p))
        for s in range(0, len(P), 200_000):  # float32 sums of at most this many rows
            H += (P[s:s + 200_000] * hw[s:s + 200_000, None]).T @ P[s:s + 200_000]
        step = np.linalg.solve(H + np.diag(penalty) + 1e-6 * np.eye(p), g)
        most = np.abs(step * size).max()
        b += step * min(1, 3 / most)
        if most < 2e-2:
            break
    return b


def train(files, path):
    """The model of everything, written."""
    D = dataset(files)
    X, six = first_inputs(D["F"], D["ts"]), lambda v: [float("%.6g" % x) for x in v]
    model = {"version": 1, "post": POST, "online": ONLINE, "horizons": {}, "baseline": {}}
    for n in HORIZONS:
        h, every = Horizon(D, X, n), np.ones(len(X), bool)
        s1, s2 = h.fit(every)
        model["horizons"][str(n)], model["baseline"][str(n)] = {"s1": six(s1), "s2": six(s2)}, six(h.baseline(every))
        say(f"{n} bars ahead: {len(h.rows)} rows, baseline {model['baseline'][str(n)]}")
    with open(path, "w") as f:
        f.write(json.dumps(model, separators=(",", ":")) + "\n")
    say("written:", os.path.relpath(path))


# ---------------------------------------------------------------- judging
def rivals(a):
    """34 columns for the models it is compared with: 30 moves, volatilities, ranges, volumes, shapes, 2 clock, 2 for two features."""
    ts, o, h, l, c, v = a.T
    lc, X = np.log(c), []
    r = np.diff(lc, prepend=lc[0])

    def roll(x, w):
        cs, i = np.concatenate([[0], np.cumsum(x)]), np.arange(len(x)) + 1
        j = np.maximum(i - w, 0)
        return (cs[i] - cs[j]) / (i - j)

    for w in (1, 2, 3, 6, 12, 24, 48, 96, 288):
        X.append(np.concatenate([np.zeros(w), lc[w:] - lc[:-w]]))
    X += [np.sqrt(np.maximum(roll(r * r, w), 0)) for w in (4, 10, 20, 50, 100, 288, 864, 2016)]
    rg, lv = np.log(h / l), roll(v, 288) + 1e-12
    X += [rg] + [roll(rg, w) for w in (3, 6, 12, 48, 288)]
    X += [np.log((v + 1e-3 * lv) / lv)] + [np.log(roll(v, w) / lv + 1e-3) for w in (3, 12, 48)]
    X += [(c - l) / np.maximum(h - l, 1e-12), np.log(h / np.maximum(c, o)), np.log(np.minimum(c, o) / l)]
    X += [ts // 60_000 % 1440, (ts // DAY + 4) % 7]
    X += [np.log(np.sqrt(np.maximum(roll(r * r, w), 1e-10))) for w in (4, 10)]
    return np.array(X, np.float32).T


def rival_forecasts(D, tr, te, y, some):
    """Chances at `te` of a logistic regression on two volatilities and of two gradient boostings, fitted for -2 % on `tr`."""
    from sklearn.ensemble import HistGradientBoostingClassifier as Boosting
    from sklearn.linear_model import LogisticRegression
    M, i = D["more"], np.where(tr & some)[0]
    mu, sd = M[i, -2:].mean(0), M[i, -2:].std(0)
    two = LogisticRegression(max_iter=200).fit((M[i, -2:] - mu) / sd, y[i])
    stock = Boosting(random_state=0).fit(M[i, :-2], y[i])
    tuned = Boosting(random_state=0, early_stopping=False, max_iter=120, learning_rate=0.05, max_leaf_nodes=15, min_samples_leaf=500,
                     l2_regularization=20.0).fit(M[tr, :-4], y[tr])
    return [m.predict_proba(x)[:, 1] for m, x in ((two, (M[te, -2:] - mu) / sd), (stock, M[te, :-2]), (tuned, M[te, :-4]))]


def corrected(e, y, file, n):
    """With the online step: what happened against what was foretold, on forecasts whose windows have ended."""
    p, d, keep = 1 / (1 + np.exp(-e)), np.zeros(len(e)), 0.5 ** (1 / ONLINE["half_life_bars"])
    for i in np.unique(file):
        k = np.where(file == i)[0]
        O, E = (lfilter([1.0], [1.0, -keep], x[k]) + ONLINE["kappa"] for x in (y, p))
        d[k[n:]] = np.clip(np.log(O / E), -ONLINE["clip"], ONLINE["clip"])[:-n]
    return 1 / (1 + np.exp(-(e + d)))


def climatology(y, file, n):
    """The share of this history's earlier bars that were touched, with two days of a common rate before the first."""
    out, prior = np.zeros(len(y)), {3: 0.0045, 6: 0.013}[n]
    for i in np.unique(file):
        k = np.where(file == i)[0]
        ended = np.maximum(np.arange(len(k)) - n + 1, 0)
        out[k] = (np.concatenate([[0], np.cumsum(y[k])])[ended] + 576 * prior) / (ended + 576)
    return out


def segments(D, y, te):
    """Parts of a file in one quarter with at least 15 touched bars: what a mean is taken over, so that no storm counts for all."""
    quarter = (D["ts"] // DAY).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) // 3
    key, out = D["file"] * 1000 + quarter, []
    for g in np.unique(key[te]):
        k = np.where((key == g) & te)[0]
        if y[k].sum() >= 15:
            name = D["names"][g // 1000].replace("_perp", "").replace("_taker", "").replace("USDT", "")
            _, venue, coin = name.split("_")[:3]
            out.append((f"{coin} {venue} {1970 + g % 1000 // 4}Q{g % 1000 % 4 + 1}", k))
    return out


def weighted_auc(w, y):
    """Rows sorted by forecast; equal forecasts lie in random order."""
    quiet = w * (1 - y)
    return (np.cumsum(quiet) * w * y).sum() / (quiet.sum() * (w * y).sum())


def day_blocks(D, y, parts, P, draws=200):
    """For each model, intervals of (own AUC - its AUC) and of own skill over climatology: whole days drawn again, all assets of a day
    together, since they crash together. Quiet bars are thinned to 3000 a segment for the AUC."""
    rng, day, thin = np.random.default_rng(0), D["ts"] // DAY, []
    days = np.unique(np.concatenate([day[k] for _, k in parts]))
    sums = np.zeros((3, len(parts), len(days)))
    for i, (_, k) in enumerate(parts):
        at = np.searchsorted(days, day[k])
        for j, x in enumerate(((y[k] - P["own"][k]) ** 2, (y[k] - P["climatology"][k]) ** 2, y[k])):
            sums[j, i] = np.bincount(at, x, len(days))
        quiet = k[y[k] == 0]
        k = rng.permutation(np.concatenate([k[y[k] > 0], rng.choice(quiet, min(3000, len(quiet)), replace=False)]))
        thin.append((np.searchsorted(days, day[k]), y[k], {m: np.argsort(p[k], kind="stable") for m, p in P.items()}))
    gaps, skills = [], []
    for _ in range(draws):
        count = np.bincount(rng.integers(0, len(days), len(days)), minlength=len(days)).astype(float)
        use = np.where(sums[2] @ count >= 5)[0]
        skills.append(np.mean(1 - (sums[0] @ count)[use] / (sums[1] @ count)[use]))
        aucs = [[weighted_auc(count[thin[i][0]][o], thin[i][1][o]) for o in thin[i][2].values()] for i in use]
        gaps.append(np.mean(aucs, 0))
    gaps = np.array(gaps)
    own = gaps[:, list(P).index("own")]
    return {m: np.percentile(own - gaps[:, j], [2.5, 97.5]) for j, m in enumerate(P)}, np.percentile(skills, [2.5, 97.5])


def tables(title, D, y, te, P):
    """The table of one setting, and its worst segments."""
    from sklearn.metrics import roc_auc_score
    parts, text = segments(D, y, te), []
    A = np.array([[roc_auc_score(y[k], p[k]) for p in P.values()] for _, k in parts])
    mse = np.array([[np.mean((y[k] - p[k]) ** 2) for p in P.values()] for _, k in parts])
    rate = np.array([y[k].mean() for _, k in parts])
    base, trail = 1 - mse / (rate * (1 - rate))[:, None], 1 - mse / mse[:, [list(P).index("climatology")]]
    own, (gap, skill) = list(P).index("own"), day_blocks(D, y, parts, P)
    events, signed = int(sum(y[k].sum() for _, k in parts)), lambda v: f"{v:+.3f}"
    text += [f"### {title}", "", f"{len(parts)} segments, {sum(len(k) for _, k in parts):,} bars, {events:,} touched bars.", "",
             "| forecast | AUC | own AUC better by (95 %, days) | skill, segment's base rate | segments below 0 | skill, climatology | "
             "segments below 0 | happened / said |", "|---|---:|---:|---:|---:|---:|---:|---:|"]
    for j, (m, p) in enumerate(P.items()):
        better = "" if m == "own" else f"{signed(A[:, own].mean() - A[:, j].mean())} ({gap[m][0]:+.3f} to {gap[m][1]:+.3f})"
        text.append(f"| {m} | {A[:, j].mean():.3f} | {better} | {signed(base[:, j].mean())} | {(base[:, j] < 0).sum()} | "
                    + ("| |" if m == "climatology" else f"{signed(trail[:, j].mean())} | {(trail[:, j] < 0).sum()} |")
                    + f" {y[te].sum() / p[te].sum():.2f} |")
    text += ["", f"Own skill over climatology: {signed(trail[:, own].mean())}, 95 % by days {skill[0]:+.3f} to {skill[1]:+.3f}. "
             "Own worst segments against their own rate:", "", "| segment | bars | touched | AUC own | AUC two features | skill own, base rate | "
             "skill own, climatology | skill stock boosting, climatology |", "|---|---:|---:|---:|---:|---:|---:|---:|"]
    for i in np.argsort(base[:, own])[:max(3, (base[:, own] < 0).sum())]:
        name, k = parts[i]
        two, stock = list(P).index("two features"), list(P).index("stock boosting")
        text.append(f"| {name} | {len(k):,} | {int(y[k].sum())} | {A[i, own]:.3f} | {A[i, two]:.3f} | {signed(base[i, own])} | "
                    f"{signed(trail[i, own])} | {signed(trail[i, stock])} |")
    print("\n".join(text), flush=True)
    return text + [""]


def merged(D, before):
    """The folds, with all assets that have no bars `before` in one: leaving them out changes nothing."""
    old = set(D["asset"][D["ts"] < before])
    return [[a for f in FOLDS for a in f if a not in old]] + [[a for a in f if a in old] for f in FOLDS]


def evaluate(files, document):
    """Forecasts for assets left out, over all times and after CUT only, and their tables."""
    D = dataset(files, rivals)
    X, text, calibration = first_inputs(D["F"], D["ts"]), [], []
    some = np.random.default_rng(0).random(len(X)) < 0.4  # stock boosting and two features get two of five bars
    for n in (3, 6):
        h = Horizon(D, X, n)
        y = (D["Y"][n, 0] >= -np.log(0.98)).astype(float)
        for split in (False, True):
            te = D["ts"] >= (CUT if split else 0)
            own, plain, R, last, s2 = np.full(len(y), np.nan), np.full(len(y), np.nan), np.full((3, len(y)), np.nan), None, None
            said = np.zeros((2, len(THRESHOLDS), 2))
            for fold in merged(D, CUT - DAY) if split else FOLDS:
                out = np.isin(D["asset"], fold)
                k, tr = np.where(out & te)[0], ~out & (D["ts"] < (CUT - DAY if split else np.inf))
                if not len(k):
                    continue
                s1, s2 = h.fit(tr, s2)
                b = h.baseline(tr)
                own[k], plain[k] = h.chance(s1, s2, k), 1 / (1 + np.exp(-(b[0] + (LEVEL - D["rv"][k]) @ b[1:])))
                R[:, k] = rival_forecasts(D, tr, k, y, some)
                for s in (0, 1) if not split else ():
                    for j, (level, _) in enumerate(THRESHOLDS):
                        lb, ok = np.log(np.abs(np.log1p(level if s else -level))), k[np.isfinite(D["Y"][n, s][k])]
                        said[s, j] += [(D["Y"][n, s][ok] >= np.exp(lb)).sum(), (1 / (1 + np.exp(-h.chance(s1, s2, ok, lb, s)))).sum()]
                say(f"{n} bars, {'later' if split else 'all'} times, without {' '.join(fold)}: {len(k)} bars")
            yt, P = np.where(te, y, 0), {"climatology": climatology(y, D["file"], n), "shipped baseline": plain, "two features": R[0]}
            online = np.full(len(y), np.nan)
            online[te] = corrected(own[te], y[te], D["file"][te], n)
            P |= {"stock boosting": R[1], "tuned boosting": R[2], "own, no online step": 1 / (1 + np.exp(-own)), "own": online}
            when = "asset not fitted, and fitted before 2025-06-30, judged from 2025-07-01" if split else "asset not fitted"
            text += tables(f"-2 % within {5 * n} minutes: {when}", D, yt, te, P)
            if not split:
                for s in (0, 1):
                    calibration.append(f"| {5 * n} min, {'up' if s else 'down'} | " + " | ".join(
                        f"{x / q:.2f} ({int(x):,})" for x, q in said[s]) + " |")
    text += ["### Happened / said by level, asset not fitted, all times, no online step (touched bars)", "",
             "| | " + " | ".join(f"{100 * level:g} %" for level, _ in THRESHOLDS) + " |", "|---|" + "---:|" * len(THRESHOLDS)] + calibration
    print("\n".join(text[-6:]), flush=True)
    begins, ends = "<!-- evaluation begins -->", "<!-- evaluation ends -->"
    old = open(document).read() if os.path.exists(document) else f"{begins}\n{ends}\n"
    if begins not in old or ends not in old:
        sys.exit(f"{os.path.relpath(document)} lacks the markers {begins} and {ends}; the tables are above.")
    with open(document, "w") as f:
        f.write(old.split(begins)[0] + begins + "\n" + "\n".join(text).strip() + "\n" + ends + old.split(ends)[1])
    say("written:", os.path.relpath(document))


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("folder", nargs="?", default=os.path.join(ROOT, "..", "shared", "data", "candles"))
    args.add_argument("--evaluate", action="store_true")
    args.add_argument("--output", default=os.path.join(ROOT, "core", "src", "warning", "model.json"))
    args.add_argument("--document", default=os.path.join(ROOT, "docs", "early-warning.md"))
    asked = args.parse_args()
    files = candle_files(asked.folder)
    evaluate(files, asked.document) if asked.evaluate else train(files, asked.output)


if __name__ == "__main__":
    main()
