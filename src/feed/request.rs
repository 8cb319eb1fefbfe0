//! One request by the engine's list of endpoints: its address filled in, its answer read by the worker.

use super::{budget, http};
use crate::engine::{self, Lane};
use crate::state::scenario::coin;
use headroom_core::api::NormalizeResponse;
use headroom_core::market::{Interval, Venue};
use headroom_core::venue::endpoint::{Endpoint, Role};
use headroom_core::venue::wire::Normalised;
use serde_json::json;

const HOUR: f64 = 3_600_000.0;

/// A request ready to be made.
pub(super) struct Job {
    pub endpoint: &'static Endpoint,
    /// What it is about; empty where the answer names its instruments itself.
    pub symbol: String,
    pub url: String,
    pub body: Option<String>,
    interval: Interval,
}

impl Job {
    pub(super) fn key(&self) -> String {
        let body = self.body.as_deref().unwrap_or_default();
        format!("{} {} {body}", self.endpoint.source, self.url)
    }
    /// How the feed is called on the page: what is asked, and of which instrument or family.
    pub(super) fn name(&self) -> String {
        let about = if self.symbol.is_empty() && self.endpoint.family != "all" {
            self.endpoint.family
        } else {
            &self.symbol
        };
        format!("{} {about}", self.endpoint.source)
    }
    pub(super) fn host(&self) -> &str {
        self.url.split('/').nth(2).unwrap_or_default()
    }

    /// The same of one of a pool's markets.
    pub(super) fn of_market(mut self, market: &str) -> Self {
        let clean = market.replace(['"', '\\'], "");
        let template = self
            .endpoint
            .body
            .map(|b| b.replace("{market}", &clean).replace("{symbol}", &self.symbol));
        self.body = template.or(self.body);
        self
    }

    /// Asks, and lets the worker read what comes.
    pub(super) async fn ask(&self) -> Result<Normalised, String> {
        let e = self.endpoint;
        budget::charge(self.host(), f64::from(e.weight));
        let text = http::text(e.method, &self.url, self.body.as_deref(), e.max_bytes, self.host()).await?;
        self.read(text).await
    }

    /// Lets the worker read an answer.
    pub(super) async fn read(&self, text: String) -> Result<Normalised, String> {
        let mut request =
            json!({"op": "normalize", "source": self.endpoint.source, "body": text, "interval": self.interval});
        drop(text);
        // Lists of everything are kept whole: the page may want other instruments of them.
        if !self.symbol.is_empty() && self.endpoint.role != Role::Wallet && self.endpoint.role != Role::Tiers {
            request["symbol"] = self.symbol.as_str().into();
        }
        let answer = engine::ask(Lane::Read, &request.to_string()).await;
        engine::read::<NormalizeResponse>(&answer)
            .map(|r| r.found)
            .map_err(|f| {
                format!(
                    "{} answered something unusable. {}: {}",
                    self.host(),
                    f.field,
                    f.message
                )
            })
    }
}

/// Whose answer it is; none for what is no venue.
pub(super) fn venue(e: &Endpoint) -> Option<Venue> {
    Venue::of(e.source.split('.').next().unwrap_or_default())
}

/// Fills an endpoint's templates; what has a start begins a thousand hours ago.
pub(super) fn fill(endpoint: &'static Endpoint, symbol: &str, now: f64) -> Job {
    // A round hour, so that the request is the same for a while.
    // Hyperliquid answers with the first 500 payments after the start: from further back the last ones would be missing.
    let hours = if endpoint.role == Role::Funding { 499.0 } else { 1000.0 };
    let start = ((now / HOUR).floor() * HOUR - hours * HOUR).max(0.0);
    fill_between(endpoint, symbol, start, now)
}

/// The same from a start on.
pub(super) fn fill_between(endpoint: &'static Endpoint, symbol: &str, start: f64, now: f64) -> Job {
    fill_as(endpoint, symbol, Interval::H1, start, now)
}

/// The same in bars of another length.
pub(super) fn fill_as(endpoint: &'static Endpoint, symbol: &str, interval: Interval, start: f64, now: f64) -> Job {
    let family = symbol.strip_suffix("-SWAP").unwrap_or(symbol);
    let end = (start + 999.0 * HOUR).min(now);
    let word = venue(endpoint).map_or(interval.word(), |v| (v.facts().interval)(interval));
    let put = |template: &str, encode: bool| {
        let text = |s: &str| {
            if encode {
                String::from(js_sys::encode_uri_component(s))
            } else {
                s.replace(['"', '\\'], "")
            }
        };
        template
            .replace("{symbol}", &text(symbol))
            .replace("{market}", &text(symbol))
            .replace("{family}", &text(family))
            .replace("{asset}", &text(coin(symbol)))
            .replace("{interval}", word)
            .replace("{start}", &format!("{start:.0}"))
            .replace("{start_seconds}", &format!("{:.0}", start / 1000.0))
            .replace("{end}", &format!("{end:.0}"))
    };
    Job {
        endpoint,
        symbol: if endpoint.names_symbol() {
            symbol.to_owned()
        } else {
            String::new()
        },
        url: put(endpoint.url, true),
        body: endpoint.body.map(|b| put(b, false)),
        interval,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headroom_core::venue::endpoint;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn templates_are_filled_and_symbols_cannot_break_out() {
        let find = |source: &str| endpoint::all().find(|e| e.source == source).unwrap();
        assert!(
            fill(find("okx.position_tiers"), "BTC-USDT-SWAP", 0.0)
                .url
                .ends_with("instFamily=BTC-USDT")
        );
        assert!(fill(find("bybit.kline"), "BTCUSDT", 0.0).url.contains("interval=60"));
        assert!(
            fill(find("dydx.candles"), "BTC-USD", 0.0)
                .url
                .contains("BTC-USD?resolution=1HOUR")
        );
        assert!(
            fill(find("gmx.candles"), "BTC-USD", 0.0)
                .url
                .contains("tokenSymbol=BTC&")
        );
        let hl = fill(find("hyperliquid.candle_snapshot"), "BTC\",\"x\":\"", 1.772e12);
        let body: serde_json::Value = serde_json::from_str(hl.body.as_deref().unwrap()).unwrap();
        assert_eq!(body["req"]["coin"], "BTC,x:");
        assert_eq!(body["req"]["startTime"].as_f64().unwrap() % HOUR, 0.0);
        // Five hundred payments of an hour reach the present.
        let paid = fill(find("hyperliquid.funding_history"), "BTC", 1.772e12);
        let body: serde_json::Value = serde_json::from_str(paid.body.as_deref().unwrap()).unwrap();
        assert!(body["startTime"].as_f64().unwrap() + 500.0 * HOUR > 1.772e12);
        assert!(
            fill(find("binance.klines"), "A&limit=5", 0.0)
                .url
                .contains("symbol=A%26limit%3D5&")
        );
        for e in endpoint::all() {
            let job = fill(e, "X", 1.772e12);
            assert!(!job.url.contains('{') && job.url.starts_with("https://"), "{}", job.url);
            if let Some(body) = &job.body {
                let body: serde_json::Value = serde_json::from_str(body).unwrap();
                assert!(!body.to_string().contains("{symbol}") && !body.to_string().contains("{market}"));
            }
            let known = endpoint::hosts().any(|h| job.url.starts_with(&format!("https://{}/", h.host)));
            assert!(known, "{} has no limit", job.url);
        }
    }
}
