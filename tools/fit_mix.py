#!/usr/bin/env python3
"""Fit of the mix of new opens, share ∝ prior(L)·L^k, and of the half-life; read report_mix.md.
`fit_mix.py train HEADROOM DATA`: training grid (BTC, July and August 2024) and the stocks left. `fit_mix.py test HEADROOM DATA K HALF_LIFE`: one
choice on the two other sets, maps by the binary; rows are kept in test_rows_*.npz beside the script (delete them to score another choice).
The model is linear in the mix up to its last scaling, so training uses a copy of infer() (core/src/cascade/inferred.rs) for each leverage alone;
`train` checks it against the binary on 20 hour-sides."""
import json, os, subprocess, sys
os.environ["OMP_NUM_THREADS"] = "1"
import numpy as np
from numba import njit
sys.path.insert(0, HERE := os.path.dirname(os.path.abspath(__file__)))
import score_map as S
from score_map import BP, DAY, FLOOR, HOUR, LOOK, REACH, SIDES, boot, gain, share, show

PRIOR = {2: .20, 3: .16, 4: .20, 5: .16, 7: .12, 10: .08, 15: .04, 20: .02, 25: .01, 50: .01, 75: .005, 100: .004, 125: .001}
L, KS, HALVES, CELLS, POINTS = np.array(list(PRIOR), float), (0, 0.5, 1, 1.5, 2, 2.5), (24, 72, 168), 4000, 5
EQUAL, NAMES, ORIGINAL = [[10, 1], [25, 1], [50, 1], [100, 1]], ("chosen", "built-in", "equal", "fresh"), S.liquidation_map

def fixed(pairs, k=0.0):
    w = np.array([dict(pairs).get(x, 0) for x in L]) * L ** k
    return w / w.sum()

MIXES = [(f"k={k:g}", fixed(PRIOR.items(), k)) for k in KS]
OLD = [("built-in", fixed([x for x in PRIOR.items() if x[0] <= 50])), ("equal", fixed(EQUAL))]

@njit
def infer(rows, known, keep, start, width, off):
    """Size by side, leverage and cell before the last scaling, all of it opened at each leverage alone."""
    n, g = off.shape[1], 1.0  # g: what is left of a unit opened first
    out, edge = np.zeros((2, n, CELLS)), np.zeros((2, n), np.int64)  # edge: the filled cell nearest to the price or beyond it
    edge[1] = CELLS - 1
    for k in range(len(rows)):
        size, high, low = known[0], rows[k, 2], rows[k, 3]
        if k:
            g *= keep * min(1.0, known[k] / known[k - 1])
            size = known[k - 1] * (1.0 - keep) + max(known[k] - known[k - 1], 0.0)
        for p in range(POINTS):
            x = np.log(low + (high - low) * (p + 0.5) / POINTS)
            for j in range(n):
                for s in range(2):
                    c = min(max(int((x + off[s, j] - start) / width), 0), CELLS - 1)
                    out[s, j, c] += size / POINTS / g
                    edge[s, j] = max(edge[s, j], c) if s == 0 else min(edge[s, j], c)
        a, b = int((np.log(low) - start) / width), int((np.log(high) - start) / width)
        for j in range(n if k else 0):
            out[0, j, a:edge[0, j] + 1], out[1, j, edge[1, j]:b + 1] = 0.0, 0.0
            edge[0, j], edge[1, j] = min(edge[0, j], a), max(edge[1, j], b)
    return out * g

def maps(bars, step, interest, now):
    """Last close, distances of the cells' edges, by half-life sizes and notional up to the edges, last open interest."""
    c = bars[(bars[:, 0] >= now - LOOK * DAY) & (bars[:, 0] < now)]
    o = interest[(interest[:, 0] > now - LOOK * DAY) & (interest[:, 0] <= now)]
    known = o[np.maximum(np.searchsorted(o[:, 0], c[:, 0] + step, "right") - 1, 0), 1]
    start, end, rate, out = np.log(c[:, 3].min()) - 1.4, np.log(c[:, 2].max()) + 1.4, np.minimum(0.005, 0.5 / L), []
    width, off = (end - start) / CELLS, np.log([(1 - 1 / L) / (1 - rate), (1 + 1 / L) / (1 + rate)])
    for half in HALVES:
        x = infer(c, known, 0.5 ** (step / HOUR / half), start, width, off)
        money = np.cumsum(x * np.exp(start + (np.arange(CELLS) + 0.5) * width), 2)
        out.append((x.sum(2), np.concatenate([np.zeros((2, len(L), 1)), money], 2)))
    return c[-1, 4], start + width * np.arange(CELLS + 1) - np.log(c[-1, 4]), out, o[-1, 1]

def between(edges, cum, s, a, b):
    """Notional by leverage between distances a and b on side s."""
    x = np.sort(np.array([a, b]) * SIDES[s][1])
    i = np.clip(np.searchsorted(edges, x, "right") - 1, 0, CELLS - 1)
    v = cum[s][:, i] + (cum[s][:, i + 1] - cum[s][:, i]) * (x - edges[i]) / (edges[1] - edges[0])
    return v[:, 1] - v[:, 0]

def basis(bars, interval, interest, hours, liq):
    """Day, time, side, Q, U of every hour-side; by half-life and leverage notional traversed, within 10 %, size; open interest."""
    at, G, B, last = {h[0]: h for h in hours}, [], [], []
    start = -(-(max(interest[0, 0], bars[0, 0]) + LOOK * DAY) // DAY) * DAY
    for t in sorted(t for t, q in liq.items() if t in at and not np.isnan(q).any() and t >= start and t - HOUR in at):
        price, edges, found, oi = maps(bars, HOUR // (12 if interval == "5m" else 1), interest, t)
        for s, sign, col, _ in SIDES:
            to, o = sign * np.log(at[t][col] / at[t][1]) + BP, sign * np.log(at[t][1] / price)
            G.append([t // DAY, t, s, liq[t][s], to])
            B.append([[between(edges, cum, s, o, o + d) for d in (to, REACH)] + [size[s]] for size, cum in found])
            last.append(oi)
    return np.array(G), np.array(B), np.array(last)

def hours_of_a_day(G, masses):
    """Score 1: day, side, notional, notional times log score of uniform and of every map."""
    sides = [((G[:, 0] == d) & (G[:, 2] == s), d, s) for d, s in sorted({(r[0], r[2]) for r in G})]
    return np.array([[d, s, G[i, 3].sum()] + [(G[i, 3] * np.log(p)).sum() for p in [G[i, 4] / G[i, 4].sum()] + [share(m[i], G[i, 4]) for m in masses]]
                     for i, d, s in sides if i.sum() >= 12 and G[i, 3].sum() > 0])
def gains(G, M, T, s):
    g, x = G[G[:, 2] == s], np.log((1 - FLOOR) * M / T + FLOOR * G[:, 4] / REACH)[G[:, 2] == s]
    return g[:, 0], gain(g[:, 0], np.log(g[:, 3] + 1000), np.column_stack([np.ones(len(g)), np.log(g[:, 4])]), x)

def binary_map(binary, bars, interval, interest, now, choice):
    """score_map.liquidation_map with a half-life."""
    more, run = {"half_life_hours": choice[1]} if choice[1] else {}, subprocess.run
    S.subprocess = type("P", (), {"run": staticmethod(lambda cmd, input, **k: run(cmd, input=json.dumps({**json.loads(input), **more}), **k))})
    return ORIGINAL(binary, bars, interval, interest, now, choice[0])
def hourly_set(data, coin):
    f = f"liquidations/joint_1h_binance_{coin}USDT_2024-06_08.csv.gz"
    h, oi, l = S.rows(data, f, *S.OHLC), S.rows(data, f, "ts", "oi_close"), S.rows(data, f, "liq_long", "liq_short")
    return h, "1h", (oi + [HOUR, 0])[~np.isnan(oi[:, 1])], h, dict(zip(h[:, 0], l * h[:, 4:5]))
def percent(w):
    return "/".join(f"{100 * w[x].sum():.0f}" for x in (L <= 3, (L > 3) & (L <= 7), L > 7))
def stock(B, j, w):
    return percent((B[:, j, 2] * w / (B[:, j, 2] @ w)[:, None]).mean(0))  # average over hours and sides
def two(R, a, c, at=3):
    x = R[:, at + a] - R[:, at + c]
    return show(boot(R[:, 0], x, R[:, 2])), show(boot(R[:, 0], x / R[:, 2]))

def train(binary, data):
    given, worst = hourly_set(data, "BTC"), 0.0
    G, B, last = basis(*given)
    for i in np.random.default_rng(0).choice(len(G), 20):
        s, j, w = int(G[i, 2]), i % 3, MIXES[i % 6][1]
        f = binary_map(binary, *given[:3], G[i, 1], (np.column_stack([L, w]).tolist(), HALVES[j]))[1][s]
        worst = max(worst, abs(f(REACH) - f(0) - last[i] * (B[i, j, 1] @ w) / (B[i, j, 2] @ w)) / f(REACH))
    cells = [(n, w, j, *[last * (B[:, j, a] @ w) / (B[:, j, 2] @ w) for a in (0, 1)]) for n, w in MIXES + OLD for j in range(3)]
    R, G2 = hours_of_a_day(G, [c[3] for c in cells]), [[gains(G, c[3], c[4], s) for s in (0, 1)] for c in cells]
    best = max((boot(R[:, 0], R[:, 4 + n], R[:, 2])[0], n) for n in range(18))[1]
    print(f"copy against the binary, notional within 10 %: at most {100 * worst:.2f} % off\n\n| flow | half-life | 1 USD | 1 day | 1 USD, best − this | "
          "2 longs + shorts | flow, % ≤3x/3–7x/>7x | stock | empty, % of USD |\n" + "|---" * 9 + "|")
    for n, (name, w, j, M, _) in enumerate(cells):
        print(f"| {name} | {HALVES[j]} | {two(R, 1 + n, 0)[0]} | {two(R, 1 + n, 0)[1]} | {two(R, 1 + best, 1 + n)[0]} | {sum(x.mean() for _, x in G2[n]):.4f} "
              f"| {percent(w)} | {stock(B, j, w)} | {100 * G[M <= 0, 3].sum() / G[:, 3].sum():.1f} |")

def test(binary, data, k, half):
    mix = [[float(x), round(float(y), 5)] for x, y in zip(L, fixed(PRIOR.items(), float(k)))]
    S.liquidation_map, S.MIXES = binary_map, ((mix, float(half)), (None, None), (EQUAL, None))
    b, oi = S.rows(data, "candles/5m_perp_bybit_BTCUSDT_2025-04_2026-02.csv.gz", *S.OHLC), S.rows(data, S.OI % "BTC", "ts", "oi")
    b, f = b[(b[:, 0] >= oi[0, 0]) & (b[:, 0] <= oi[-1, 0])], "liquidations/liq_1h_coinglass_BTC_2025-11_2026-02.csv.gz"
    liq = {r[0]: r[1:] for r in S.rows(data, f, "ts", "liq_long_usd", "liq_short_usd")}
    print("mix:", mix)
    for name, given in (("ETH 2024", hourly_set(data, "ETH")), ("BTC 2025-26", (b, "5m", oi, S.hourly(b), liq))):
        if not os.path.exists(file := f"{HERE}/test_rows_{name[:3]}.npz"):
            H, _, far = S.collect(binary, *given, None)
            np.savez(file, H=H, far=far, B=basis(*given)[1])
        H, far, B = (np.load(file)[x] for x in ("H", "far", "B"))
        M, T = [H[:, 6], H[:, 8], H[:, 10], H[:, 5]], [H[:, 7], H[:, 9], H[:, 11], np.full(len(H), REACH)]
        R, g = hours_of_a_day(H, M), [[gains(H, m, t, s) for s in (0, 1)] for m, t in zip(M, T)]
        ws = [stock(B, j, w) for j, w in ((HALVES.index(int(half)), fixed(mix)), (2, OLD[0][1]), (2, OLD[1][1]))] + ["–"]
        print(f"\n{name}, {len(R)} day-sides (score 4: {len(far)})\n\n| | 1 USD | 1 day | 2 longs | 2 shorts | 4 USD | 4 day | "
              "4 top tenth USD, % | empty, % of USD | stock |\n" + "|---" * 10 + "|")
        for label, a, c in [(f"{n} − uniform", a, None) for a, n in enumerate(NAMES)] + [(f"chosen − {NAMES[c]}", 0, c) for c in (1, 2, 3)]:
            s2 = [show(boot(g[a][s][0], g[a][s][1] - (0 if c is None else g[c][s][1])), digits=4) for s in (0, 1)]
            e = (f"{100 * H[M[a] <= 0, 3].sum() / H[:, 3].sum():.1f}", ws[a]) if c is None else ("", "")
            t = show(boot(far[:, 0], far[:, (8, 9, 11)[a]], far[:, 2]), 100, 1) if c is None and a < 3 else ""
            print("| " + " | ".join([label, *two(R, 1 + a, 0 if c is None else 1 + c), *s2, *two(far, 1 + a, 0 if c is None else 1 + c), t, *e]) + " |")

if __name__ == "__main__":
    {"train": train, "test": test}[sys.argv[1]](*sys.argv[2:])
