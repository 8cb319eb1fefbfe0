"""The cascade model beside 10 October 2025. Writes docs/october-2025.md. Run by hand:

    cargo build --release -p headroom-core
    python3 tools/october_2025.py FOLDER_OF_RECORDED_DATA [HEADROOM]

Nothing is fitted to that day. Known at 20:50 UTC: fourteen days of candles, betas to BTC over them (hourly), turnover and
volatility of the last day. Open interest was not recorded then: its ratio to a day's turnover is the median of December 2025 to
February 2026, where it was. Given from the day itself: how far BTC fell. Asked: how far each other coin falls.
"""
import csv, datetime, gzip, json, math, os, statistics, subprocess, sys

DATA = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))
HEADROOM = sys.argv[2] if len(sys.argv) > 2 else os.path.join(HERE, "..", "target", "release", "headroom")
HOUR, DAY = 3_600_000, 86_400_000
NOW = 1760129400000  # 2025-10-10 20:50 UTC
END = NOW + 3 * HOUR
FILES = {
    "BTC": "5m_perp_binance_BTCUSDT_2025-10", "ETH": "5m_perp_binance_ETHUSDT_2025-10", "SOL": "5m_perp_binance_SOLUSDT_2025-03_2026-02",
    "DOGE": "5m_perp_binance_DOGEUSDT_2025-04_2026-02", "XRP": "15m_perp_binance_XRPUSDT_2025-08_2026-02",
    "BNB": "5m_perp_bybit_BNBUSDT_2025-09_2026-02", "ADA": "5m_perp_bybit_ADAUSDT_2025-09_2026-02", "AAVE": "5m_perp_bybit_AAVEUSDT_2025-09_2026-02",
}


def rows(path):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(os.path.join(DATA, path), "rt") as f:
        return list(csv.DictReader(f))


def ask(request):
    out = subprocess.run([HEADROOM], input=json.dumps(request), capture_output=True, text=True, check=True).stdout
    answer = json.loads(out)
    if "error" in answer:
        raise SystemExit(f"{request['op']}: {answer['error']}")
    return answer


def candles(coin):
    return [[int(r["ts"])] + [float(r[k]) for k in ("open", "high", "low", "close", "volume")] for r in rows(f"candles/{FILES[coin]}.csv.gz")]


def closes_by_hour(c):
    return {r[0] - r[0] % HOUR: r[4] for r in c}


def returns(c):
    h = closes_by_hour(c)
    return {t: math.log(h[t] / h[t - HOUR]) for t in h if t - HOUR in h}


# Open interest over a day's turnover, where both were recorded.
ratios = {}
for coin in ("BTC", "ETH", "SOL", "DOGE"):
    interest = {int(r["ts"]): float(r["oi"]) for r in rows(f"open_interest/oi_5m_binance_{coin}USDT_2025-12_2026-02.csv.gz") if r["oi"] and int(r["ts"]) % DAY == 0}
    name = FILES[coin] if coin in ("SOL", "DOGE") else f"1h_perp_binance_{coin}USDT_2019_2026"
    volume = {}
    for r in rows(f"candles/{name}.csv.gz"):
        day = int(r["ts"]) // DAY * DAY
        volume[day] = volume.get(day, 0.0) + float(r["volume"])
    ratios[coin] = statistics.median(interest[t] / volume[t - DAY] for t in interest if volume.get(t - DAY))
usual = statistics.median(ratios.values())

past, later = {}, {}
for coin in FILES:
    every = candles(coin)
    past[coin] = [r for r in every if NOW - 14 * DAY <= r[0] and r[0] < NOW - (15 if coin == "XRP" else 5) * 60_000]
    later[coin] = [r for r in every if NOW <= r[0] < END]
base = returns(past["BTC"])
btc_fall = 1 - min(r[3] for r in later["BTC"]) / past["BTC"][-1][4]
table = []
for coin in FILES:
    c = past[coin]
    price, low = c[-1][4], min(r[3] for r in later[coin])
    mine = returns(c)
    both = sorted(set(mine) & set(base))
    mx, my = (statistics.mean(s[t] for t in both) for s in (base, mine))
    beta = sum((base[t] - mx) * (mine[t] - my) for t in both) / sum((base[t] - mx) ** 2 for t in both)
    last = [r for r in c if r[0] >= NOW - DAY]
    turnover = sum(r[5] * r[4] for r in last)
    daily = math.sqrt(24 * statistics.mean(x * x for x in mine.values()))
    interest = ratios.get(coin, usual) * sum(r[5] for r in last)
    step = c[1][0] - c[0][0]
    market = {"candles": {"interval": "15m" if step == 900_000 else "5m", "rows": c}, "open_interest": [[c[0][0], interest]]}
    map_ = ask({"op": "liquidation_map", "market": market, "bins": 800})
    shock = {"drop": min(max(1 - (1 - btc_fall) ** beta, 0.001), 0.9)}
    found = {}
    for name, law in (("usual", {"notional_per_percent": turnover * (0.01 / daily) ** 2, "power": 2}), ("book", {"notional_per_percent": turnover * 0.0035})):
        found[name] = ask({"op": "cascade", "price": price, "map": {"levels": map_["levels"]}, "shock": shock, "mode": "full", "impact": law, "options": {"evaporation": 5}})
    table.append((coin, price, 1 - low / price, beta, shock["drop"], found["usual"], found["book"], interest * price))

burst = rows("liquidations/timeline_hyperliquid_2025-10-10.csv")
seconds = [(int(r["second"]), int(r["liquidations"]), int(r["adls"])) for r in burst]
all_ = sum(s[1] for s in seconds)


def worst(width):
    return max(sum(s[1] for s in seconds if t <= s[0] < t + width) for t, _, _ in seconds) / all_


first = next(s[0] for s in seconds if s[2] > 0)
depth = [r for r in rows("books/depth_6h_hyperliquid_BTC_ETH_2024_2025.csv.gz") if r["coin"] == "BTC" and NOW - 6 * HOUR < int(r["ts"]) < NOW + 6 * HOUR]
percent = lambda x: f"{100 * x:.1f} %"
stamp = lambda t: datetime.datetime.fromtimestamp(int(t) / 1000, datetime.timezone.utc).strftime("%H:%M")
errors = {k: [abs((1 - t[i]["final_price"] / t[1]) - t[2]) for t in table if t[0] != "BTC"] for k, i in (("usual", 5), ("book", 6))}
plain = [abs(t[4] - t[2]) for t in table if t[0] != "BTC"]
lines = [
    "# 10 October 2025 beside the cascade model", "",
    "Written by `tools/october_2025.py`; published as it came out. One day decides nothing.", "", *__doc__.split("\n\n")[2].strip().splitlines(), "",
    "## What was recorded on Hyperliquid", "",
    f"- {all_} liquidation fills in {seconds[-1][0]} seconds; the worst minute held {percent(worst(60))} of them, the worst three {percent(worst(180))}, the worst five {percent(worst(300))}.",
    f"- The first auto-deleveraging came {first} seconds after the first liquidation.",
    "- Depth of BTC within 50 bp: " + ", ".join(f"{float(r['depth_50bps_usd']) / 1e6:.1f} million at {stamp(r['ts'])}" for r in depth) + " UTC.",
    "- The model has rounds and no clock: it says nothing of minutes, and cannot be compared with the first two lines. That is a lack.",
    "- Depth: with `evaporation` 5 a fall like that leaves " + percent(math.exp(-5 * btc_fall)) + f" of it; {percent(float(depth[-1]['depth_50bps_usd']) / float(depth[-2]['depth_50bps_usd']))} were seen after the fall." if len(depth) > 1 else "",
    "", "## How far each coin fell", "",
    f"BTC fell {percent(btc_fall)} from its price at 20:50 UTC to its low within three hours. `by beta` is what that would do to the coin by itself: the outside shock. "
    "`usual` adds forced selling into a market that is refilled as usual (square-root law), `book alone` into a book that nobody refills (0.35 % of a day's turnover for each percent).", "",
    "| coin | recorded | beta | by beta | usual | forced, share of open interest | book alone |", "|---|---|---|---|---|---|---|",
]
for coin, price, fall, beta, shock, usual_, book, interest in table:
    if coin == "BTC":
        continue
    lines.append(f"| {coin} | {percent(fall)} | {beta:.2f} | {percent(shock)} | {percent(1 - usual_['final_price'] / price)} | {percent(usual_['liquidated_notional'] / interest)} | {percent(1 - book['final_price'] / price)} |")
mean = lambda x: percent(statistics.mean(x))
lines += [
    "", f"Mean distance from what was recorded: by beta alone {mean(plain)}, usual {mean(errors['usual'])}, book alone {mean(errors['book'])}.", "",
    "Recorded falls are lows of the last price on Binance or Bybit; marks fell less. On that day some venues' makers and some venues themselves stood still, which no law of depth here knows.",
]
with open(os.path.join(HERE, "..", "docs", "october-2025.md"), "w") as f:
    f.write("\n".join(lines) + "\n")
print("\n".join(lines))
