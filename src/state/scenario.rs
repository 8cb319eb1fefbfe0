//! The account a person edits, and the link that carries it.
//!
//! `#/desk?venue=binance&mode=isolated&p=BTCUSDT,long,0.5,60000,3,-,-` with one `p` a position: symbol, side, size, entry,
//! leverage, isolated margin, typed mark; `-` where nothing was given. `wallet=` for cross. `tiers=SYMBOL,floor:rate:lev;…`.

use super::desk::Page;
use headroom_core::market::{Tier, Venue};
use headroom_core::units::{MarginMode, Side};
use js_sys::{decode_uri_component, encode_uri_component};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub symbol: String,
    pub side: Side,
    /// Base units, or contracts for inverse.
    pub size: f64,
    /// None: at mark.
    pub entry: Option<f64>,
    pub leverage: f64,
    /// Isolated margin; None: from leverage.
    pub margin: Option<f64>,
    /// A price typed by hand, which replaces the fetched mark.
    pub mark: Option<f64>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scenario {
    pub venue: Venue,
    pub mode: MarginMode,
    pub wallet: f64,
    pub lines: Vec<Line>,
    /// Tiers typed by hand, by venue and symbol ("binance BTCUSDT").
    pub tiers: BTreeMap<String, Vec<Tier>>,
}

/// The usual instrument of a venue.
pub(crate) fn first_symbol(venue: Venue) -> String {
    venue.facts().symbol("BTC")
}

impl Line {
    pub(crate) fn new(symbol: &str, size: f64) -> Self {
        Self {
            symbol: symbol.to_owned(),
            side: Side::Long,
            size,
            entry: None,
            leverage: 3.0,
            margin: None,
            mark: None,
        }
    }
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            venue: Venue::Binance,
            mode: MarginMode::Isolated,
            wallet: 10_000.0,
            lines: vec![Line::new("BTCUSDT", 0.5)],
            tiers: BTreeMap::new(),
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|v: &f64| v.is_finite())
}

fn optional(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |v| v.to_string())
}

/// The coin a symbol is about, for carrying a position from venue to venue.
pub(crate) fn coin(symbol: &str) -> &str {
    // Kraken's perpetuals.
    if let Some(own) = symbol.strip_prefix("PF_").and_then(|s| s.strip_suffix("USD")) {
        return Venue::Kraken.facts().asset(own);
    }
    let cut = symbol.split(['-', '_']).next().unwrap_or(symbol);
    ["USDT", "USDC", "USD"]
        .iter()
        .find_map(|q| cut.strip_suffix(q).filter(|b| !b.is_empty()))
        .unwrap_or(cut)
}

impl Scenario {
    /// Where typed tiers of a symbol of this venue are kept.
    pub(crate) fn tier_key(&self, symbol: &str) -> String {
        format!("{} {symbol}", self.venue)
    }

    /// Tiers typed for a symbol of this venue.
    pub(crate) fn typed_tiers(&self, symbol: &str) -> Option<&Vec<Tier>> {
        self.tiers.get(&self.tier_key(symbol))
    }

    /// The part of the address after `#`.
    pub(crate) fn to_hash(&self, page: Page) -> String {
        let text = |s: &str| String::from(encode_uri_component(s));
        let mode = if self.mode == MarginMode::Cross {
            "cross"
        } else {
            "isolated"
        };
        let mut out = format!("/{}?venue={}&mode={mode}", page.word(), self.venue);
        if self.mode == MarginMode::Cross {
            out += &format!("&wallet={}", self.wallet);
        }
        for l in &self.lines {
            out += &format!(
                "&p={},{},{},{},{},{},{}",
                text(&l.symbol),
                l.side.word(),
                l.size,
                optional(l.entry),
                l.leverage,
                optional(l.margin),
                optional(l.mark)
            );
        }
        for (symbol, tiers) in &self.tiers {
            let steps: Vec<String> = tiers
                .iter()
                .map(|t| {
                    format!(
                        "{}:{}:{}{}",
                        t.floor,
                        t.maintenance_margin_rate,
                        t.max_leverage,
                        t.maintenance_amount.map_or_else(String::new, |a| format!(":{a}"))
                    )
                })
                .collect();
            out += &format!("&tiers={},{}", text(symbol), steps.join(";"));
        }
        out
    }

    /// Reads a link; what cannot be read is said, and the rest is kept.
    pub(crate) fn from_hash(hash: &str) -> Option<(Self, Vec<String>)> {
        let (page, query) = hash.trim_start_matches("#/").split_once('?')?;
        Page::ALL.iter().find(|p| p.1 == page)?;
        let mut s = Self {
            lines: Vec::new(),
            ..Self::default()
        };
        let mut faults = Vec::new();
        for pair in query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let text = |t: &str| {
                decode_uri_component(t)
                    .ok()
                    .map(String::from)
                    .filter(|t| !t.is_empty() && t.len() <= 60)
            };
            let understood = match key {
                "venue" => Venue::ALL.into_iter().find(|v| v.word() == value).map(|v| s.venue = v),
                "mode" => [(MarginMode::Cross, "cross"), (MarginMode::Isolated, "isolated")]
                    .into_iter()
                    .find(|m| m.1 == value)
                    .map(|m| s.mode = m.0),
                "wallet" => number(value).map(|w| s.wallet = w),
                "p" if s.lines.len() < 50 => line(value, text).map(|l| s.lines.push(l)),
                "tiers" => value
                    .split_once(',')
                    .and_then(|(symbol, steps)| Some((text(symbol)?, tiers(steps)?)))
                    .map(|(symbol, t)| {
                        s.tiers.insert(symbol, t);
                    }),
                _ => None,
            };
            if understood.is_none() {
                faults.push(format!(
                    "This part of the link was not understood and left out: {}",
                    pair.chars().take(60).collect::<String>()
                ));
            }
        }
        if s.lines.is_empty() {
            s.lines.push(Line::new(&first_symbol(s.venue), 0.5));
        }
        Some((s, faults))
    }
}

fn line(value: &str, text: impl Fn(&str) -> Option<String>) -> Option<Line> {
    let mut parts = value.split(',');
    let mut next = || parts.next();
    let symbol = text(next()?)?;
    let side = match next()? {
        "long" => Side::Long,
        "short" => Side::Short,
        _ => return None,
    };
    let size = number(next()?)?;
    let maybe = |t: Option<&str>| match t {
        None | Some("-") => Some(None),
        Some(t) => number(t).map(Some),
    };
    let entry = maybe(next())?;
    let leverage = next().map_or(Some(3.0), number)?;
    Some(Line {
        symbol,
        side,
        size,
        entry,
        leverage,
        margin: maybe(next())?,
        mark: maybe(next())?,
    })
}

fn tiers(steps: &str) -> Option<Vec<Tier>> {
    let mut out: Vec<Tier> = Vec::new();
    for step in steps.split(';').take(200) {
        let n: Option<Vec<f64>> = step.split(':').map(number).collect();
        let n = n?;
        let (&[floor, rate, lev] | &[floor, rate, lev, _]) = n.as_slice() else {
            return None;
        };
        if let Some(before) = out.last_mut() {
            before.cap = Some(floor);
        }
        out.push(Tier {
            floor,
            cap: None,
            maintenance_margin_rate: rate,
            maintenance_amount: n.get(3).copied(),
            max_leverage: lev,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn a_link_brings_back_the_same_scenario() {
        let s = Scenario {
            venue: Venue::Okx,
            mode: MarginMode::Cross,
            wallet: 1234.5,
            lines: vec![
                Line {
                    symbol: "BTC-USDT-SWAP".into(),
                    side: Side::Short,
                    size: 0.1 + 0.2,
                    entry: Some(66_937.1),
                    leverage: 12.5,
                    margin: None,
                    mark: Some(1.0),
                },
                Line {
                    symbol: "币安,人生&USDT".into(),
                    side: Side::Long,
                    size: 3.0,
                    entry: None,
                    leverage: 3.0,
                    margin: Some(7.0),
                    mark: None,
                },
            ],
            tiers: [(
                "okx BTC-USDT-SWAP".to_owned(),
                vec![
                    Tier {
                        floor: 0.0,
                        cap: Some(1000.0),
                        maintenance_margin_rate: 0.004,
                        maintenance_amount: None,
                        max_leverage: 100.0,
                    },
                    Tier {
                        floor: 1000.0,
                        cap: None,
                        maintenance_margin_rate: 0.005,
                        maintenance_amount: Some(1.0),
                        max_leverage: 75.0,
                    },
                ],
            )]
            .into(),
        };
        assert_eq!(
            Scenario::from_hash(&format!("#{}", s.to_hash(Page::Desk))),
            Some((s, vec![]))
        );
    }

    #[wasm_bindgen_test]
    fn a_broken_link_keeps_what_it_can() {
        let (s, faults) = Scenario::from_hash("#/desk?venue=moon&mode=cross&wallet=x&p=ETHUSDT,long,2&p=bad").unwrap();
        assert_eq!((s.venue, s.mode, s.lines.len()), (Venue::Binance, MarginMode::Cross, 1));
        assert_eq!((s.lines[0].symbol.as_str(), s.lines[0].leverage), ("ETHUSDT", 3.0));
        assert_eq!(faults.len(), 3);
        assert_eq!(Scenario::from_hash("#/nowhere"), None);
    }

    #[wasm_bindgen_test]
    fn coins_are_read_from_every_venues_symbols() {
        for (symbol, expected) in [
            ("BTCUSDT", "BTC"),
            ("BTC-USDT-SWAP", "BTC"),
            ("kPEPE", "kPEPE"),
            ("ETH-USD", "ETH"),
            ("BTCUSD_PERP", "BTC"),
            ("PF_XBTUSD", "BTC"),
            ("PF_ETHUSD", "ETH"),
        ] {
            assert_eq!(coin(symbol), expected);
        }
    }
}
