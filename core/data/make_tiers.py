"""Makes tiers.txt from bracket tables. Run by hand when a newer table is to be shipped:

    python3 make_tiers.py BRACKETS.csv.gz BYBIT.csv HYPERLIQUID_META.json > tiers.txt

BRACKETS: symbol,ccxt_symbol,tier,min_notional,max_notional,mmr,max_leverage,maint_amount (dated futures are left out).
Amounts are not written: the engine derives them, and this script stops if a published amount differs.
"""
import csv, gzip, io, json, sys
from collections import defaultdict


def short(x):
    x = float(x)
    return str(int(x)) if x == int(x) else repr(x)


def ladders(rows, amount_key, tolerance):
    """Symbol -> ladder text, with published amounts checked against the derived ones."""
    by_symbol = defaultdict(list)
    for r in rows:
        by_symbol[r["symbol"]].append(r)
    out = {}
    for symbol, tiers in by_symbol.items():
        tiers.sort(key=lambda r: float(r["min_notional"]))
        amount, before = 0.0, 0.0
        for t in tiers:
            amount += float(t["min_notional"]) * (float(t["mmr"]) - before)
            before = float(t["mmr"])
            if tiers.index(t) == 0:
                amount = 0.0
            if abs(amount - float(t[amount_key])) > tolerance + 1e-9 * amount:
                sys.exit(f"{symbol}: published amount {t[amount_key]}, derived {amount}")
        steps = " ".join(f"{short(t['min_notional'])}:{short(t['mmr'])}:{short(t['max_leverage'])}" for t in tiers)
        cap = float(tiers[-1]["max_notional"])  # the largest integer of the venue means no cap
        out[symbol] = steps if cap > 9e18 else f"{steps} @{short(cap)}"
    return out


def write(header, tables, word="ladder"):
    print(header)
    groups = defaultdict(list)
    for symbol, text in tables.items():
        groups[text].append(symbol)
    for text, symbols in groups.items():
        print(word, text)
        print("symbols", " ".join(symbols))


def read(path):
    raw = open(path, "rb").read()
    return csv.DictReader(io.StringIO((gzip.decompress(raw) if path.endswith(".gz") else raw).decode()))


brackets, bybit, meta = sys.argv[1:4]
date = brackets.split("_")[-1].split(".")[0]
perps = [r for r in read(brackets) if "-" not in r["ccxt_symbol"].split(":")[1]]
write(f"group binance linear {date} quote 1 signed leverageBracket answer as kept by freqtrade", ladders(perps, "maint_amount", 0.51))
write(
    "group binance inverse 2024-10-24 base 100 COIN-M BTCUSD ladder seen in 2024 (venue page)",
    {"BTCUSD_PERP": "0:0.004:125 5:0.005:100 10:0.01:50 20:0.025:20 50:0.05:10 100:0.1:5 200:0.125:4 400:0.15:3 1000:0.25:2 1500:0.5:1"},
)
write("group bybit linear 2026-01-01 quote 1 risk limits of seven small caps as recorded in 2026 (file not dated)", ladders(read(bybit), "mm_deduction", 1.0))
print("group hyperliquid linear 2026-09-27 USDC 1 margin tables of the info endpoint, main network")
m = json.load(open(meta))
tables = {k: [(float(t["lowerBound"]), t["maxLeverage"]) for t in v["marginTiers"]] for k, v in m["marginTables"]}
by_table = defaultdict(list)
for u in m["universe"]:
    if not u.get("isDelisted"):
        rows = tables.get(u["marginTableId"], [(0.0, u["maxLeverage"])])
        by_table[" ".join(f"{short(f)}:{l}" for f, l in rows)].append(u["name"])
for text, symbols in by_table.items():
    print("table", text)
    print("symbols", " ".join(symbols))
print("group dydx linear 2025-12-08 USDC 1 perpetualMarkets as recorded; Large-Cap and Mid-Cap tiers")
print("ladder 0:0.012:50\nsymbols BTC-USD ETH-USD\nladder 0:0.03:20\nsymbols SOL-USD")
print("group gmx pool 2026-03-01 USD 1 gmx-synthetics market configuration, factor for liquidation")
print("factor 0.005\nsymbols BTC-USD ETH-USD SOL-USD XRP-USD DOGE-USD BNB-USD")
print("factor 0.01\nsymbols LINK-USD AVAX-USD ARB-USD UNI-USD LTC-USD AAVE-USD NEAR-USD")
