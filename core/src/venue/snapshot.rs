//! The shipped tiers: dated copies of what venues do not publish without a key (Binance), or of what a page needs when
//! it is offline. The text is made by `cargo xtask snapshot` and by hand; its origin is in `core/data/SOURCES.md`.

use super::hyperliquid::rule::tiers_from_table;
use crate::market::{Instrument, InstrumentKind, Listing, Tier, Venue};

const TEXT: &str = include_str!("../../data/tiers.txt");

/// A dated group of ladders of one venue.
#[derive(Clone, Debug)]
pub struct Group {
    pub venue: Venue,
    pub kind: InstrumentKind,
    pub date: &'static str,
    pub source: &'static str,
    settle: &'static str,
    contract_size: Option<f64>,
    ladders: Vec<Ladder>,
}

#[derive(Clone, Debug)]
struct Ladder {
    tiers: Vec<Tier>,
    min_collateral_factor: Option<f64>,
    symbols: Vec<&'static str>,
}

/// Every group. Lines: `group venue kind date settle contract source…`, then pairs of `ladder …` and `symbols …`.
///
/// A ladder is `floor:rate:leverage` steps, with `@cap` at the end; `whole` the same for venues that count a position's rate on all
/// of it; `table floor:leverage` for Hyperliquid; `factor f`
/// for pools. A line that does not read is skipped here and caught by a test.
pub fn groups() -> Vec<Group> {
    let mut out: Vec<Group> = Vec::new();
    for line in TEXT.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "group" => out.extend(group(rest)),
            "ladder" | "whole" | "table" | "factor" => {
                if let Some(g) = out.last_mut() {
                    g.ladders.extend(ladder(word, rest));
                }
            }
            "symbols" => {
                if let Some(l) = out.last_mut().and_then(|g| g.ladders.last_mut()) {
                    l.symbols = rest.split(' ').collect();
                }
            }
            _ => {}
        }
    }
    out
}

fn group(rest: &'static str) -> Option<Group> {
    let mut words = rest.splitn(6, ' ');
    let venue = words.next()?;
    let kind = match words.next()? {
        "linear" => InstrumentKind::Linear,
        "inverse" => InstrumentKind::Inverse,
        "pool" => InstrumentKind::Pool,
        _ => return None,
    };
    Some(Group {
        venue: Venue::ALL.into_iter().find(|v| v.word() == venue)?,
        kind,
        date: words.next()?,
        settle: words.next()?,
        contract_size: words.next()?.parse().ok(),
        source: words.next()?,
        ladders: Vec::new(),
    })
}

fn ladder(word: &str, rest: &'static str) -> Option<Ladder> {
    let mut l = Ladder {
        tiers: Vec::new(),
        min_collateral_factor: None,
        symbols: Vec::new(),
    };
    match word {
        "factor" => l.min_collateral_factor = Some(rest.parse().ok()?),
        "table" => {
            let rows: Option<Vec<(f64, f64)>> = rest
                .split(' ')
                .map(|step| {
                    step.split_once(':')
                        .and_then(|(f, m)| Some((f.parse().ok()?, m.parse().ok()?)))
                })
                .collect();
            l.tiers = tiers_from_table(&rows?);
        }
        _ => {
            let (steps, cap) = rest.split_once(" @").map_or((rest, None), |(s, c)| (s, c.parse().ok()));
            for step in steps.split(' ') {
                let mut n = step.split(':').map(str::parse::<f64>);
                let (floor, rate, max_leverage) = (n.next()?.ok()?, n.next()?.ok()?, n.next()?.ok()?);
                if let Some(before) = l.tiers.last_mut() {
                    before.cap = Some(floor);
                }
                l.tiers.push(Tier {
                    floor,
                    cap,
                    maintenance_margin_rate: rate,
                    maintenance_amount: (word == "whole").then_some(0.0),
                    max_leverage,
                });
            }
        }
    }
    Some(l)
}

impl Group {
    /// Every symbol, in the snapshot's order.
    pub fn symbols(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.ladders.iter().flat_map(|l| l.symbols.iter().copied())
    }

    fn instrument(&self, ladder: &Ladder) -> Instrument {
        Instrument {
            contract_size: self.contract_size,
            tiers: ladder.tiers.clone(),
            min_collateral_factor: ladder.min_collateral_factor,
            ..Instrument::bare(self.kind)
        }
    }

    /// Base, quote and settlement coin as read from a symbol of this group.
    fn names(&self, symbol: &str) -> (String, String, String) {
        let cut = symbol.split('-').next().unwrap_or(symbol);
        let cut = cut.strip_suffix("_PERP").unwrap_or(cut);
        let quotes: &[&str] = if self.kind == InstrumentKind::Inverse {
            &["USD"]
        } else {
            &["USDT", "USDC", "USD1", "USD", "BTC"]
        };
        let (base, quote) = quotes
            .iter()
            .find_map(|q| cut.strip_suffix(q).filter(|b| !b.is_empty()).map(|b| (b, *q)))
            .unwrap_or((cut, self.settle));
        let settle = match self.kind {
            InstrumentKind::Inverse => base,
            _ if self.settle == "quote" => quote,
            _ => self.settle,
        };
        let quote = if quote == "quote" { "USD" } else { quote };
        (base.to_owned(), quote.to_owned(), settle.to_owned())
    }

    pub fn listings(&self) -> Vec<Listing> {
        self.ladders
            .iter()
            .flat_map(|l| {
                l.symbols.iter().map(move |symbol| {
                    let (base, quote, settle) = self.names(symbol);
                    Listing {
                        symbol: (*symbol).to_owned(),
                        base,
                        quote,
                        settle,
                        lot_size: None,
                        min_size: None,
                        max_leverage: l
                            .tiers
                            .first()
                            .map(|t| t.max_leverage)
                            .or(l.min_collateral_factor.map(|f| 1.0 / f)),
                        instrument: self.instrument(l),
                    }
                })
            })
            .collect()
    }
}

/// An instrument of the snapshot with the date and source of its tiers.
pub fn lookup(venue: Venue, symbol: &str) -> Option<(Instrument, &'static str, &'static str)> {
    // Reading the text anew costs a tenth of a millisecond; finding the right line first keeps it to microseconds.
    let mut header = None;
    let mut steps = None;
    for line in TEXT.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "group" => header = group(rest).filter(|g| g.venue == venue),
            "ladder" | "whole" | "table" | "factor" => steps = Some((word, rest)),
            "symbols" => {
                if let (Some(g), Some((word, text))) = (&header, steps)
                    && rest.split(' ').any(|s| s == symbol)
                {
                    return Some((g.instrument(&ladder(word, text)?), g.date, g.source));
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{TierUnit, Tiers};

    #[test]
    fn every_line_of_the_snapshot_is_read_and_every_table_is_sound() {
        let groups = groups();
        let lines = |w: &str| TEXT.lines().filter(|l| l.starts_with(w)).count();
        assert_eq!(groups.len(), lines("group "));
        let ladders: usize = groups.iter().map(|g| g.ladders.len()).sum();
        assert_eq!(
            ladders,
            lines("ladder ") + lines("whole ") + lines("table ") + lines("factor ")
        );
        assert_eq!(ladders, lines("symbols "));
        for g in &groups {
            for l in g.listings() {
                assert!(!l.base.is_empty() && !l.settle.is_empty(), "{}", l.symbol);
                if g.kind != InstrumentKind::Pool {
                    Tiers::new(&l.symbol, &l.instrument.tiers, TierUnit::Notional).unwrap();
                }
                assert_eq!(lookup(g.venue, &l.symbol).map(|found| found.0), Some(l.instrument));
            }
        }
    }

    #[test]
    fn binance_btc_is_the_published_ladder() {
        // Amounts as the venue published them in 2026 (venue page, BTCUSDT), not derived here.
        let (i, date, _) = lookup(Venue::Binance, "BTCUSDT").unwrap();
        assert_eq!(date, "2026-03-05");
        let t = Tiers::new("t", &i.tiers, TierUnit::Notional).unwrap();
        let amounts: Vec<f64> = t.rows().iter().map(|r| r.amount.round()).collect();
        assert_eq!(amounts[..6], [0.0, 300.0, 1500.0, 12_000.0, 132_000.0, 482_000.0]);
        assert_eq!(amounts[11], 421_482_000.0);
    }
}
