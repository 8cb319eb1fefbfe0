//! Operations `liquidation_map` and `cascade`: where wallets would be liquidated, and the spiral that a shock sets off.

use super::{Step, checks};
use crate::cascade::concentration::{Concentration, concentration};
use crate::cascade::spiral::{Exposed, run};
use crate::error::EngineError;
use crate::market::{Book, Market, Wallet};
use crate::units::{self, Side};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Wallets that one request may hold.
const MOST_WALLETS: usize = 2_000_000;
const MOST_BINS: usize = 10_000;
/// Rounds told; the rest are counted.
const MOST_ROUNDS: usize = 1000;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct LiquidationMapRequest {
    /// Positions that are known; or in `market.wallets`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wallets: Vec<Wallet>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market: Option<Market>,
    /// Levels between the lowest and the highest liquidation price; 50 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bins: Option<usize>,
    /// Only this side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct LiquidationMapResponse {
    /// Rows of `[price, long notional, short notional]`: the middle of each level, notional at entry.
    pub levels: Vec<[f64; 3]>,
    /// Of notional at entry over wallets, both sides together unless a side was asked for.
    pub concentration: Concentration,
    pub long_notional: f64,
    pub short_notional: f64,
    pub assumptions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub explanation: Option<Vec<Step>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct Shock {
    /// Fraction of the price: −0.05 is a fall of 5 %.
    #[serde(rename = "move")]
    pub fraction: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct CascadeRequest {
    /// Before the shock.
    pub price: f64,
    pub wallets: Vec<Wallet>,
    pub book: Book,
    pub shock: Shock,
    /// "plain": whole liquidations into the visible book, nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct CascadeRound {
    /// Price before and after the orders of this round.
    pub from: f64,
    pub to: f64,
    pub wallets: usize,
    pub size: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct CascadeResponse {
    /// After the shock, before anybody is liquidated.
    pub shocked_price: f64,
    pub final_price: f64,
    pub liquidated_size: f64,
    /// What the book took, size times the price of each level.
    pub liquidated_notional: f64,
    pub liquidated_wallets: usize,
    /// Size that found no level any more.
    pub unfilled_size: f64,
    pub book_exhausted: bool,
    /// Whole move over the shock; 1 where nobody is liquidated.
    pub amplification: f64,
    /// The first thousand.
    pub rounds: Vec<CascadeRound>,
    pub round_count: usize,
    pub assumptions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub explanation: Option<Vec<Step>>,
}

fn check(wallets: &[Wallet], field: &str) -> Result<(), EngineError> {
    if wallets.is_empty() {
        return Err(EngineError::insufficient(field, "is empty: no position is known"));
    }
    if wallets.len() > MOST_WALLETS {
        return Err(EngineError::invalid(
            field,
            format!("at most {MOST_WALLETS} wallets; got {}", wallets.len()),
        ));
    }
    for (i, w) in wallets.iter().enumerate() {
        if w.id.len() > 200 {
            return Err(EngineError::invalid(
                format!("{field}[{i}].id"),
                "at most 200 characters",
            ));
        }
        units::size(format_args!("{field}[{i}].size"), w.size)?;
        units::price(format_args!("{field}[{i}].entry_price"), w.entry_price)?;
        units::between(
            format_args!("{field}[{i}].liquidation_price"),
            w.liquidation_price,
            0.0,
            1e15,
        )?;
    }
    Ok(())
}

pub(super) fn liquidation_map(
    request: &LiquidationMapRequest,
    explain: bool,
) -> Result<LiquidationMapResponse, EngineError> {
    let (wallets, field) = match (
        &request.wallets,
        request.market.as_ref().and_then(|m| m.wallets.as_ref()),
    ) {
        (own, _) if !own.is_empty() => (own, "wallets"),
        (_, Some(given)) => (given, "market.wallets"),
        (own, None) => (own, "wallets"),
    };
    check(wallets, field)?;
    let bins = request.bins.unwrap_or(50);
    if !(1..=MOST_BINS).contains(&bins) {
        return Err(EngineError::invalid(
            "bins",
            format!("must be 1 to {MOST_BINS}; got {bins}"),
        ));
    }
    let chosen: Vec<&Wallet> = wallets
        .iter()
        .filter(|w| request.side.is_none_or(|s| w.side == s))
        .collect();
    // One wallet may hold several positions: shares are over wallets.
    let mut by_wallet: HashMap<&str, usize> = HashMap::new();
    let mut amounts: Vec<f64> = Vec::new();
    for w in &chosen {
        let k = *by_wallet.entry(w.id.as_str()).or_insert(amounts.len());
        if k == amounts.len() {
            amounts.push(0.0);
        }
        amounts[k] += w.size * w.entry_price;
    }
    let concentration = concentration(&amounts)
        .ok_or_else(|| EngineError::insufficient(field, "hold no position on the side asked for"))?;
    // A liquidation price of 0 is none.
    let levelled: Vec<&&Wallet> = chosen.iter().filter(|w| w.liquidation_price > 0.0).collect();
    let low = levelled
        .iter()
        .map(|w| w.liquidation_price)
        .fold(f64::INFINITY, f64::min);
    let high = levelled.iter().map(|w| w.liquidation_price).fold(0.0, f64::max);
    let mut levels: Vec<[f64; 3]> = Vec::new();
    if !levelled.is_empty() {
        let width = (high - low) / bins as f64;
        levels = (0..bins).map(|k| [low + (k as f64 + 0.5) * width, 0.0, 0.0]).collect();
        for w in &levelled {
            let k = if width > 0.0 {
                (((w.liquidation_price - low) / width) as usize).min(bins - 1)
            } else {
                0
            };
            levels[k][if w.side == Side::Long { 1 } else { 2 }] += w.size * w.entry_price;
        }
    }
    let sum = |side: Side| {
        chosen
            .iter()
            .filter(|w| w.side == side)
            .map(|w| w.size * w.entry_price)
            .sum::<f64>()
    };
    let mut assumptions = Vec::new();
    if levelled.len() < chosen.len() {
        assumptions.push(format!(
            "{} positions have no liquidation price: they count in the concentration, not in the levels",
            chosen.len() - levelled.len()
        ));
    }
    let explanation = explain.then(|| {
        vec![Step::new(
            "Herfindahl index".to_owned(),
            "Σ (notional of a wallet / notional of all)²",
            &[
                ("wallets", concentration.wallets as f64),
                ("notional of all", concentration.total),
            ],
            Some(concentration.hhi),
            "fraction",
            "size times entry price",
        )]
    });
    Ok(LiquidationMapResponse {
        levels,
        concentration,
        long_notional: sum(Side::Long),
        short_notional: sum(Side::Short),
        assumptions,
        explanation,
    })
}

pub(super) fn cascade(request: &CascadeRequest, explain: bool) -> Result<CascadeResponse, EngineError> {
    let price = units::price("price", request.price)?;
    let shock = units::between("shock.move", request.shock.fraction, -0.99, 10.0)?;
    if shock == 0.0 {
        return Err(EngineError::invalid(
            "shock.move",
            "must not be 0: there is no side to fall to",
        ));
    }
    if !matches!(request.mode.as_deref(), None | Some("plain")) {
        return Err(EngineError::unsupported("mode", "must be plain in this version"));
    }
    check(&request.wallets, "wallets")?;
    checks::book(&request.book, "book")?;
    let falling = shock < 0.0;
    let start = price * (1.0 + shock);
    let hurt = if falling { Side::Long } else { Side::Short };
    let mut exposed: Vec<Exposed> = request
        .wallets
        .iter()
        .filter(|w| w.side == hurt && w.liquidation_price > 0.0)
        .map(|w| Exposed {
            size: w.size,
            liquidation_price: w.liquidation_price,
        })
        .collect();
    // The first to be reached first; of those at one price the order does not matter for where it ends.
    exposed.sort_unstable_by(|a, b| {
        let by_price = a.liquidation_price.total_cmp(&b.liquidation_price);
        let by_price = if falling { by_price.reverse() } else { by_price };
        by_price.then(a.size.total_cmp(&b.size))
    });
    let side = if falling {
        &request.book.bids
    } else {
        &request.book.asks
    };
    let levels: Vec<(f64, f64)> = side
        .iter()
        .copied()
        .filter(|l| if falling { l.0 <= start } else { l.0 >= start })
        .collect();
    let s = run(start, falling, &exposed, &levels);
    let wrong = exposed
        .iter()
        .filter(|e| {
            if falling {
                e.liquidation_price >= price
            } else {
                e.liquidation_price <= price
            }
        })
        .count();
    let mut assumptions =
        vec!["whole liquidations, once each, into the levels given; nothing refills the book".to_owned()];
    if wrong > 0 {
        assumptions.push(format!(
            "{wrong} liquidation prices lie on the wrong side of the price before the shock: liquidated at once"
        ));
    }
    if levels.len() < side.len() {
        assumptions.push(format!(
            "{} levels within the shock are taken to be gone with it",
            side.len() - levels.len()
        ));
    }
    let amplification = (price - s.final_price) / (price - start);
    let explanation = explain.then(|| {
        vec![Step::new(
            "amplification".to_owned(),
            "(price − final price) / (price − shocked price)",
            &[
                ("price", price),
                ("final price", s.final_price),
                ("shocked price", start),
            ],
            Some(amplification),
            "multiple",
            "the spiral's fixed point",
        )]
    });
    Ok(CascadeResponse {
        shocked_price: start,
        final_price: s.final_price,
        liquidated_size: s.size,
        liquidated_notional: s.filled_notional,
        liquidated_wallets: s.wallets,
        unfilled_size: s.unfilled,
        book_exhausted: s.exhausted,
        amplification,
        round_count: s.rounds.len(),
        rounds: s
            .rounds
            .iter()
            .take(MOST_ROUNDS)
            .map(|r| CascadeRound {
                from: r.from,
                to: r.to,
                wallets: r.wallets,
                size: r.size,
            })
            .collect(),
        assumptions,
        explanation,
    })
}
