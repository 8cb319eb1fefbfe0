"""Makes www/data (the recorded market the page shows when it cannot reach an exchange) and the replay fixtures in
core/tests/fixtures that are cut from the same recordings. Run by hand:

    python3 tools/make_recorded.py FOLDER_OF_RECORDED_DATA

The folder is the project's collection of recorded data (see www/data/SOURCES.md for the origin of each series).
"""
import csv, gzip, io, json, os, sys

DATA = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))
WWW = os.path.join(HERE, "..", "www", "data")
FIXTURES = os.path.join(HERE, "..", "core", "tests", "fixtures")
HOUR = 3_600_000
BARS = 60 * 24
YEAR = 365 * 24
LEAST = 3000  # hours; a shorter history is not shipped
END = 1772319600000  # 2026-02-28 23:00 UTC, the last recorded hour


def rows(name):
    with gzip.open(os.path.join(DATA, name), "rt") as f:
        return list(csv.DictReader(f))


def hourly(name, bars=BARS, digits=4):
    """Hourly [ts, o, h, l, c, v] of the last `bars` hours, from hourly or shorter candles; volume to `digits` figures.
    Whole hours only: one that lacks more than a twelfth of its parts is left out, and stays a gap."""
    out, found = {}, {}
    for r in rows(name):
        ts = int(r["ts"])
        hour = ts - ts % HOUR
        if not END - bars * HOUR < hour <= END:
            continue
        o, h, l, c, v = (float(r[k]) for k in ("open", "high", "low", "close", "volume"))
        found.setdefault(hour, set()).add(ts)
        if hour in out:
            b = out[hour]
            b[2], b[3], b[4], b[5] = max(b[2], h), min(b[3], l), c, b[5] + v
        else:
            out[hour] = [hour, o, h, l, c, v]
    parts = max(len(f) for f in found.values())
    for b in out.values():
        b[5] = float(f"{b[5]:.{digits}g}")
    return [out[k] for k in sorted(out) if 12 * len(found[k]) >= 11 * parts]


def short(row):
    """Whole numbers without their point and nought."""
    return [int(x) if x == int(x) else x for x in row]


def write(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        json.dump(value, f, separators=(",", ":"))
        f.write("\n")


CANDLES = {
    ("binance", "BTC"): "1h_perp_binance_BTCUSDT_2019_2026", ("binance", "ETH"): "1h_perp_binance_ETHUSDT_2019_2026",
    ("binance", "XRP"): "1h_perp_binance_XRPUSDT_2019_2026", ("binance", "ADA"): "1h_perp_binance_ADAUSDT_2019_2026",
    ("binance", "SOL"): "5m_perp_binance_SOLUSDT_2025-03_2026-02", ("binance", "DOGE"): "5m_perp_binance_DOGEUSDT_2025-04_2026-02",
    ("bybit", "BTC"): "5m_perp_bybit_BTCUSDT_2025-04_2026-02", ("bybit", "ETH"): "5m_perp_bybit_ETHUSDT_2025-04_2026-02",
    ("bybit", "BNB"): "5m_perp_bybit_BNBUSDT_2025-09_2026-02", ("bybit", "ADA"): "5m_perp_bybit_ADAUSDT_2025-09_2026-02",
    ("bybit", "AAVE"): "5m_perp_bybit_AAVEUSDT_2025-09_2026-02",
}
TICKS = {"BTC": 0.1, "ETH": 0.01, "SOL": 0.01, "XRP": 0.0001, "ADA": 0.0001, "DOGE": 0.00001, "BNB": 0.01, "AAVE": 0.01}
candles = {key: hourly(f"candles/{name}.csv.gz") for key, name in CANDLES.items()}
for (venue, coin), c in candles.items():
    write(f"{WWW}/candles/{venue}-{coin}.json", {"interval": "1h", "rows": c})

# Open interest of Binance, hourly, of the last 500 hours.
interest = {}
for coin in ("BTC", "ETH", "SOL", "DOGE"):
    kept = [(int(r["ts"]), float(f"{float(r['oi']):.7g}")) for r in rows(f"open_interest/oi_5m_binance_{coin}USDT_2025-12_2026-02.csv.gz")
            if int(r["ts"]) % HOUR == 0 and r["oi"]][-500:]
    interest[coin] = f"interest/binance-{coin}.json"
    write(f"{WWW}/{interest[coin]}", [short(r) for r in kept])

# Up to a year of the same series, for what needs more of the past than the page starts with.
history = {}
for (venue, coin), name in CANDLES.items():
    year = hourly(f"candles/{name}.csv.gz", YEAR, 6)
    if len(year) >= LEAST:
        history[(venue, coin)] = f"history/{venue}-{coin}.json"
        write(f"{WWW}/{history[(venue, coin)]}", {"interval": "1h", "rows": [short(r) for r in year]})

funding = {}
for r in rows("funding/funding_7venues_5coins_2025-03_2026-02.csv.gz"):
    funding.setdefault((r["venue"], r["coin"]), []).append([int(r["ts"]), float(r["rate"])])
for r in rows("funding/funding_binance_usdtm.csv.gz"):
    coin = r["symbol"].removesuffix("USDT")
    if ("binance", coin) in candles and ("binance", coin) not in funding:
        funding.setdefault(("binance2", coin), []).append([int(r["ts"]), float(r["rate"])])
for r in rows("funding/funding_bybit_linear.csv.gz"):
    coin = r["symbol"].removesuffix("USDT")
    if ("bybit", coin) in candles and ("bybit", coin) not in funding:
        funding.setdefault(("bybit2", coin), []).append([int(r["ts"]), float(r["rate"])])

SYMBOL = {"binance": "{}USDT", "bybit": "{}USDT", "okx": "{}-USDT-SWAP", "hyperliquid": "{}", "dydx": "{}-USD", "gmx": "{}-USD"}
index = []
for venue, template in SYMBOL.items():
    for coin in TICKS:
        own = (venue, coin) in candles
        if not own and (("binance", coin) not in candles or venue in ("binance", "bybit")):
            continue
        if venue in ("dydx", "gmx") and coin not in ("BTC", "ETH", "SOL"):
            continue
        paid = funding.get((venue, coin)) or funding.get((venue + "2", coin)) or []
        paid = [p for p in paid if p[0] > END - 90 * 24 * HOUR]
        source = venue if own else "binance"
        entry = {
            "venue": venue, "symbol": template.format(coin), "candles": f"candles/{source}-{coin}.json", "candles_venue": source,
            "until": END + HOUR, "mark_price": candles[(source, coin)][-1][4], "tick_size": TICKS[coin],
        }
        if (source, coin) in history:
            entry["history"] = history[(source, coin)]
        if coin in interest:
            entry["interest"] = interest[coin]
        if paid:
            write(f"{WWW}/funding/{venue}-{coin}.json", paid)
            entry["funding"] = f"funding/{venue}-{coin}.json"
            spacing = [b[0] - a[0] for a, b in zip(paid, paid[1:])]
            entry["funding_interval_hours"] = round(max(set(spacing), key=spacing.count) / HOUR)
        index.append(entry)
write(f"{WWW}/index.json", index)

# Replay fixtures: the venues' own shapes filled with the same recorded figures.
b = candles[("binance", "BTC")][-500:]
close = b[-1][4]
write(f"{FIXTURES}/binance/klines_BTCUSDT_1h.json",
      [[r[0], f"{r[1]}", f"{r[2]}", f"{r[3]}", f"{r[4]}", f"{r[5]}", r[0] + HOUR - 1, "0", 0, "0", "0", "0"] for r in b])
write(f"{FIXTURES}/binance/funding_rate_BTCUSDT.json",
      [{"symbol": "BTCUSDT", "fundingTime": t, "fundingRate": f"{x:.8f}", "markPrice": ""} for t, x in funding[("binance", "BTC")][-200:]])
with open(f"{WWW}/{interest['BTC']}") as f:
    held = json.load(f)
write(f"{FIXTURES}/binance/open_interest_hist_BTCUSDT.json",
      [{"symbol": "BTCUSDT", "sumOpenInterest": f"{x}", "sumOpenInterestValue": "0", "timestamp": t} for t, x in held])
y = candles[("bybit", "BTC")][-500:]
write(f"{FIXTURES}/bybit/kline_BTCUSDT_60.json",
      {"retCode": 0, "retMsg": "OK", "result": {"symbol": "BTCUSDT", "category": "linear", "list": [[str(r[0])] + [str(x) for x in r[1:]] + ["0"] for r in reversed(y)]}, "retExtInfo": {}, "time": END + HOUR})
write(f"{FIXTURES}/bybit/funding_history_BTCUSDT.json",
      {"retCode": 0, "retMsg": "OK", "result": {"category": "linear", "list": [{"symbol": "BTCUSDT", "fundingRate": f"{x:.8f}", "fundingRateTimestamp": str(t)} for t, x in reversed(funding[("bybit", "BTC")][-200:])]}, "retExtInfo": {}, "time": END + HOUR})
write(f"{FIXTURES}/okx/candles_BTC-USDT-SWAP_1H.json",
      {"code": "0", "msg": "", "data": [[str(r[0])] + [str(x) for x in r[1:]] + ["0", "0", "1"] for r in reversed(b[-300:])]})
write(f"{FIXTURES}/okx/funding_rate_history_BTC-USDT-SWAP.json",
      {"code": "0", "msg": "", "data": [{"instId": "BTC-USDT-SWAP", "instType": "SWAP", "fundingRate": str(x), "realizedRate": str(x), "fundingTime": str(t), "method": "current_period"} for t, x in reversed(funding[("okx", "BTC")][-100:])]})
write(f"{FIXTURES}/hyperliquid/candle_snapshot_BTC_1h.json",
      [{"t": r[0], "T": r[0] + HOUR - 1, "s": "BTC", "i": "1h", "o": str(r[1]), "h": str(r[2]), "l": str(r[3]), "c": str(r[4]), "v": str(r[5]), "n": 1} for r in b])
write(f"{FIXTURES}/hyperliquid/funding_history_BTC.json",
      [{"coin": "BTC", "fundingRate": f"{x:.10f}", "premium": "0.0", "time": t} for t, x in funding[("hyperliquid", "BTC")][-500:]])
print("close", close, "instruments", len(index))
