#!/usr/bin/env python3
"""# The inferred liquidation map scored on past liquidations

`score_map.py HEADROOM DATA REPORT.md [LAST_DAYS]` (LAST_DAYS: only the last days of each set, to try it). Maps are made at the start of
an hour from the 14 days before it by the binary's `liquidation_map`: `ours` with the built-in mix, `equal` with 10/25/50/100x in equal
parts; all else alike. Fixed before the first run: side by side, longs below and shorts above the price; distances in logarithms; U length
of the range traversed, M the map's notional within it, Q notional liquidated. Every map is mixed with 5 % of the uniform one, so that no
log score is infinite. Positive = better than the other.

1. **Hours of a day.** In an hour longs are due between open and low, shorts between open and high (1 bp is added to U). The map of the hour's
   open gives it the share `0.95 M/ΣM + 0.05 U/ΣU` of what the day liquidates on that side; score `Σ Q ln(share) / Σ Q`, nats. The path is
   given; no price of a liquidation is needed. `fresh` knows no positions: uniform beyond the range of the 24 h before, nothing within.
2. **Regression over hours.** `ln(Q + 1000)` on `ln U`, and with `ln(0.95 M/T + 0.05 U/0.1)` beside it, T the map's notional within 10 %; normal
   errors; fitted on nine tenths of the days, scored on the tenth. Gain in nats an hour: what the map knows beyond the path's length.
3. **Top tenth within 10 %.** Of 100 levels of 0.1 % on each side the 20 heaviest of the 200; the share of all that is liquidated in the next
   hour, and in the next 24 h (maps of 00:00 UTC), that falls into them. `nearest`: 10 levels next to the price on each side. Nearness wins here.
4. **Top tenth of what was traversed.** Maps of 00:00 UTC, the levels (five at least) between that price and the low or high of the next 24 h; of
   what was liquidated there, the share in the heaviest tenth (ties shared; knowing nothing: 10 %), and the log score over these levels.

Sums by the hour have no prices: in 3 and 4 they are spread evenly over open..low (open..high). Intervals: 95 %, days resampled 2,000 times
(rank correlations 300), all sides of a day together. `USD`: every dollar alike; `day`: every day-side (in 3: window) alike."""
import csv, gzip, json, subprocess, sys
import numpy as np
from scipy.stats import rankdata

HOUR, DAY, LOOK, CELL, REACH, FLOOR, BP = 3_600_000, 86_400_000, 14, 0.001, 0.1, 0.05, 1e-4
MIXES = (None, [[10, 1], [25, 1], [50, 1], [100, 1]])
OHLC, OI = ("ts", "open", "high", "low", "close", "volume"), "open_interest/oi_5m_binance_%sUSDT_2025-12_2026-02.csv.gz"
LEVELS, SIDES = np.arange(101) * CELL, ((0, -1, 3, min), (1, 1, 2, max))  # side, sign, column of its extreme, which is the farther
PAIRS = (("ours − uniform", 4, 3), ("equal − uniform", 5, 3), ("ours − equal", 4, 5), ("fresh − uniform", 6, 3), ("ours − fresh", 4, 6))

def rows(data, path, *columns):
    """Named columns of a packed file; an empty field is nan."""
    with gzip.open(f"{data}/{path}", "rt") as f:
        return np.array([[float(r[c] or "nan") for c in columns] for r in csv.DictReader(f)])

def hourly(bars):
    parts = [bars[bars[:, 0] // HOUR == h] for h in np.unique(bars[:, 0] // HOUR)]
    return np.array([[b[0, 0], b[0, 1], b[:, 2].max(), b[:, 3].min(), b[-1, 4], b[:, 5].sum()] for b in parts if len(b) == 12])

def liquidation_map(binary, bars, interval, interest, now, mix):
    """The last close, and for longs and shorts a function: notional up to a distance from it."""
    c = bars[(bars[:, 0] >= now - LOOK * DAY) & (bars[:, 0] < now)]
    o = interest[(interest[:, 0] > now - LOOK * DAY) & (interest[:, 0] <= now)]
    q = {"op": "liquidation_map", "bins": 10000, "leverage_mix": mix or [],
         "market": {"candles": {"interval": interval, "rows": c.tolist()}, "open_interest": o.tolist()}}
    a = json.loads(subprocess.run([binary], input=json.dumps(q), capture_output=True, text=True, check=True).stdout)
    half = (np.log(c[:, 2].max() / c[:, 3].min()) + 2.8) / 4000 / 2  # of a native cell
    out, price = [], c[-1, 4]
    for s, sign, *_ in SIDES:
        x = np.array(sorted((sign * np.log(r[0] / price), r[s + 1]) for r in a["levels"] if r[s + 1] > 0))
        edges = np.maximum.accumulate(np.ravel(np.column_stack([x[:, 0] - half, x[:, 0] + half])))
        mass = np.cumsum(x[:, 1])
        out.append(lambda d, e=edges, m=np.ravel(np.column_stack([mass - x[:, 1], mass])): np.interp(d, e, m))
    return price, out

def top(mass, q, part=0.1):
    """What of q falls into the heaviest part of the levels; ties shared evenly."""
    m, left, got = np.round(mass / max(mass.sum(), 1e-300), 9), part * len(mass), 0.0
    for v in np.unique(m)[::-1]:
        take = min(left, (m == v).sum())
        got, left = got + q[m == v].sum() * take / (m == v).sum(), left - take
    return got

def share(mass, even):
    return (1 - FLOOR) * (mass / mass.sum() if mass.sum() > 0 else even / even.sum()) + FLOOR * even / even.sum()

def boot(days, num, den=None):
    """Ratio of sums with its interval over resampled days."""
    at = np.unique(days, return_inverse=True)[1]
    n, d = np.bincount(at, num), np.bincount(at, np.ones(len(days)) if den is None else den)
    pick = np.random.default_rng(1).integers(0, len(n), (2000, len(n)))
    return n.sum() / d.sum(), *np.quantile(n[pick].sum(1) / d[pick].sum(1), [0.025, 0.975])

def show(x, scale=1.0, digits=3):
    return "{:.{n}f} ({:.{n}f} to {:.{n}f})".format(*(scale * v for v in x), n=digits)

def table(report, title, head, lines):
    report += ["", title, "", "| | " + " | ".join(head) + " |", "|---" * (len(head) + 1) + "|"]
    report += ["| " + " | ".join([label, *cells]) + " |" for label, *cells in lines]

def log_table(report, title, R, tops=()):
    """R: day, side, notional, notional times log score of uniform, ours, equal, fresh, then what is in the top tenths."""
    pick, w, lines = [R[:, 1] >= 0, R[:, 1] == 0, R[:, 1] == 1], R[:, 2], []
    for label, x, scale, digits in ([(p, R[:, a] - R[:, b], 1, 3) for p, a, b in PAIRS] +
                                    [(f"in the top tenth, %, {t}", R[:, 7 + k], 100, 1) for k, t in enumerate(tops)]):
        lines.append([label, show(boot(R[:, 0], x, w), scale, digits)] + [show(boot(R[m, 0], (x / w)[m]), scale, digits) for m in pick])
    table(report, title, ("USD", "day", "day, longs", "day, shorts"), lines)

def spread(hour, s, q, origin):
    """An hour's liquidations on LEVELS from origin."""
    lo, hi = sorted(SIDES[s][1] * np.log(p / origin) for p in (hour[1], hour[SIDES[s][2]]))
    return q * np.diff(np.clip((LEVELS - lo) / max(hi - lo, BP / 100), 0, 1))

def collect(binary, bars, interval, interest, hours, liq, last):
    """H: a row an hour and side; near: 3's windows by horizon; far: 4's day-sides."""
    at = {h[0]: h for h in hours}
    known = {t for t, q in liq.items() if t in at and not np.isnan(q).any()}
    start = -(-(max(interest[0, 0], bars[0, 0]) + LOOK * DAY) // DAY) * DAY
    times = sorted(t for t in known if t >= start and t - HOUR in at)
    H, near, far = [], {1: [], 24: []}, []
    for t in times if last is None else [t for t in times if t >= times[-1] - last * DAY]:
        maps, P, cells = [liquidation_map(binary, bars, interval, interest, t, m) for m in MIXES], at[t][1], []
        before = [at[x] for x in np.arange(t - DAY, t, HOUR) if x in at]
        edge = [sign * np.log(pick(b[col] for b in before) / P) for _, sign, col, pick in SIDES]
        for s, sign, col, _ in SIDES:
            to, moved = sign * np.log(at[t][col] / P) + BP, [sign * np.log(P / price) for price, _ in maps]
            mass = [x for (_, F), o in zip(maps, moved) for x in (F[s](o + to) - F[s](o), F[s](o + REACH) - F[s](o))]
            H.append([t // DAY, t, s, liq[t][s], to, max(0.0, to - max(0.0, edge[s])), *mass])
            cells.append([np.diff(F[s](o + LEVELS)) for (_, F), o in zip(maps, moved)])
        for horizon in (1, 24) if t % DAY == 0 else (1,):
            ahead = [x for x in np.arange(t, t + horizon * HOUR, HOUR) if x in known]
            q = [sum(spread(at[x], s, liq[x][s], P) for x in ahead) for s in (0, 1)]
            if len(ahead) == horizon and (total := sum(sum(liq[x]) for x in ahead)) > 0:
                tops = [top(np.concatenate([cells[0][k], cells[1][k]]), np.concatenate(q)) for k in (0, 1)]
                near[horizon].append([t // DAY, total, sum(x.sum() for x in q), *tops, sum(x[:10].sum() for x in q)])
            for s, sign, col, pick in SIDES if horizon == len(ahead) == 24 else ():
                n = int(np.ceil(sign * np.log(pick(at[x][col] for x in ahead) / P) / CELL))
                if 5 <= n <= 100 and (x := q[s][:n]).sum() > 0:
                    m = [c[:n] for c in cells[s]] + [np.clip((LEVELS[1:n + 1] - edge[s]) / CELL, 0, 1)]
                    logs = [(x * np.log(share(v, np.ones(n)) * n)).sum() for v in m]
                    far.append([t // DAY, s, x.sum(), 0.0, *logs, *[top(v, x) for v in (*m[:2], np.arange(n, 0, -1.0), m[2])]])
    return np.array(H), near, np.array(far)

def ranks(q, u, m):
    r = np.corrcoef([rankdata(x) for x in (q, u, m)])
    return r[0, 1], r[0, 2], (r[0, 2] - r[0, 1] * r[1, 2]) / np.sqrt((1 - r[0, 1] ** 2) * (1 - r[1, 2] ** 2))

def gain(days, y, base, more):
    """Out-of-sample gain of log density by hour of `more` beside `base`."""
    fold, out = np.searchsorted(np.unique(days), days) * 10 // len(np.unique(days)), np.zeros(len(y))
    for k in range(10):
        a, b = fold != k, fold == k
        for X, sign in ((np.column_stack([base, more]), 1), (base, -1)):
            w = np.linalg.lstsq(X[a], y[a], rcond=None)[0]
            v = np.mean((y[a] - X[a] @ w) ** 2)
            out[b] += sign * (-0.5 * np.log(v) - 0.5 * (y[b] - X[b] @ w) ** 2 / v)
    return out

def regression(g):
    """Cells of table 2 for one side."""
    y, U, days, out = np.log(g[:, 3] + 1000), np.log(g[:, 4]), g[:, 0], {}
    mass = (g[:, 6] / g[:, 7], g[:, 8] / g[:, 9], g[:, 5] / REACH)
    mixed = [np.log((1 - FLOOR) * m + FLOOR * g[:, 4] / REACH) for m in mass]
    G = [gain(days, y, np.column_stack([np.ones(len(y)), U]), m) for m in mixed]
    for label, x in (("gain of ours", G[0]), ("gain of equal", G[1]), ("ours − equal", G[0] - G[1]), ("gain of fresh", G[2])):
        out[label] = show(boot(days, x), digits=4)
    where = [np.flatnonzero(days == d) for d in np.unique(days)]
    picks = [np.concatenate([where[i] for i in np.random.default_rng(k).integers(0, len(where), len(where))]) for k in range(300)]
    for name, m in zip(("ours", "equal", "fresh"), mixed):
        b, c = np.array([ranks(y[i], U[i], m[i]) for i in picks]), ranks(y, U, m)
        for j, label in enumerate(("rank correlation of Q with U", f"with {name}", f"with {name}, U held")):
            out[label] = show((c[j], *np.nanquantile(b[:, j], [0.025, 0.975])))
    return out

def score(name, report, pool, *given):
    H, near, far = collect(*given)
    usd, R, lines = H[:, 3].sum(), [], []
    empty = [100 * H[H[:, k] <= 0, 3].sum() / usd for k in (6, 8)]
    report.append(f"\n## {name}\n\n{len(H) // 2} hours, {len(np.unique(H[:, 0]))} days, {usd / 1e6:,.1f} M USD liquidated. The map holds nothing at all "
                  f"in the range traversed in hour-sides with {empty[0]:.0f} % (ours) and {empty[1]:.0f} % (equal) of that.")
    for d, s in sorted({(r[0], r[2]) for r in H}):
        g = H[(H[:, 0] == d) & (H[:, 2] == s)]
        if len(g) >= 12 and g[:, 3].sum() > 0:
            p = [g[:, 4] / g[:, 4].sum()] + [share(g[:, k], g[:, 4]) for k in (6, 8, 5)]
            R.append([d, s, g[:, 3].sum(), *[(g[:, 3] * np.log(x)).sum() for x in p]])
    log_table(report, f"**1. Hours of a day**, nats ({len(R)} day-sides)", np.array(R))
    sides = [regression(H[H[:, 2] == s]) for s in (0, 1)]
    table(report, "**2. Regression over hours**", ("longs", "shorts"), [(k, v, sides[1][k]) for k, v in sides[0].items()])
    for horizon, x in ((h, np.array(x)) for h, x in near.items()):
        by = [boot(x[:, 0], x[:, k], x[:, 1]) for k in (3, 4, 5)] + [boot(x[:, 0], x[:, k] / x[:, 1]) for k in (3, 4, 5)]
        lines.append([f"{horizon} h", str(len(x)), f"{100 * x[:, 2].sum() / x[:, 1].sum():.0f}", *[show(b, 100, 1) for b in by]])
    head = ("windows", "on the map at all", *(f"{k}, {w}" for w in ("USD", "day") for k in ("ours", "equal", "nearest")))
    table(report, "**3. Top tenth of levels within 10 %**, percent of notional", head, lines)
    log_table(report, f"**4. Top tenth of what was traversed in 24 h**, nats ({len(far)} day-sides of {len(np.unique(far[:, 0]))} days, "
              f"{far[:, 2].sum() / 1e6:,.1f} M USD)", far, ("ours", "equal", "nearest", "fresh"))
    pool[0].append(np.array(R))
    pool[1].append(far)

def main(binary, data, out, last=None):
    report, pool, last = [__doc__], ([], []), last and float(last)
    for coin in ("BTC", "ETH"):
        f = f"liquidations/joint_1h_binance_{coin}USDT_2024-06_08.csv.gz"
        h, oi, l = rows(data, f, *OHLC), rows(data, f, "ts", "oi_close"), rows(data, f, "liq_long", "liq_short")
        oi = (oi + [HOUR, 0])[~np.isnan(oi[:, 1])]  # known at the hour's end
        score(f"{coin}, Binance, July and August 2024 (hourly candles and open interest)", report, pool,
              binary, h, "1h", oi, h, dict(zip(h[:, 0], l * h[:, 4:5])), last)
    b, oi = rows(data, "candles/5m_perp_bybit_BTCUSDT_2025-04_2026-02.csv.gz", *OHLC), rows(data, OI % "BTC", "ts", "oi")
    b = b[(b[:, 0] >= oi[0, 0]) & (b[:, 0] <= oi[-1, 0])]
    l = rows(data, "liquidations/liq_1h_coinglass_BTC_2025-11_2026-02.csv.gz", "ts", "liq_long_usd", "liq_short_usd")
    score("BTC, Binance + Bybit + OKX, December 2025 to February 2026 (5-minute candles and open interest)", report, pool,
          binary, b, "5m", oi, hourly(b), {r[0]: r[1:] for r in l}, last)
    report.append("\n## All three together\n\nCalendar days resampled; by dollar the third set decides.")
    for k, x in enumerate(np.concatenate(p) for p in pool):
        log_table(report, f"**{(1, 4)[k]}** ({len(x)} day-sides of {len(np.unique(x[:, 0]))} days)", x, ("ours", "equal", "nearest", "fresh") if k else ())
    with open(out, "w") as f:
        f.write("\n".join(report) + "\n")

if __name__ == "__main__":
    main(*sys.argv[1:])
