//! Streams: each venue's messages to our words, books by their sequence, and connections that misbehave.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by stopping")]

use headroom_core::evaluate_json;
use headroom_core::market::{Book, Venue};
use headroom_core::units::Side;
use headroom_core::venue::stream::Reader;
use serde_json::{Value, json};

fn frames(name: &str) -> Vec<String> {
    let path = format!("{}/tests/fixtures/streams/{name}.ndjson", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

fn reader(venue: Venue, frames: &[String]) -> (Reader, headroom_core::venue::stream::Taken) {
    let mut r = Reader::new(venue);
    let taken = r.take(frames.iter().map(String::as_str));
    (r, taken)
}

/// Every venue's messages: prices, rates, liquidations, books, each against the number written in the message.
#[test]
fn messages_of_every_venue_are_read() {
    for (venue, name, mark, rate, liquidation) in [
        (
            Venue::Binance,
            "binance",
            Some(84551.10762319),
            Some(0.00000801),
            Some((Side::Long, 82651.9, 0.19)),
        ),
        (
            Venue::Bybit,
            "bybit",
            Some(63562.30),
            Some(0.00005013),
            Some((Side::Long, 82396.9, 0.006)),
        ),
        (
            Venue::Okx,
            "okx",
            Some(83679.8),
            Some(0.0000263463215391),
            Some((Side::Long, 82655.7, 8.55)),
        ),
        (
            Venue::Hyperliquid,
            "hyperliquid",
            Some(80454.0),
            Some(0.0000078567),
            None,
        ),
        (
            Venue::Dydx,
            "dydx",
            Some(27760.5),
            Some(0.00006821875),
            Some((Side::Short, 27839.0, 0.000100431)),
        ),
        (
            Venue::Kraken,
            "kraken",
            Some(84004.11362574516),
            Some(0.00001089345),
            Some((Side::Long, 84000.0, 0.02)),
        ),
    ] {
        let (_, t) = reader(venue, &frames(name));
        assert_eq!((t.unread, t.faults.len()), (0, 0), "{venue}: {:?}", t.faults);
        let q = t.quotes.iter().find(|q| q.mark_price.is_some()).unwrap();
        assert_eq!((q.mark_price, q.funding_rate), (mark, rate), "{venue}");
        let l = t.liquidations.first().map(|l| (l.side, l.price, l.size));
        assert_eq!(l, liquidation, "{venue}");
        assert!(t.resync.is_empty(), "{venue}: {:?}", t.resync);
        // The same through the door, as lines.
        let answer: Value = serde_json::from_str(&evaluate_json(
            &json!({"op": "normalize", "source": format!("{venue}.stream"), "body": frames(name).join("\n")})
                .to_string(),
            &mut |_| {},
        ))
        .unwrap();
        assert!(answer["error"].is_null(), "{answer}");
        let told = answer["quotes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|q| !q["mark_price"].is_null())
            .unwrap();
        assert_eq!(told["mark_price"].as_f64(), mark);
        assert_eq!(
            answer["liquidations"].as_array().map_or(0, Vec::len),
            t.liquidations.len()
        );
        if let Some((_, book)) = t.books.first() {
            assert_eq!(answer["book"], serde_json::to_value(book).unwrap(), "{venue}");
        }
    }
    assert_eq!(reader(Venue::Okx, &frames("okx")).1.refused.len(), 1);
    assert_eq!(reader(Venue::Dydx, &frames("dydx")).1.refused, ["Invalid channel: foo"]);
    assert_eq!(reader(Venue::Hyperliquid, &frames("hyperliquid")).1.traders.len(), 2);
}

#[test]
fn books_are_what_their_changes_make_them() {
    let book = |venue, name: &str| reader(venue, &frames(name)).1.books[0].1.clone();
    assert_eq!(book(Venue::Bybit, "bybit").bids, [(82642.8, 1.034)]);
    assert_eq!(book(Venue::Bybit, "bybit").asks, [(82643.5, 5.959), (82643.6, 0.32)]);
    assert_eq!(book(Venue::Okx, "okx").bids, [(83679.8, 46.7)]);
    assert_eq!(book(Venue::Okx, "okx").asks, [(83680.1, 60.4), (83680.2, 83.8)]);
    assert_eq!(
        book(Venue::Dydx, "dydx"),
        Book {
            bids: vec![(27770.0, 6.645)],
            asks: vec![(27781.0, 0.645)]
        }
    );
    assert_eq!(book(Venue::Kraken, "kraken").asks, [(84003.0, 2.5)]);
    assert_eq!(book(Venue::Hyperliquid, "hyperliquid").bids[0], (80459.0, 1.7));
}

/// Binance sends changes alone: the book begins with the list asked for meanwhile (its own rules of July 2026).
#[test]
fn a_list_and_the_changes_after_it_join() {
    let all = frames("binance_depth");
    let start = || Book {
        bids: vec![(84551.0, 2.0), (84550.0, 1.0)],
        asks: vec![(84551.1, 5.0)],
    };
    for (number, expected) in [(95.0, true), (100.0, true), (105.0, true), (120.0, true), (60.0, false)] {
        let (mut r, before) = reader(Venue::Binance, &all);
        assert_eq!(
            (before.resync.as_slice(), before.books.len()),
            (["BTCUSDT".to_owned()].as_slice(), 0)
        );
        assert_eq!(r.begin("BTCUSDT", start(), number), expected, "{number}");
        let after = r.take([]);
        if !expected {
            // The next change asks for the list again.
            assert_eq!(r.take([all[2].as_str()]).resync, ["BTCUSDT"]);
        }
        if expected && number < 110.0 {
            let b = &after.books[0].1;
            assert_eq!(b.bids, [(84550.9, 2.5), (84550.0, 1.0)], "{number}");
            assert_eq!(b.asks.last(), Some(&(84551.2, 1.5)), "{number}");
        }
    }
}

#[test]
fn a_missing_change_loses_the_book_and_says_so() {
    for (venue, name, cut) in [
        (Venue::Bybit, "bybit", "33344278"),
        (Venue::Okx, "okx", "32032594315"),
        (Venue::Kraken, "kraken", "\"seq\":11"),
    ] {
        let mut all = frames(name);
        // Twice the last change with a number further on: one between is missing.
        let last = all.iter().rposition(|f| f.contains("book") && f.contains(cut)).unwrap();
        let jumped = all[last]
            .replace("33344278", "33344280")
            .replace("32032594315", "32032599999")
            .replace("\"seq\":11", "\"seq\":15");
        all.push(jumped);
        let (mut r, t) = reader(venue, &all);
        assert_eq!(t.resync.len(), 1, "{venue}: {t:?}");
        assert!(t.books.is_empty(), "a book that is not known is not told: {venue}");
        // Told anew, it is whole again.
        let whole = all
            .iter()
            .find(|f| f.contains("snapshot") && f.contains("book"))
            .unwrap();
        let again = r.take([whole.as_str()]);
        assert_eq!((again.resync.len(), again.books.len()), (0, 1), "{venue}");
    }
}

#[test]
fn numbered_messages_may_come_late_but_not_never() {
    let price = |n: u32| {
        format!(r#"{{"type":"channel_data","message_id":{n},"channel":"v4_markets","contents":{{"trading":{{}}}}}}"#)
    };
    let (mut r, _) = reader(Venue::Dydx, &frames("dydx"));
    // Number 8 comes after 9 and 10.
    let late: Vec<String> = [7, 9, 10, 8].into_iter().map(price).collect();
    assert!(r.take(late.iter().map(String::as_str)).resync.is_empty());
    let on: Vec<String> = (11..200).map(price).collect();
    assert!(r.take(on.iter().map(String::as_str)).resync.is_empty());
    // Number 200 never comes.
    let hole: Vec<String> = (201..302).map(price).collect();
    assert_eq!(r.take(hole.iter().map(String::as_str)).resync, ["BTC-USD"]);
}

/// Ten thousand in a minute, each twice and out of order: each counts once, oldest first.
#[test]
fn a_burst_of_liquidations_counts_each_once() {
    let message = |i: u64| {
        format!(
            r#"{{"topic":"allLiquidation.BTCUSDT","type":"snapshot","ts":1,"data":[{{"T":{},"s":"BTCUSDT","S":"Buy","v":"0.{:04}","p":"60000.5"}}]}}"#,
            1_791_565_600_000 + i * 6,
            i % 10_000
        )
    };
    let mut r = Reader::new(Venue::Bybit);
    let mut times = Vec::new();
    for k in 0..100 {
        // Batches of two hundred, shuffled by a fixed step.
        let mut batch: Vec<String> = (0..100).map(|j| message(k * 100 + (j * 37) % 100)).collect();
        batch.extend(batch.clone());
        let t = r.take(batch.iter().map(String::as_str));
        assert!(t.liquidations.windows(2).all(|w| w[0].time <= w[1].time));
        times.extend(t.liquidations.iter().map(|l| l.time));
    }
    assert_eq!(times.len(), 10_000);
    times.dedup();
    assert_eq!(times.len(), 10_000);
    // The whole burst again brings nothing new.
    let again: Vec<String> = (0..10_000).map(message).collect();
    assert!(r.take(again.iter().map(String::as_str)).liquidations.is_empty());
}

#[test]
fn hostile_messages_are_counted_and_stop_nothing() {
    let good = frames("binance");
    let nasty = [
        "",
        "<html>",
        "{",
        "[]",
        "null",
        "{\"e\":5}",
        "{\"stream\":\"x\",\"data\":{\"e\":\"markPriceUpdate\",\"E\":1,\"s\":\"BTCUSDT\",\"p\":\"NaN\"}}",
        "{\"e\":\"forceOrder\",\"o\":{\"s\":\"BTCUSDT\",\"S\":\"UP\",\"z\":\"1\",\"q\":\"1\",\"T\":1791565602120,\"ap\":\"1\",\"p\":\"1\"}}",
        "{\"e\":\"depthUpdate\",\"s\":\"BTCUSDT\",\"u\":-1,\"pu\":0,\"b\":[],\"a\":[]}",
    ];
    let mixed: Vec<&str> = nasty
        .iter()
        .copied()
        .chain(good.iter().map(String::as_str))
        .chain(nasty)
        .collect();
    let t = Reader::new(Venue::Binance).take(mixed);
    assert_eq!(t.unread, 2 * nasty.len(), "{:?}", t.faults);
    assert!(t.faults.len() <= 5);
    assert_eq!(t.quotes[0].mark_price, Some(84551.10762319));
    assert_eq!(t.liquidations.len(), 1);
    // Each field of each message broken in turn: never a panic, and what is not read is counted.
    for (venue, name) in [
        (Venue::Binance, "binance"),
        (Venue::Bybit, "bybit"),
        (Venue::Okx, "okx"),
        (Venue::Hyperliquid, "hyperliquid"),
        (Venue::Dydx, "dydx"),
        (Venue::Kraken, "kraken"),
    ] {
        for frame in frames(name) {
            for (i, _) in frame.char_indices().step_by(3) {
                let _ = Reader::new(venue).take([&frame[..i]]);
            }
            for (from, to) in [("\"", "7"), ("[", "{"), ("0", "x"), ("1", "-1"), (":", ":null,\"a\":")] {
                let _ =
                    Reader::new(venue).take([frame.replacen(from, to, 1).as_str(), frame.replace(from, to).as_str()]);
            }
        }
    }
}

/// News from before what is known changes nothing.
#[test]
fn older_quotes_do_not_replace_newer_ones() {
    let at = |time: u64, price: f64| {
        format!(r#"{{"e":"markPriceUpdate","E":{time},"s":"BTCUSDT","p":"{price}","i":"{price}","r":"0.0001","T":0}}"#)
    };
    let mut r = Reader::new(Venue::Binance);
    let t = r.take([
        at(1_790_526_539_000, 100.0).as_str(),
        at(1_790_526_538_000, 50.0).as_str(),
    ]);
    assert_eq!(t.quotes[0].mark_price, Some(100.0));
    assert!(r.take([at(1_790_526_538_500, 60.0).as_str()]).quotes.is_empty());
    assert_eq!(
        r.take([at(1_790_526_540_000, 70.0).as_str()]).quotes[0].mark_price,
        Some(70.0)
    );
}
