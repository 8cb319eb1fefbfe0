"""Makes www/data/events, the library of past crashes and squeezes, from tools/events.json. Run by hand:

    python3 tools/make_events.py FOLDER_OF_RECORDED_DATA

A file holds one market through one event: gzip of JSON {"step", "from", "tick", "rows", "gaps": [[row, bars missing before it]],
"o", "h", "l", "c", "v", "funding": [[time, rate]]}. Prices are whole ticks, exactly those recorded: c is the close less the close
before (the first: less 0), o the open less the close before (the first: less its own close), h the high less the larger of open and
close, l the smaller of them less the low. v is the volume to three figures. Read by src/feed/events.rs and tools/replay_report.mjs.
"""
import csv, decimal, gzip, json, os, sys

DATA = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "..", "www", "data", "events")
STEP = {"1m": 60_000, "3m": 180_000, "5m": 300_000, "15m": 900_000, "1h": 3_600_000}
cache = {}


def rows(name):
    if name not in cache:
        with gzip.open(os.path.join(DATA, name), "rt") as f:
            cache[name] = list(csv.DictReader(f))
    return cache[name]


def bars(series):
    """Rows of the files in their order; the first file wins where two hold the same bar."""
    found = {}
    for name in series["files"]:
        for r in rows(name):
            ts = int(r["ts"])
            if series["from"] <= ts <= series["to"] and ts not in found:
                found[ts] = [r[k] for k in ("open", "high", "low", "close")] + [float(r["volume"])]
    return [[ts] + found[ts] for ts in sorted(found)]


def packed(series):
    step, b = STEP[series["interval"]], bars(series)
    assert len(b) == series["rows"], (series["symbol"], len(b), series["rows"])
    places = max(max(0, -decimal.Decimal(x).normalize().as_tuple().exponent) for r in b for x in r[1:5])
    ticks = [[int(decimal.Decimal(x).scaleb(places)) for x in r[1:5]] for r in b]
    out = {"step": step, "from": b[0][0], "tick": float(f"1e-{places}"), "rows": len(b), "gaps": [], "o": [], "h": [], "l": [], "c": [], "v": []}
    before = 0
    for k, ((o, h, l, c), r) in enumerate(zip(ticks, b)):
        if k and r[0] - b[k - 1][0] != step:
            out["gaps"].append([k, (r[0] - b[k - 1][0]) // step - 1])
        out["c"].append(c - before)
        out["o"].append(o - (before if k else c))
        out["h"].append(h - max(o, c))
        out["l"].append(min(o, c) - l)
        v = float(f"{r[5]:.3g}")
        out["v"].append(int(v) if v == int(v) else v)
        before = c
    funding = []
    if series["funding_file"]:
        chosen = series["funding_selector"]
        for r in rows(series["funding_file"]):
            if all(r[k] == v for k, v in chosen.items()) and series["from"] <= int(r["ts"]) <= series["to"] + step:
                funding.append([int(r["ts"]), float(r["rate"])])
    assert len(funding) == series["funding_rows"], (series["symbol"], len(funding), series["funding_rows"])
    out["funding"] = funding
    return out


with open(os.path.join(HERE, "events.json")) as f:
    events = json.load(f)
index, size, count = [], 0, 0
for e in events:
    listed = []
    for s in e["series"]:
        path = f"{e['id']}-{e['kind']}/{s['venue']}-{s['symbol']}.bin"
        full = os.path.join(OUT, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        text = json.dumps(packed(s), separators=(",", ":")).encode()
        with open(full, "wb") as f:
            f.write(gzip.compress(text, 9, mtime=0))
        size, count = size + os.path.getsize(full), count + s["rows"]
        listed.append({k: s[k] for k in ("symbol", "venue", "market", "interval", "from", "to", "rows", "missing_bars", "drawdown", "rise", "funding_proxy", "off_event_h")} | {"file": path, "funding_rows": s["funding_rows"]})
    index.append({k: e[k] for k in ("id", "title", "kind", "from", "to", "event", "note")} | {"series": listed})
with open(os.path.join(OUT, "index.json"), "w") as f:
    json.dump(index, f, separators=(",", ":"))
    f.write("\n")
print(f"{len(index)} events, {sum(len(e['series']) for e in index)} series, {count} rows, {size} bytes")
