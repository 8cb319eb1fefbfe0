//! The library of past crashes and squeezes shipped with the page. `tools/make_events.py` packs it and tells the format.

use headroom_core::market::{Candles, FundingRow, Interval, Market};
use serde::Deserialize;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/js/net.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = fetchPacked)]
    async fn fetch_packed(url: &str, max_bytes: u32) -> Result<JsValue, JsValue>;
}

const MOST_BYTES: u32 = 2_000_000;

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Event {
    pub id: String,
    pub title: String,
    /// "crash" or "squeeze".
    pub kind: String,
    /// Open time of the worst bar.
    pub event: f64,
    pub note: String,
    pub series: Vec<Series>,
}

impl Event {
    pub(crate) fn name(&self) -> String {
        format!("{}-{}", self.id, self.kind)
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Series {
    pub symbol: String,
    pub venue: String,
    /// "perp" or "spot".
    pub market: String,
    pub interval: Interval,
    pub to: f64,
    pub missing_bars: usize,
    pub funding_rows: usize,
    /// Funding of the perpetual beside spot prices.
    pub funding_proxy: bool,
    pub file: String,
}

#[derive(Deserialize)]
struct Packed {
    step: f64,
    from: f64,
    tick: f64,
    rows: usize,
    gaps: Vec<(usize, f64)>,
    o: Vec<i64>,
    h: Vec<i64>,
    l: Vec<i64>,
    c: Vec<i64>,
    v: Vec<f64>,
    funding: Vec<FundingRow>,
}

async fn read<T: serde::de::DeserializeOwned>(path: &str) -> Result<T, String> {
    let unreadable = || format!("{path} could not be read.");
    let text = fetch_packed(&format!("data/events/{path}"), MOST_BYTES)
        .await
        .ok()
        .and_then(|t| t.as_string())
        .ok_or_else(unreadable)?;
    serde_json::from_str(&text).map_err(|_| unreadable())
}

pub(crate) async fn index() -> Result<Vec<Event>, String> {
    read("index.json").await
}

/// Candles and funding of one market.
pub(crate) async fn load(series: &Series) -> Result<Market, String> {
    unpack(read(&series.file).await?).ok_or_else(|| format!("{} is broken.", series.file))
}

fn unpack(p: Packed) -> Option<Market> {
    let n = p.rows;
    if [p.o.len(), p.h.len(), p.l.len(), p.c.len(), p.v.len()]
        .iter()
        .any(|len| *len != n)
        || n > 100_000
    {
        return None;
    }
    // One over the tick is a power of ten, and a division by it gives the nearest number to the decimal one.
    let scale = (1.0 / p.tick).round();
    let price = |ticks: i64| ticks as f64 / scale;
    let mut gaps = p.gaps.into_iter().peekable();
    let (mut time, mut close) = (p.from - p.step, 0i64);
    let mut rows = Vec::with_capacity(n);
    for k in 0..n {
        time += p.step * (1.0 + gaps.next_if(|g| g.0 == k).map_or(0.0, |g| g.1));
        let before = close;
        close += p.c[k];
        let open = p.o[k] + if k > 0 { before } else { close };
        let (high, low) = (open.max(close) + p.h[k], open.min(close) - p.l[k]);
        rows.push((time, price(open), price(high), price(low), price(close), p.v[k]));
    }
    Some(Market {
        candles: Some(Candles {
            interval: Interval::from_millis(p.step)?,
            rows,
        }),
        funding: (!p.funding.is_empty()).then_some(p.funding),
        ..Market::default()
    })
}

/// Bars of a longer step, as many as have any part.
pub(crate) fn longer(candles: &Candles, interval: Interval) -> Candles {
    let step = interval.millis();
    let mut rows: Vec<(f64, f64, f64, f64, f64, f64)> = Vec::new();
    for r in &candles.rows {
        let time = r.0 - r.0 % step;
        match rows.last_mut().filter(|b| b.0 == time) {
            Some(b) => (b.2, b.3, b.4, b.5) = (b.2.max(r.2), b.3.min(r.3), r.4, b.5 + r.5),
            None => rows.push((time, r.1, r.2, r.3, r.4, r.5)),
        }
    }
    Candles { interval, rows }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test(unsupported = test)]
    fn packed_bars_come_out_as_they_went_in() {
        let p: Packed = serde_json::from_str(
            r#"{"step":60000,"from":600000,"tick":0.01,"rows":3,"gaps":[[2,4]],"o":[-5,1,0],"h":[2,0,3],"l":[0,7,1],"c":[10005,-5,10],"v":[1,2.5,0],"funding":[]}"#,
        )
        .unwrap();
        let rows = unpack(p).unwrap().candles.unwrap().rows;
        assert_eq!(rows[0], (600_000.0, 100.0, 100.07, 100.0, 100.05, 1.0));
        assert_eq!(rows[1], (660_000.0, 100.06, 100.06, 99.93, 100.0, 2.5));
        assert_eq!(rows[2], (960_000.0, 100.0, 100.13, 99.99, 100.1, 0.0));
        let five = longer(
            &Candles {
                interval: Interval::M1,
                rows,
            },
            Interval::M5,
        );
        assert_eq!(
            five.rows,
            vec![
                (600_000.0, 100.0, 100.07, 99.93, 100.0, 3.5),
                (900_000.0, 100.0, 100.13, 99.99, 100.1, 0.0)
            ]
        );
        let short = r#"{"step":60000,"from":0,"tick":0.01,"rows":2,"gaps":[],"o":[0],"h":[0],"l":[0],"c":[1],"v":[1],"funding":[]}"#;
        assert!(unpack(serde_json::from_str(short).unwrap()).is_none());
    }
}
