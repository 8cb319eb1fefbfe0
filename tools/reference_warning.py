"""The reference of operation `warning`: the same forecaster in plain Python, and the vectors that the engine is held to.

    python tools/reference_warning.py        writes core/tests/vectors/warning.json from core/src/warning/model.json

Probability of touching C*(1+r) within H minutes, from 5-minute candles.

predict(candles, times, horizons_min, threshold, model) -> list of dicts
  candles: list of [open_time_ms, open, high, low, close, volume], 5-minute, ascending
  times:   list of bar OPEN times (ms); the forecast is made at that bar's close and uses bars up to and including it
  threshold: r, e.g. -0.02 (touch of a low) or +0.02 (touch of a high)
model: dict loaded from model.json
"""
import math, json, bisect

HL = [1., 2., 4., 8., 16., 32., 64., 144., 288., 864., 2016., 8640.]   # EWMA half-lives in bars
REF = 7                                                                # 144 bars is the reference scale
WIN = [3, 6, 12, 24, 48, 144, 288]                                     # plain windows in bars
EPS = 2e-5
KNOTS = [-1., -.5, 0., .3, .6, .9, 1.2, 1.6, 2.0, 2.5]
FIVE = 300000

def clip(x, a, b):
    return a if x < a else b if x > b else x

# ---------------------------------------------------------------- calendar
def _days_from_civil(y, m, d):
    y -= m <= 2
    era = y // 400
    yoe = y - era * 400
    doy = (153 * (m + (-3 if m > 2 else 9)) + 2) // 5 + d - 1
    return era * 146097 + yoe * 365 + yoe // 4 - yoe // 100 + doy - 719468

def _year(day):
    z = day + 719468
    era = z // 146097
    doe = z - era * 146097
    yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    mp = (5 * doy + 2) // 153
    return yoe + era * 400 + (1 if mp >= 10 else 0)

def _nth_sunday(y, month, n):
    first = _days_from_civil(y, month, 1)
    wd = (first + 3) % 7                      # Monday = 0
    return first + (6 - wd) % 7 + 7 * (n - 1)

def new_york(t_close_ms):
    """(minute of day, weekday Mon=0) in New York; summer time from 2nd Sunday of March 07:00 UTC to 1st Sunday of November 06:00 UTC"""
    y = _year(t_close_ms // 86400000)
    a = _nth_sunday(y, 3, 2) * 86400000 + 7 * 3600000
    b = _nth_sunday(y, 11, 1) * 86400000 + 6 * 3600000
    l = t_close_ms + (-4 if a <= t_close_ms < b else -5) * 3600000
    return (l // 60000) % 1440, (l // 86400000 + 3) % 7

# ---------------------------------------------------------------- state features per bar
def bar_features(candles):
    """one dict of raw quantities per bar, from bars up to and including it"""
    K = len(HL)
    lam = [0.5 ** (1.0 / x) for x in HL]
    s0 = [0.] * K; s1 = [0.] * K; s2 = [0.] * K; sv = [0.] * K; sd = [0.] * K; su = [0.] * K; sx = [0.] * K
    slot = [0.] * 288; slotw = [0.] * 288
    out = []
    for t, (ts, o, h, l, c, v) in enumerate(candles):
        cp = candles[t - 1][4] if t > 0 else o
        hi = max(h, cp); lo = min(l, cp)
        R = clip(math.log(hi / lo), EPS, 0.7)
        x = math.log(c / cp)
        dd = math.log(cp / lo); uu = math.log(hi / cp)
        vol = max(v, 0.0)
        sl = (ts // FIVE) % 288
        if t >= 288:
            rel = min(R / (s1[8] / s0[8]), 5.0)
            slot[sl] = 0.85 * slot[sl] + rel
            slotw[sl] = 0.85 * slotw[sl] + 1.0
        for k in range(K):
            a = lam[k]
            s0[k] = a * s0[k] + 1.0
            s1[k] = a * s1[k] + R
            s2[k] = a * s2[k] + R * R
            sv[k] = a * sv[k] + vol
            sd[k] = a * sd[k] + dd * dd
            su[k] = a * su[k] + uu * uu
            sx[k] = a * sx[k] + abs(x)
        f = {}
        f['m'] = m = [math.log(s1[k] / s0[k]) for k in range(K)]
        f['q'] = [0.5 * math.log(s2[k] / s0[k]) - m[k] for k in (3, 5, 8, 10)]
        vb = sv[8] / s0[8]; vl = sv[10] / s0[10]
        f['vr'] = [clip(math.log((sv[k] / s0[k] + 0.01 * vb + 1e-12) / (vb * 1.01 + 1e-12)), -4., 4.) for k in (0, 2, 4, 6)]
        f['vr'].append(clip(math.log((vb + 0.01 * vl + 1e-12) / (vl * 1.01 + 1e-12)), -4., 4.))
        mx = hi; mn = lo; i = t
        f['rg'] = []; f['ret'] = []; f['lo'] = []; f['hi'] = []
        for w in WIN:                                   # windows are nested: the scan continues backwards
            st = max(t - w + 1, 0)
            while i >= st:
                mx = max(mx, candles[i][2]); mn = min(mn, candles[i][3]); i -= 1
            c0 = candles[st - 1][4] if st > 0 else candles[0][1]
            f['rg'].append(math.log(max(math.log(mx / mn), EPS)) - 0.5 * math.log(t - st + 1))
            f['ret'].append(math.log(c / c0))
            f['lo'].append(math.log(c / mn))
            f['hi'].append(math.log(mx / c))
        f['sv'] = []
        for k in (3, 7):
            e = 1e-3 * (sd[k] + su[k]) + 1e-12
            f['sv'].append(0.5 * math.log((sd[k] + e) / (su[k] + e)))
        f['clv'] = (c - l) / (h - l) - 0.5 if h > l else 0.0
        f['slot'] = {}
        for n in (3, 6, 12):
            a = 0.0
            for d in range(-1, n + 1):
                b = (sl + 1 + d) % 288
                a += (slot[b] + 3.0) / (slotw[b] + 3.0)
            f['slot'][n] = math.log(a / (n + 2))
        f['cc'] = [math.log(sx[k] / s0[k] + 0.1 * EPS) - m[k] for k in (4, 7)]
        f['ts'] = ts
        out.append(f)
    return out

# ---------------------------------------------------------------- stage 1: log range of the next n bars
def x1(f, n):
    m = f['m'][REF]; em = math.exp(m)
    X = [clip(f['m'][k] - m, -4., 4.) for k in range(12) if k != REF]                                   # 0..10
    X += [max(clip(f['m'][k] - m, -4., 4.), 0.) for k in (0, 2, 4)]                                     # 11..13
    X += [max(clip(f['m'][k] - m, -4., 4.) - c, 0.) for k, c in ((0, 1.5), (2, 1.2), (4, .9))]          # 14..16
    X += [clip(q, 0., 2.) for q in f['q']]                                                              # 17..20
    X += f['vr']                                                                                        # 21..25
    X += [clip(g - m, -4., 4.) for g in f['rg']]                                                        # 26..32
    X += [math.log1p(min(abs(f['ret'][j]) / em / math.sqrt(WIN[j]), 20.)) for j in range(7)]            # 33..39
    X += [math.log1p(max(min(min(f['lo'][j], f['hi'][j]) / em / math.sqrt(WIN[j]), 20.), 0.)) for j in range(7)]  # 40..46
    X += [clip(f['cc'][0], -2., .5), clip(f['cc'][1], -2., .5)]                                         # 47,48
    tc = f['ts'] + FIVE
    mm, wd = new_york(tc)
    u = (tc // 60000) % 1440
    for k in (1, 2, 3):
        X += [math.sin(2 * math.pi * k * u / 1440), math.cos(2 * math.pi * k * u / 1440)]               # 49..54
    for k in (1, 2):
        X += [math.sin(2 * math.pi * k * (u % 60) / 60), math.cos(2 * math.pi * k * (u % 60) / 60)]     # 55..58
    X += [1. if wd == 5 else 0., 1. if wd == 6 else 0.]                                                 # 59,60
    X += [1. if (wd < 5 and mm // 30 == k) else 0. for k in range(48)]                                  # 61..108
    X.append(f['slot'][3 if n <= 3 else n])                                                             # 109
    return X

def log_range(f, X, n, par):
    return f['m'][REF] + 0.5 * math.log(n) + sum(a * b for a, b in zip(par['s1'], X + [1.0]))

# ---------------------------------------------------------------- stage 2: logit of the touch probability
def directional(f, side):
    """side 0 = down barrier, 1 = up barrier"""
    em = math.exp(f['m'][REF]); sg = -1. if side == 0 else 1.
    A = [clip(sg * f['ret'][j] / em / math.sqrt(WIN[j]), -3., 3.) for j in (0, 2, 4, 6)]
    for j in (1, 2, 4, 6):
        near, far = (f['lo'][j], f['hi'][j]) if side == 0 else (f['hi'][j], f['lo'][j])
        A.append(math.log1p(min(near / em / math.sqrt(WIN[j]), 20.)))
        A.append(math.log1p(min(far / em / math.sqrt(WIN[j]), 20.)))
    A += [-sg * clip(f['sv'][0], -2., 2.), -sg * clip(f['sv'][1], -2., 2.), sg * f['clv'], float(side)]
    return A

S2 = list(range(26)) + [26, 28, 30, 32, 35, 37, 39, 47, 48]      # stage-1 features used again in stage 2

def log_barrier(r):
    return math.log(abs(math.log(1. + r)))

def raw_logit(f, X, n, r, par):
    """uncorrected logit for the n of this parameter set; z = ln barrier - ln forecast range"""
    lb = log_barrier(r)
    z = lb - log_range(f, X, n, par)
    L = clip(lb - math.log(.015), -1.2, 1.2)
    g = [X[j] for j in S2] + directional(f, 0 if r < 0 else 1) + [L, max(L, 0.)]
    zc = clip(z, -1., 3.) - 1.
    P = [1., z - 1.] + [max(z - k, 0.) for k in KNOTS] + g + [q * zc for q in g]
    return sum(p * w for p, w in zip(P, par['s2']))

def logit_h(f, n, r, model):
    """logit after the pooled high-probability shrink; any n: linear in ln n between the trained 1, 3, 6, 12 bars"""
    H = [1, 3, 6, 12]
    if n >= 12:            # same parameters; the range grows with sqrt(n), i.e. the barrier shrinks
        lo = hi = 12; w = 0.
        r = math.exp(math.log(1. + r) / math.sqrt(n / 12.)) - 1.
        n = 12
    else:
        lo = max(h for h in H if h <= n); hi = min(h for h in H if h >= n)
        w = 0. if lo == hi else (math.log(n) - math.log(lo)) / (math.log(hi) - math.log(lo))
    e = raw_logit(f, x1(f, lo), lo, r, model['horizons'][str(lo)])
    if hi != lo:
        e = (1. - w) * e + w * raw_logit(f, x1(f, hi), hi, r, model['horizons'][str(hi)])
    p = model['post']
    return e + p['a'] + p['c'] * max(e - p['k'], 0.)

def sigmoid(x):
    return 1. / (1. + math.exp(-x)) if x >= 0 else math.exp(x) / (1. + math.exp(x))

# ---------------------------------------------------------------- the forecaster
WARM = 288
def predict(candles, times, horizons_min, threshold, model, online=True):
    """P(touch) for each time and horizon.  online recalibration: at bar t add
         delta = clip(ln((O+kappa)/(E+kappa)), +-0.5),
       O, E = sums over earlier bars i of this history (i >= WARM, i+n <= t), weight 0.5^((t-n-i)/half_life), of touches and of
       uncorrected probabilities (after the pooled shrink) for the same threshold and horizon."""
    F = bar_features(candles)
    T = [c[0] for c in candles]
    C = model['online']
    lam = 0.5 ** (1. / C['half_life_bars'])
    res = []
    for hm in horizons_min:
        n = max(1, hm // 5)
        row = []
        O = E = 0.
        want = set(times); got = {}
        last = max(i for i in range(len(T)) if T[i] in want)
        first = WARM if online else 0
        for t in range(first, last + 1):
            if online:
                i = t - n
                if i >= WARM and T[t] - T[i] == n * FIVE:
                    c = candles[i][4]
                    if threshold < 0.:
                        hit = min(q[3] for q in candles[i + 1:t + 1]) <= c * (1. + threshold)
                    else:
                        hit = max(q[2] for q in candles[i + 1:t + 1]) >= c * (1. + threshold)
                    O = lam * O + (1. if hit else 0.)
                    E = lam * E + sigmoid(logit_h(F[i], n, threshold, model))
            if T[t] in want:
                e = logit_h(F[t], n, threshold, model)
                d = clip(math.log((O + C['kappa']) / (E + C['kappa'])), -C['clip'], C['clip']) if online else 0.
                got[T[t]] = (e, d)
        for ts in times:
            if ts in got:
                e, d = got[ts]
            else:                                     # within the first day: no online correction
                e, d = logit_h(F[bisect.bisect_left(T, ts)], n, threshold, model), 0.
            row.append(dict(t=ts, raw=sigmoid(e), p=sigmoid(e + d), delta=d))
        res.append(row)
    return res


# ---------------------------------------------------------------- the two-feature baseline
def baseline(candles, k, minutes, r, model):
    """Realised volatility of the last 20 and 50 minutes alone."""
    closes = [c[4] for c in candles]
    level = math.log(1. + r)
    n = max(1., minutes / 5.)
    if n >= 12:
        level, n = level / math.sqrt(n / 12.), 12
    x = []
    for bars in (4, 10):
        first = max(1, k + 1 - bars)
        squares = [math.log(closes[i] / closes[i - 1]) ** 2 for i in range(first, k + 1)]
        x.append(math.log(abs(level) / max(math.sqrt(sum(squares) * bars / len(squares)), 1e-5)))
    at = lambda h: sum(a * b for a, b in zip(model['baseline'][str(h)], [1.] + x))
    lo = max(h for h in (1, 3, 6, 12) if h <= n)
    hi = min(h for h in (1, 3, 6, 12) if h >= n)
    w = 0. if lo == hi else (math.log(n) - math.log(lo)) / (math.log(hi) - math.log(lo))
    return sigmoid((1 - w) * at(lo) + w * at(hi))


# ---------------------------------------------------------------- vectors
def walk(bars):
    """Five-minute bars of a market that is calm, wild, calm: made here, from nobody's data."""
    state = 12345

    def unit():
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2 ** 64
        return ((state >> 11) + 0.5) / 2 ** 53

    def normal():
        return math.sqrt(-2 * math.log(unit())) * math.cos(2 * math.pi * unit())

    rows, price, level = [], 100.0, 0.0
    for k in range(bars):
        level = 0.995 * level + 0.1 * normal()
        deviation = 0.0015 * math.exp(level) * (4 if 500 < k < 540 else 1)
        opened = price
        steps = [price := price * math.exp(deviation / 3 * normal()) for _ in range(9)]
        high, low = max([opened] + steps), min([opened] + steps)
        row = [1762732800000 + k * FIVE, opened, high, low, price, 1000 * math.exp(level + 0.3 * normal())]
        rows.append([row[0]] + [float("%.6g" % x) for x in row[1:]])
        rows[-1][2] = max(rows[-1][1:5])
        rows[-1][3] = min(rows[-1][1:5])
    return rows


def main():
    import pathlib
    root = pathlib.Path(__file__).resolve().parent.parent
    model = json.loads((root / "core/src/warning/model.json").read_text())
    candles = walk(700)
    cases = []
    for threshold in (-0.02, 0.015, -0.005, 0.04):
        for minutes in (5, 15, 20, 30, 60, 120):
            times = [candles[k][0] for k in (40, 100, 287, 288, 300, 480, 510, 530, 545, 600, 699)]
            rows = predict(candles, times, [minutes], threshold, model)[0]
            cases.append({"threshold": threshold, "minutes": minutes,
                          "rows": [[r["t"] + FIVE, r["raw"], r["p"],
                                    baseline(candles, (r["t"] - candles[0][0]) // FIVE, minutes, threshold, model)] for r in rows]})
    out = {"candles": candles, "cases": cases}
    (root / "core/tests/vectors/warning.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
