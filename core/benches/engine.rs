//! Hot paths of the engine. `cargo xtask bench` prints these beside the browser's figures.

use headroom_core::evaluate_json;
use headroom_core::venue::snapshot;
use serde_json::json;

fn main() {
    divan::main();
}

fn account(positions: usize, mode: &str) -> String {
    let symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT"];
    let list: Vec<_> = (0..positions)
        .map(|i| {
            let (symbol, side) = (symbols[i % 5], ["long", "short"][i % 2]);
            json!({"symbol": symbol, "side": side, "size": 1.5, "entry_price": 100.0 + i as f64, "mark_price": 100.0, "leverage": 3})
        })
        .collect();
    json!({"op": "liquidation", "account": {"venue": "binance", "margin_mode": mode, "wallet_balance": 500.0 * positions as f64, "positions": list}}).to_string()
}

/// The reference of this run: reading and writing the same request as JSON, which every door pays.
#[divan::bench(args = [1, 5])]
fn reference_json_round_trip(bencher: divan::Bencher, positions: usize) {
    let text = account(positions, "cross");
    bencher.bench(|| serde_json::from_str::<serde_json::Value>(divan::black_box(&text)).map(|v| v.to_string()));
}

#[divan::bench(args = [1, 5])]
fn liquidation_isolated(bencher: divan::Bencher, positions: usize) {
    let text = account(positions, "isolated");
    bencher.bench(|| evaluate_json(divan::black_box(&text), &mut |_| {}));
}

#[divan::bench(args = [1, 5, 50])]
fn liquidation_cross(bencher: divan::Bencher, positions: usize) {
    let text = account(positions, "cross");
    bencher.bench(|| evaluate_json(divan::black_box(&text), &mut |_| {}));
}

#[divan::bench]
fn snapshot_lookup(bencher: divan::Bencher) {
    bencher.bench(|| snapshot::lookup(headroom_core::market::Venue::Binance, divan::black_box("XRPUSDT")));
}

#[divan::bench]
fn normalize_500_candles(bencher: divan::Bencher) {
    let body = include_str!("../tests/fixtures/binance/klines_BTCUSDT_1h.json");
    let text = json!({"op": "normalize", "source": "binance.klines", "body": body}).to_string();
    bencher.bench(|| evaluate_json(divan::black_box(&text), &mut |_| {}));
}
