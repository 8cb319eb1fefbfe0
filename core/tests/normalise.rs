//! Recorded answers to our words, checked against the raw numbers by a second route, and broken answers to errors.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by stopping")]

use headroom_core::evaluate_json;
use serde_json::{Value, json};

fn fixture(path: &str) -> String {
    std::fs::read_to_string(format!("{}/tests/fixtures/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn raw(path: &str) -> Value {
    serde_json::from_str(&fixture(path)).unwrap()
}

fn ask(source: &str, body: &Value) -> Value {
    serde_json::from_str(&evaluate_json(
        &json!({"op": "normalize", "source": source, "body": body}).to_string(),
        &mut |_| {},
    ))
    .unwrap()
}

fn read(source: &str, path: &str) -> Value {
    let answer = ask(source, &json!(fixture(path)));
    assert!(answer["error"].is_null(), "{source} {path}: {answer}");
    // The same from JSON already read.
    assert_eq!(answer, ask(source, &raw(path)));
    answer
}

fn number(v: &Value) -> f64 {
    v.as_f64()
        .unwrap_or_else(|| v.as_str().unwrap_or_else(|| panic!("{v}")).parse().unwrap())
}

/// Every fixture with the source that reads it.
const FIXTURES: &[(&str, &str)] = &[
    ("binance.exchange_info", "binance/exchange_info.json"),
    ("binance.exchange_info", "binance/cm_exchange_info.json"),
    ("binance.premium_index", "binance/premium_index_BTCUSDT.json"),
    ("binance.premium_index", "binance/premium_index_BTCUSDT_2023.json"),
    ("binance.premium_index", "binance/premium_index_all_2020.json"),
    ("binance.klines", "binance/klines_BTCUSDT_1h.json"),
    ("binance.klines", "binance/klines_1d.json"),
    ("binance.funding_rate", "binance/funding_rate_BTCUSDT.json"),
    ("binance.funding_rate", "binance/funding_rate_2020.json"),
    ("binance.funding_info", "binance/funding_info.json"),
    ("binance.open_interest", "binance/open_interest.json"),
    ("binance.depth", "binance/depth.json"),
    ("bybit.instruments_info", "bybit/instruments_info_linear.json"),
    ("bybit.risk_limit", "bybit/risk_limit_BTCUSDT.json"),
    ("bybit.risk_limit", "bybit/risk_limit_inverse.json"),
    ("bybit.tickers", "bybit/tickers_BTCUSDT.json"),
    ("bybit.tickers", "bybit/tickers_inverse.json"),
    ("bybit.kline", "bybit/kline_BTCUSDT_60.json"),
    ("bybit.kline", "bybit/kline_inverse.json"),
    ("bybit.funding_history", "bybit/funding_history_BTCUSDT.json"),
    ("bybit.funding_history", "bybit/funding_history.json"),
    ("bybit.orderbook", "bybit/orderbook.json"),
    ("bybit.open_interest", "bybit/open_interest.json"),
    ("okx.instruments", "okx/instruments.json"),
    ("okx.instruments", "okx/instruments_2022.json"),
    ("okx.position_tiers", "okx/position_tiers_BTC-USDT.json"),
    ("okx.position_tiers", "okx/position_tiers_margin.json"),
    ("okx.mark_price", "okx/mark_price.json"),
    ("okx.mark_price", "okx/mark_price_BTC-USDT-SWAP.json"),
    ("okx.index_tickers", "okx/index_tickers_BTC-USDT.json"),
    ("okx.funding_rate", "okx/funding_rate.json"),
    ("okx.funding_rate", "okx/funding_rate_BTC-USDT-SWAP.json"),
    ("okx.funding_rate_history", "okx/funding_rate_history.json"),
    (
        "okx.funding_rate_history",
        "okx/funding_rate_history_BTC-USDT-SWAP.json",
    ),
    ("okx.candles", "okx/candles_BTC-USDT-SWAP_1H.json"),
    ("okx.candles", "okx/candles.json"),
    ("okx.open_interest", "okx/open_interest.json"),
    ("okx.open_interest_history", "okx/open_interest_history.json"),
    ("binance.open_interest_hist", "binance/open_interest_hist.json"),
    ("hyperliquid.recent_trades", "hyperliquid/recent_trades.json"),
    ("hyperliquid.leaderboard", "hyperliquid/leaderboard.json"),
    ("okx.books", "okx/books.json"),
    ("okx.trades", "okx/trades.json"),
    ("okx.mark_price_candles", "okx/mark_price_candles.json"),
    ("okx.liquidation_orders", "okx/liquidation_orders.json"),
    ("okx.long_short_account_ratio", "okx/long_short_account_ratio.json"),
    ("okx.time", "okx/time.json"),
    ("binance.mark_price_klines", "binance/mark_price_klines.json"),
    ("binance.agg_trades", "binance/agg_trades.json"),
    ("binance.long_short_ratio", "binance/long_short_ratio.json"),
    ("binance.time", "binance/time.json"),
    ("bybit.mark_price_kline", "bybit/mark_price_kline.json"),
    ("bybit.recent_trade", "bybit/recent_trade.json"),
    ("bybit.account_ratio", "bybit/account_ratio.json"),
    ("bybit.time", "bybit/time.json"),
    ("dydx.perpetual_markets", "dydx/perpetual_markets.json"),
    ("dydx.perpetual_markets", "dydx/perpetual_markets_BTC_2025-07-29.json"),
    ("dydx.candles", "dydx/candles_BTC-USD_1HOUR.json"),
    ("dydx.candles", "dydx/candles_BTC_1MIN_2025-07-29.json"),
    ("dydx.historical_funding", "dydx/historical_funding_BTC-USD.json"),
    ("dydx.historical_funding", "dydx/historical_funding_BTC_2025-07-29.json"),
    ("dydx.orderbook", "dydx/orderbook_BTC-USD.json"),
    ("dydx.trades", "dydx/trades_BTC-USD.json"),
    ("gmx.tickers", "gmx/tickers.json"),
    ("gmx.markets_info", "gmx/markets_info.json"),
    ("gmx.candles", "gmx/candles_BTC_1h.json"),
    ("kraken.instruments", "kraken/instruments.json"),
    ("kraken.tickers", "kraken/tickers.json"),
    ("kraken.candles", "kraken/candles_PF_XBTUSD_1h.json"),
    ("kraken.funding_rates", "kraken/funding_rates_PF_XBTUSD.json"),
    ("kraken.orderbook", "kraken/orderbook.json"),
    ("kraken.history", "kraken/history.json"),
    ("deribit.volatility_index", "deribit/volatility_index.json"),
    ("deribit.volatility_index", "deribit/volatility_index_2020.json"),
    ("deribit.book_summary", "deribit/book_summary.json"),
    ("hyperliquid.meta", "hyperliquid/meta_2023.json"),
    (
        "hyperliquid.meta_and_asset_ctxs",
        "hyperliquid/meta_and_asset_ctxs.json",
    ),
    ("hyperliquid.candle_snapshot", "hyperliquid/candle_snapshot_BTC_1h.json"),
    ("hyperliquid.candle_snapshot", "hyperliquid/candle_snapshot_kPEPE.json"),
    ("hyperliquid.funding_history", "hyperliquid/funding_history_BTC.json"),
    ("hyperliquid.funding_history", "hyperliquid/funding_history_2023.json"),
    ("hyperliquid.l2_book", "hyperliquid/l2_book_DYDX.json"),
    (
        "hyperliquid.clearinghouse_state",
        "hyperliquid/clearinghouse_state_2023.json",
    ),
];

#[test]
fn every_recorded_answer_is_read() {
    for (source, path) in FIXTURES {
        let answer = read(source, path);
        let filled = [
            "listings",
            "tiers",
            "quotes",
            "candles",
            "funding",
            "open_interest",
            "book",
            "account",
            "addresses",
            "trades",
            "liquidations",
            "long_share",
            "volatility_index",
            "options",
            "pools",
            "venue_time",
        ]
        .iter()
        .any(|k| !answer[*k].is_null());
        assert!(filled, "{source} {path} gave nothing: {answer}");
    }
}

#[test]
fn candles_keep_every_figure_and_come_oldest_first() {
    let raw_rows = raw("bybit/kline_BTCUSDT_60.json")["result"]["list"]
        .as_array()
        .unwrap()
        .clone();
    let got = read("bybit.kline", "bybit/kline_BTCUSDT_60.json")["candles"].clone();
    assert_eq!(got["interval"], "1h");
    let rows = got["rows"].as_array().unwrap();
    assert_eq!(rows.len(), raw_rows.len());
    for (r, w) in rows.iter().zip(raw_rows.iter().rev()) {
        for k in 0..6 {
            assert_eq!(number(&r[k]), number(&w[k]));
        }
    }
    let hl = read("hyperliquid.candle_snapshot", "hyperliquid/candle_snapshot_kPEPE.json")["candles"].clone();
    let first = &raw("hyperliquid/candle_snapshot_kPEPE.json")[0];
    for (k, name) in ["t", "o", "h", "l", "c", "v"].iter().enumerate() {
        assert_eq!(number(&hl["rows"][0][k]), number(&first[*name]), "{name}");
    }
    assert_eq!(
        read("binance.klines", "binance/klines_1d.json")["candles"]["interval"],
        "1d"
    );
}

#[test]
fn quotes_tiers_and_funding_are_what_the_venue_wrote() {
    let q = read("binance.premium_index", "binance/premium_index_BTCUSDT_2023.json")["quotes"][0].clone();
    assert_eq!(
        (
            q["mark_price"].as_f64(),
            q["index_price"].as_f64(),
            q["funding_rate"].as_f64()
        ),
        (Some(26780.82240476), Some(26798.25197802), Some(0.00001226))
    );
    let q = read("bybit.tickers", "bybit/tickers_inverse.json")["quotes"][0].clone();
    assert_eq!(
        (
            q["symbol"].as_str(),
            q["mark_price"].as_f64(),
            q["funding_rate"].as_f64()
        ),
        (Some("BTCUSD"), Some(16596.0), Some(-0.001034))
    );
    // Percent and fraction: the documented inverse example says "0.5" and means half a percent.
    let t = read("bybit.risk_limit", "bybit/risk_limit_inverse.json")["tiers"][0]["tiers"][0].clone();
    assert_eq!(
        (t["maintenance_margin_rate"].as_f64(), t["cap"].as_f64()),
        (Some(0.005), Some(150.0))
    );
    let t = read("bybit.risk_limit", "bybit/risk_limit_BTCUSDT.json")["tiers"][0]["tiers"].clone();
    assert_eq!(
        (
            t[1]["floor"].as_f64(),
            t[1]["maintenance_margin_rate"].as_f64(),
            t[1]["maintenance_amount"].as_f64()
        ),
        (Some(2e6), Some(0.0056), Some(1200.0))
    );
    let q = read("okx.funding_rate", "okx/funding_rate.json")["quotes"][0].clone();
    assert_eq!(
        (
            q["funding_rate"].as_f64(),
            q["funding_interval_hours"].as_f64(),
            q["funding_cap"].as_f64()
        ),
        (Some(0.000079238688534), Some(8.0), Some(0.00375))
    );
    // Charged rates, oldest first, not the predicted ones.
    let f = read("okx.funding_rate_history", "okx/funding_rate_history.json")["funding"].clone();
    assert_eq!(
        f,
        json!([
            [1703030400000.0, 0.0002279755647389],
            [1703059200000.0, 0.0000746572360545]
        ])
    );
    let l = read("okx.instruments", "okx/instruments_2022.json")["listings"][0].clone();
    assert_eq!(
        (
            l["symbol"].as_str(),
            l["instrument"]["kind"].as_str(),
            l["instrument"]["contract_size"].as_f64(),
            l["settle"].as_str()
        ),
        (Some("BTC-USD-SWAP"), Some("inverse"), Some(100.0), Some("BTC"))
    );
    let hl = read(
        "hyperliquid.meta_and_asset_ctxs",
        "hyperliquid/meta_and_asset_ctxs.json",
    );
    let names: Vec<&str> = hl["listings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l["symbol"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["BTC", "ETH", "ATOM"]);
    assert_eq!(
        hl["listings"][0]["instrument"]["tiers"][1],
        json!({"floor": 150e6, "cap": null, "maintenance_margin_rate": 0.025, "max_leverage": 20.0})
    );
    assert_eq!(
        hl["listings"][2]["instrument"]["tiers"][0]["maintenance_margin_rate"],
        0.1
    );
    assert_eq!(
        (
            hl["quotes"][2]["symbol"].as_str(),
            hl["quotes"][0]["mark_price"].as_f64()
        ),
        (Some("ATOM"), Some(66945.0))
    );
    let info = read("binance.exchange_info", "binance/exchange_info.json");
    assert_eq!(
        info["listings"].as_array().unwrap().len(),
        raw("binance/exchange_info.json")["symbols"].as_array().unwrap().len()
    );
    assert_eq!(
        (
            info["listings"][0]["instrument"]["tick_size"].as_f64(),
            info["listings"][0]["lot_size"].as_f64()
        ),
        (Some(0.1), Some(0.001))
    );
}

#[test]
fn a_wallet_becomes_an_account_whose_liquidation_price_is_the_printed_one() {
    // The shape of clearinghouseState with the figures of a recorded HYPE short (vector hl-cross-hype-short).
    let body = json!({"crossMarginSummary": {"accountValue": "49.589238"}, "crossMaintenanceMarginUsed": "8.378175", "time": 1757000000000i64, "assetPositions": [
        {"type": "oneWay", "position": {"coin": "HYPE", "szi": "-1.95", "entryPx": "25.578", "positionValue": "50.26905", "maxLeverage": 3, "leverage": {"type": "cross", "value": 1}}},
        {"type": "oneWay", "position": {"coin": "BTC", "szi": "0.06075", "entryPx": "83985.7", "positionValue": "5101.4205", "maxLeverage": 40, "leverage": {"type": "isolated", "value": 4, "rawUsd": "-3828.81778"}}}]});
    let answer = ask("hyperliquid.clearinghouse_state", &body);
    assert!(answer["notes"][0].as_str().unwrap().contains("isolated"));
    let answer: Value = serde_json::from_str(&evaluate_json(
        &json!({"op": "liquidation", "account": answer["account"]}).to_string(),
        &mut |_| {},
    ))
    .unwrap();
    assert!(
        (answer["positions"][0]["liquidation_price"].as_f64().unwrap() - 43.89375297).abs() < 2e-6,
        "{answer}"
    );
    // A position of a protocol vault whose list is trimmed: the rest of the maintenance margin still counts (hl-cross-hlp-dydx).
    let vault = json!({"crossMarginSummary": {"accountValue": "3173167.351586"}, "crossMaintenanceMarginUsed": "37350.071885", "assetPositions": [
        {"type": "oneWay", "position": {"coin": "DYDX", "szi": "-303109.2", "entryPx": "0.13724", "positionValue": "38534.272596", "maxLeverage": 50, "leverage": {"type": "cross", "value": 20}}}]});
    let vault = ask("hyperliquid.clearinghouse_state", &vault)["account"].clone();
    let priced: Value = serde_json::from_str(&evaluate_json(
        &json!({"op": "liquidation", "account": vault}).to_string(),
        &mut |_| {},
    ))
    .unwrap();
    assert!(
        (priced["positions"][0]["liquidation_price"].as_f64().unwrap() - 10.3702027403).abs() < 2e-8,
        "{priced}"
    );
    // Margin taken out against a profit: 1 ETH from 2,000, now 3,000, raw -2,700 leaves equity 300; liquidated at 2700/0.98.
    let profit = json!({"crossMarginSummary": {"accountValue": "0"}, "assetPositions": [{"type": "oneWay", "position": {"coin": "ETH", "szi": "1", "entryPx": "2000",
        "positionValue": "3000", "maxLeverage": 25, "leverage": {"type": "isolated", "value": 10, "rawUsd": "-2700"}}}]});
    let profit = ask("hyperliquid.clearinghouse_state", &profit)["account"].clone();
    let priced: Value = serde_json::from_str(&evaluate_json(
        &json!({"op": "liquidation", "account": profit}).to_string(),
        &mut |_| {},
    ))
    .unwrap();
    assert!(
        (priced["positions"][0]["liquidation_price"].as_f64().unwrap() - 2700.0 / 0.98).abs() < 1e-6,
        "{priced}"
    );
    assert_eq!(priced["positions"][0]["equity"], 300.0);
    // A wallet of isolated positions only.
    let mut alone = body.clone();
    alone["assetPositions"].as_array_mut().unwrap().remove(0);
    let account = ask("hyperliquid.clearinghouse_state", &alone)["account"].clone();
    let answer: Value = serde_json::from_str(&evaluate_json(
        &json!({"op": "liquidation", "account": account}).to_string(),
        &mut |_| {},
    ))
    .unwrap();
    assert!(
        (answer["positions"][0]["liquidation_price"].as_f64().unwrap() - 63823.6021044955).abs() < 2e-4,
        "{answer}"
    );
}

#[test]
fn open_interest_of_the_past_and_wallets_are_what_the_venue_wrote() {
    let past = read("binance.open_interest_hist", "binance/open_interest_hist.json");
    for (row, told) in raw("binance/open_interest_hist.json")
        .as_array()
        .unwrap()
        .iter()
        .zip(past["open_interest"].as_array().unwrap())
    {
        assert_eq!(row["timestamp"], told[0].as_f64().unwrap() as i64);
        assert_eq!(number(&row["sumOpenInterest"]), told[1].as_f64().unwrap());
    }
    // Newest first on the wire, oldest first here; coins, not contracts.
    let okx = read("okx.open_interest_history", "okx/open_interest_history.json");
    assert_eq!(
        okx["open_interest"],
        json!([
            [1_772_312_400_000.0, 31250.5],
            [1_772_316_000_000.0, 31310.25],
            [1_772_319_600_000.0, 31290.0]
        ])
    );
    let trades = read("hyperliquid.recent_trades", "hyperliquid/recent_trades.json");
    assert_eq!(trades["addresses"].as_array().unwrap().len(), 3);
    let leaders = read("hyperliquid.leaderboard", "hyperliquid/leaderboard.json");
    assert!(
        leaders["addresses"][0].as_str().unwrap().ends_with("02"),
        "the largest first: {leaders}"
    );
    let held = read(
        "hyperliquid.clearinghouse_state",
        "hyperliquid/clearinghouse_state_2023.json",
    );
    let rows = raw("hyperliquid/clearinghouse_state_2023.json")["assetPositions"].clone();
    let open: Vec<&Value> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|r| &r["position"])
        .filter(|p| number(&p["szi"]) != 0.0)
        .collect();
    assert_eq!(held["held"].as_array().unwrap().len(), open.len());
    for (told, printed) in held["held"].as_array().unwrap().iter().zip(open) {
        assert_eq!(told["symbol"], printed["coin"]);
        assert_eq!(told["size"].as_f64().unwrap(), number(&printed["szi"]).abs());
        assert_eq!(
            told["side"],
            if number(&printed["szi"]) > 0.0 { "long" } else { "short" }
        );
        match &printed["liquidationPx"] {
            Value::Null => assert!(told["liquidation_price"].is_null()),
            p => assert_eq!(told["liquidation_price"].as_f64().unwrap(), number(p)),
        }
    }
    let bad = ask(
        "hyperliquid.recent_trades",
        &json!([{"side": "A", "px": "1", "sz": "1", "time": 1_772_320_000_000_u64, "users": ["0x12", "0x34"]}]),
    );
    assert_eq!(bad["error"]["field"], "body[0].users[0]");
}

#[test]
fn books_are_ordered_and_their_faults_told() {
    let b = read("binance.depth", "binance/depth.json")["book"].clone();
    let (bids, asks) = (b["bids"].as_array().unwrap(), b["asks"].as_array().unwrap());
    assert!(bids.windows(2).all(|w| number(&w[0][0]) > number(&w[1][0])));
    assert!(asks.windows(2).all(|w| number(&w[0][0]) < number(&w[1][0])));
    let crossed = ask("binance.depth", &json!({"bids": [["10", "1"]], "asks": [["9", "1"]]}));
    assert!(crossed["notes"][0].as_str().unwrap().contains("crossed"));
    let empty = ask("binance.depth", &json!({"bids": [], "asks": []}));
    assert!(empty["notes"][0].as_str().unwrap().contains("empty"));
}

#[test]
fn broken_answers_give_errors_that_say_which_field() {
    let field = |source: &str, body: Value| {
        let a = ask(source, &body);
        assert!(!a["error"].is_null(), "{source} accepted {body}: {a}");
        (
            a["error"]["field"].as_str().unwrap().to_owned(),
            a["error"]["message"].as_str().unwrap().to_owned(),
        )
    };
    for (source, _) in FIXTURES {
        assert_eq!(field(source, json!("<html><body>403</body></html>")).0, "body");
        assert_eq!(field(source, json!("")).0, "body");
        assert_eq!(field(source, Value::Null).0, "body");
        field(source, json!({"unexpected": true}));
        field(source, json!(12));
    }
    for (source, path) in FIXTURES {
        let text = fixture(path);
        let cut = &text[..text.floor_char_boundary(text.len() * 2 / 3)];
        assert!(field(source, json!(cut)).1.contains("cut short"), "{path}");
    }
    let premium = |key: &str, value: Value| {
        let mut body = raw("binance/premium_index_BTCUSDT.json");
        if value.is_null() {
            body.as_object_mut().unwrap().remove(key);
        } else {
            body[key] = value;
        }
        field("binance.premium_index", body).0
    };
    assert_eq!(premium("markPrice", Value::Null), "body.markPrice");
    assert_eq!(premium("markPrice", json!("sixty")), "body.markPrice");
    assert_eq!(premium("markPrice", json!("NaN")), "body.markPrice");
    assert_eq!(premium("markPrice", json!(-1)), "body.markPrice");
    assert_eq!(premium("lastFundingRate", json!(7)), "body.lastFundingRate");
    assert_eq!(premium("time", json!(5)), "body.time");
    assert_eq!(
        field("binance.klines", json!([[1772319600000i64, "10", "9", "8", "9", "1"]])).0,
        "body[0]"
    );
    assert_eq!(field("binance.klines", json!([])).0, "body");
    assert_eq!(
        field("bybit.kline", json!({"retCode": 10006, "retMsg": "Too many visits!"})).1,
        "Bybit answered 10006: Too many visits!"
    );
    assert_eq!(
        field(
            "okx.candles",
            json!({"code": "51001", "msg": "Instrument ID does not exist", "data": []})
        )
        .1,
        "OKX answered 51001: Instrument ID does not exist"
    );
    assert_eq!(
        field("binance.klines", json!({"code": -1121, "msg": "Invalid symbol."})).1,
        "Binance answered -1121: Invalid symbol."
    );
    assert_eq!(field("bybit.risk_limit", json!({"retCode": 0, "result": {"list": [{"symbol": "X", "riskLimitValue": "1", "maintenanceMargin": "0.5", "initialMargin": "0.7", "maxLeverage": "20"}]}})).0, "body.result.list[0]");
    assert_eq!(field("nowhere.klines", json!([])).0, "source");
}

#[test]
fn every_listed_source_has_a_recorded_answer() {
    let described: Value = serde_json::from_str(&evaluate_json(r#"{"op":"describe"}"#, &mut |_| {})).unwrap();
    // Read with the symbol in question, or in a test of their own.
    let elsewhere = ["gmx.positions", "gmx.liquidations", "hyperliquid.all_perp_metas"];
    for source in described["sources"].as_array().unwrap() {
        let source = source.as_str().unwrap();
        let stream = source.ends_with(".stream");
        let seen = stream || elsewhere.contains(&source) || FIXTURES.iter().any(|f| f.0 == source);
        assert!(seen, "no recorded answer of {source}");
    }
}

#[test]
fn dydx_is_read_by_its_own_numbers() {
    let markets = read("dydx.perpetual_markets", "dydx/perpetual_markets.json");
    let wire = raw("dydx/perpetual_markets.json")["markets"].clone();
    // A market that is being settled is left out, and said.
    assert_eq!(markets["listings"].as_array().unwrap().len(), 2);
    assert!(markets["notes"][0].as_str().unwrap().contains("1 markets"));
    for (listing, quote) in markets["listings"]
        .as_array()
        .unwrap()
        .iter()
        .zip(markets["quotes"].as_array().unwrap())
    {
        let w = &wire[listing["symbol"].as_str().unwrap()];
        let tier = &listing["instrument"]["tiers"][0];
        assert_eq!(
            tier["maintenance_margin_rate"].as_f64().unwrap(),
            number(&w["maintenanceMarginFraction"])
        );
        assert_eq!(
            tier["max_leverage"].as_f64().unwrap(),
            1.0 / number(&w["initialMarginFraction"])
        );
        assert_eq!(quote["mark_price"].as_f64().unwrap(), number(&w["oraclePrice"]));
        assert_eq!(quote["funding_rate"].as_f64().unwrap(), number(&w["nextFundingRate"]));
        assert_eq!(quote["open_interest"].as_f64().unwrap(), number(&w["openInterest"]));
    }
    // 6 x (2 % - 1.2 %) in eight hours, an eighth of it in one.
    assert!((markets["quotes"][0]["funding_cap"].as_f64().unwrap() - 0.006).abs() < 1e-15);
    let funding = read("dydx.historical_funding", "dydx/historical_funding_BTC_2025-07-29.json");
    // 2025-07-29T05:00:01.053Z, by Python's datetime.
    assert_eq!(funding["funding"], json!([[1_753_765_201_053.0, 0.000176]]));
    let candle = read("dydx.candles", "dydx/candles_BTC_1MIN_2025-07-29.json");
    assert_eq!(candle["candles"]["interval"], "1m");
    assert_eq!(
        candle["candles"]["rows"][0],
        json!([1_753_767_960_000.0, 118810.0, 118810.0, 118810.0, 118810.0, 0.0])
    );
    assert_eq!(candle["open_interest"], json!([[1_753_767_960_000.0, 59.0763]]));
    let trades = read("dydx.trades", "dydx/trades_BTC-USD.json");
    // A liquidation sold: a long was closed.
    assert_eq!(
        trades["liquidations"],
        json!([[1_772_323_187_542.0, "long", 66939.0, 0.0004]])
    );
    assert_eq!(trades["trades"].as_array().unwrap().len(), 2);
}

#[test]
fn gmx_is_read_in_dollars_and_by_the_hour() {
    let prices = read("gmx.tickers", "gmx/tickers.json");
    assert!(prices["notes"][0].as_str().unwrap().contains("1 tokens"));
    let mark = |i: usize| prices["quotes"][i]["mark_price"].as_f64().unwrap();
    for (i, expected) in [66938.55, 1964.2, 132.725].into_iter().enumerate() {
        assert!((mark(i) / expected - 1.0).abs() < 1e-12, "{prices}");
    }
    let pools = read("gmx.markets_info", "gmx/markets_info.json");
    // Swaps alone are no market; the larger of two markets of a coin comes first.
    let names: Vec<&str> = pools["pools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["BTC/USD [WBTC.b-USDC]", "BTC/USD [tBTC-tBTC]", "ETH/USD [ETH-USDC]"]
    );
    let eth = &pools["pools"][2];
    assert!((eth["open_interest"][0].as_f64().unwrap() / 11_309_081.603542443 - 1.0).abs() < 1e-12);
    // The recorded answer's own identity: net = funding + borrowing, a year; what longs pay, shorts get by the ratio of interest.
    let rate = |k: &str, i: usize| eth[k][i].as_f64().unwrap();
    assert!((rate("funding_rate", 1) + rate("borrow_rate", 1) - 0.067_832_071_146_453_18).abs() < 1e-15);
    let interest = |i: usize| eth["open_interest"][i].as_f64().unwrap();
    assert!((rate("funding_rate", 0) * interest(0) + rate("funding_rate", 1) * interest(1)).abs() < 1e-3);
    let quote = pools["quotes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|q| q["symbol"] == "ETH-USD")
        .unwrap();
    assert!((quote["funding_rate"].as_f64().unwrap() * 8760.0 - 0.010050793601353912).abs() < 1e-15);
    assert_eq!(pools["quotes"].as_array().unwrap().len(), 2);
    let candles = read("gmx.candles", "gmx/candles_BTC_1h.json")["candles"].clone();
    let wire = raw("gmx/candles_BTC_1h.json")["candles"].as_array().unwrap().clone();
    assert_eq!(
        candles["rows"][0][0].as_f64().unwrap(),
        wire.last().unwrap()[0].as_f64().unwrap() * 1000.0
    );
    assert_eq!(candles["rows"][0][4], wire.last().unwrap()[4]);
    let refused = ask("gmx.positions", &raw("gmx/error.json"));
    assert!(refused["error"]["message"].as_str().is_some(), "{refused}");
}

/// The indexer prints no liquidation price: ours is the rule's own, asked position by position through the other operation.
#[test]
fn gmx_wallets_stand_where_the_rule_puts_them() {
    let body = raw("gmx/positions_BTC.json");
    let answer: Value = serde_json::from_str(&evaluate_json(
        &json!({"op": "normalize", "source": "gmx.positions", "symbol": "BTC-USD", "body": body}).to_string(),
        &mut |_| {},
    ))
    .unwrap();
    let wallets = answer["wallets"].as_array().unwrap();
    // One on ARB is left out, and said.
    assert_eq!(wallets.len(), 4, "{answer}");
    assert!(answer["notes"][0].as_str().unwrap().starts_with("1 positions"));
    let rows = body["data"]["positions"].as_array().unwrap();
    for (w, r) in wallets.iter().zip(rows) {
        let units = |k: &str, d: i32| number(&r[k]) / 10f64.powi(d);
        let usdc = r["collateralToken"].as_str().unwrap().starts_with("0xaf88");
        let collateral = if usdc {
            json!({"token": "stable", "amount": units("collateralAmount", 6), "price": 1})
        } else {
            json!({"token": "index", "amount": units("collateralAmount", 8), "price": 66940})
        };
        let asked = json!({"op": "liquidation", "account": {"venue": "gmx", "margin_mode": "isolated", "positions": [{
            "symbol": "BTC-USD", "side": if r["isLong"] == true { "long" } else { "short" }, "size": units("sizeInTokens", 8),
            "size_usd": units("sizeInUsd", 30), "mark_price": 66940, "collateral": collateral, "accrued_fees": units("unrealizedFees", 30)}]}});
        let told: Value = serde_json::from_str(&evaluate_json(&asked.to_string(), &mut |_| {})).unwrap();
        match told["positions"][0]["liquidation_price"].as_f64() {
            Some(p) => assert!(
                (w["liquidation_price"].as_f64().unwrap() / p - 1.0).abs() < 1e-12,
                "{w} {told}"
            ),
            None => assert_eq!(w["liquidation_price"], 0.0, "{told}"),
        }
    }
    let l: Value = serde_json::from_str(&evaluate_json(
        &json!({"op": "normalize", "source": "gmx.liquidations", "symbol": "BTC-USD", "body": raw("gmx/liquidations_BTC.json")}).to_string(),
        &mut |_| {},
    ))
    .unwrap();
    assert_eq!(l["liquidations"][0][1], "long");
    assert!((l["liquidations"][0][3].as_f64().unwrap() - 50_000.0 / 66_800.0).abs() < 1e-12);
}

#[test]
fn kraken_and_deribit_are_read_by_their_own_numbers() {
    let list = read("kraken.instruments", "kraken/instruments.json");
    assert_eq!(list["listings"].as_array().unwrap().len(), 1);
    let l = &list["listings"][0];
    assert_eq!((l["base"].as_str(), l["lot_size"].as_f64()), (Some("BTC"), Some(1e-4)));
    // Levels in order, whatever order they came in.
    assert_eq!(
        l["instrument"]["tiers"][1],
        json!({"floor": 1e6, "cap": 3e6, "maintenance_margin_rate": 0.01, "maintenance_amount": 0.0, "max_leverage": 50.0})
    );
    let q = read("kraken.tickers", "kraken/tickers.json")["quotes"].clone();
    assert_eq!(q[0]["funding_rate"], 0.000018166270833333);
    // Without the relative rate: dollars an hour over the index.
    assert_eq!(q[1]["funding_rate"].as_f64().unwrap(), 0.00982 / 1964.0);
    assert_eq!(q.as_array().unwrap().len(), 2);
    let book = read("kraken.orderbook", "kraken/orderbook.json")["book"].clone();
    assert_eq!(
        (&book["bids"][0][0], &book["asks"][0][0]),
        (&json!(66937.0), &json!(66939.0))
    );
    assert_eq!(
        read("kraken.history", "kraken/history.json")["liquidations"],
        json!([[1_772_323_198_100.0, "long", 66935.0, 0.25]])
    );
    let refused = ask("kraken.tickers", &raw("kraken/error.json"));
    assert!(
        refused["error"]["message"]
            .as_str()
            .unwrap()
            .contains("Argument invalid")
    );
    assert_eq!(
        read("deribit.volatility_index", "deribit/volatility_index.json")["volatility_index"],
        json!([
            [1_772_316_000_000.0, 51.93 / 100.0],
            [1_772_319_600_000.0, 51.35 / 100.0]
        ])
    );
    // In 2020 the index was told as a fraction.
    assert_eq!(
        read("deribit.volatility_index", "deribit/volatility_index_2020.json")["volatility_index"][0][1],
        0.212860821
    );
    let o = read("deribit.book_summary", "deribit/book_summary.json")["options"].clone();
    assert_eq!(o.as_array().unwrap().len(), 2);
    // 2025-01-31T08:00Z, by Python's datetime.
    assert_eq!(
        o[0],
        json!({"symbol": "BTC-31JAN25-92000-P", "asset": "BTC", "expiry": 1_738_310_400_000.0, "strike": 92000.0, "call": false,
            "implied_volatility": 60.13 / 100.0, "underlying": 99067.37})
    );
    let refused = ask("deribit.volatility_index", &raw("deribit/error.json"));
    assert!(
        refused["error"]["message"]
            .as_str()
            .unwrap()
            .contains("too_many_requests")
    );
}

#[test]
fn ratios_trades_and_liquidations_are_what_the_venue_wrote() {
    assert_eq!(
        read("binance.long_short_ratio", "binance/long_short_ratio.json")["long_share"][1],
        json!([1_785_675_600_000.0, 0.6575])
    );
    assert_eq!(
        read("bybit.account_ratio", "bybit/account_ratio.json")["long_share"][0],
        json!([1_789_460_100_000.0, 0.6783])
    );
    // A quarter as many long as short: a fifth.
    assert_eq!(
        read("okx.long_short_account_ratio", "okx/long_short_account_ratio.json")["long_share"][0],
        json!([1_701_417_600_000.0, 0.2])
    );
    assert_eq!(
        read("binance.agg_trades", "binance/agg_trades.json")["trades"],
        json!([
            [1_753_608_340_535.0, "short", 117881.2, 0.018],
            [1_753_608_340_550.0, "long", 117881.3, 0.001]
        ])
    );
    assert_eq!(
        read("bybit.recent_trade", "bybit/recent_trade.json")["trades"][0][1],
        "short"
    );
    assert_eq!(
        read("okx.liquidation_orders", "okx/liquidation_orders.json")["liquidations"],
        json!([
            [1_772_310_000_771.0, "short", 67155.7, 1.5],
            [1_772_320_000_771.0, "long", 66655.7, 8.55]
        ])
    );
    assert_eq!(read("bybit.time", "bybit/time.json")["venue_time"], 1_772_323_203_000.0);
}
