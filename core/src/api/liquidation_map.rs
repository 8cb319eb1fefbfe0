//! Operation `liquidation_map`: where positions would be liquidated, seen and inferred, and how few hold them.

use super::{Step, checks};
use crate::cascade::concentration::{Concentration, concentration};
use crate::cascade::inferred::{self, Inferred};
use crate::error::EngineError;
use crate::market::{Candles, Market, Tier, TierUnit, Tiers, Wallet};
use crate::units::{self, HOURS_PER_YEAR, Side};
use crate::volatility::close_to_close;
use libm::sqrt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

const MOST_BINS: usize = 10_000;
/// Heaviest clusters and largest wallets that are listed.
const LISTED: usize = 10;
/// Shares of open interest by leverage: 36 % up to 3x, 48 % above it up to 7x, the rest beyond, as seen over the wallets of
/// Hyperliquid.
pub const MIX: [(f64, f64); 10] = [
    (2.0, 0.20),
    (3.0, 0.16),
    (4.0, 0.20),
    (5.0, 0.16),
    (7.0, 0.12),
    (10.0, 0.08),
    (15.0, 0.04),
    (20.0, 0.02),
    (25.0, 0.01),
    (50.0, 0.01),
];
/// Leverages at which positions are opened on order-book venues, and after how many hours half are closed: the mix above tilted by
/// the square of the leverage, with a tail. Fitted to liquidations of BTC on Binance in July and August 2024 alone; better than the
/// mix above on two other sets, no better than 10, 25, 50 and 100 in equal parts (docs/liquidation-map.md).
pub const OPENED: [(f64, f64); 13] = [
    (2.0, 0.005),
    (3.0, 0.009),
    (4.0, 0.021),
    (5.0, 0.026),
    (7.0, 0.038),
    (10.0, 0.052),
    (15.0, 0.058),
    (20.0, 0.052),
    (25.0, 0.040),
    (50.0, 0.161),
    (75.0, 0.181),
    (100.0, 0.258),
    (125.0, 0.101),
];
pub const OPENED_HALF_LIFE: f64 = 24.0;
const RATE: f64 = 0.005;
/// A position is held for a week on average.
const HALF_LIFE: f64 = 168.0;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct LiquidationMapRequest {
    /// Positions that are known; or in `market.wallets`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wallets: Vec<Wallet>,
    /// With `open_interest` (base units) and `candles` what is not seen is inferred; with a `book` the largest wallets are
    /// measured against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market: Option<Market>,
    /// Levels between the lowest and the highest liquidation price; 50 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bins: Option<usize>,
    /// Levels lie within this fraction of the price, and what is further in the last of them; from the lowest to the highest
    /// liquidation price if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<f64>,
    /// Only this side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    /// Now; the last close of the candles if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<f64>,
    /// `[leverage, share]` of what is opened; a prior seen on Hyperliquid if absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leverage_mix: Vec<(f64, f64)>,
    /// That inferred positions must keep; 0.005 if absent, at most half of what they put in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance_margin_rate: Option<f64>,
    /// The venue's tiers, in place of the rate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
    /// Notional of an inferred position, which says its tier; 50,000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position_notional: Option<f64>,
    /// So many pictures of the inferred levels through the candles' time are told as well; at most 500, none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through_time: Option<usize>,
    /// After which half of what is open has been closed and opened anew; 168 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_life_hours: Option<f64>,
}

/// A price at which much would be liquidated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct Cluster {
    pub price: f64,
    pub side: Side,
    pub notional: f64,
    /// Fraction of the price, signed.
    pub distance: Option<f64>,
    /// The same in daily standard deviations.
    pub volatilities: Option<f64>,
    /// 0: all seen; 1: all inferred.
    pub inferred_share: f64,
    /// Wallets seen there, and of what is seen the largest one's share and Herfindahl's index; null where none is.
    pub wallets: usize,
    pub largest_share: Option<f64>,
    pub hhi: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct Largest {
    pub id: String,
    pub side: Side,
    pub notional: f64,
    /// Of all notional seen.
    pub share: f64,
    pub liquidation_price: Option<f64>,
    pub distance: Option<f64>,
    /// Its level if it doubled what stands behind it; null where no price would liquidate it then.
    pub level_topped_up: Option<f64>,
    /// Its size over what the book holds on the way to its level; null without a book.
    pub times_the_book: Option<f64>,
}

/// Size seen over open interest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct Coverage {
    pub long: f64,
    pub short: f64,
    pub open_interest: f64,
}

/// Inferred notional by time and price: `long[i][k]` at `times[i]`, in the k-th of even steps from `low` to `high`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct Heat {
    pub times: Vec<f64>,
    pub low: f64,
    pub high: f64,
    pub long: Vec<Vec<f64>>,
    pub short: Vec<Vec<f64>>,
}

/// What would be liquidated within 5 % below and above the price if everybody used more or less leverage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct MixSensitivity {
    /// Every leverage times this.
    pub leverage_factor: f64,
    pub long_notional_within_5: f64,
    pub short_notional_within_5: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct LiquidationMapResponse {
    /// Rows of `[price, long notional, short notional]`: the middle of each level; notional at entry where it is seen, at the
    /// level where it is inferred.
    pub levels: Vec<[f64; 3]>,
    /// The same levels, seen and inferred apart.
    pub observed: Vec<[f64; 3]>,
    pub inferred: Vec<[f64; 3]>,
    /// Of notional at entry over wallets, both sides together unless a side was asked for; null where none is seen.
    pub concentration: Option<Concentration>,
    pub long_concentration: Option<Concentration>,
    pub short_concentration: Option<Concentration>,
    /// If the largest wallet were closed.
    pub without_largest: Option<Concentration>,
    pub long_notional: f64,
    pub short_notional: f64,
    pub coverage: Option<Coverage>,
    /// The heaviest levels.
    pub clusters: Vec<Cluster>,
    pub largest: Vec<Largest>,
    pub sensitivity: Vec<MixSensitivity>,
    pub heat: Option<Heat>,
    pub assumptions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub explanation: Option<Vec<Step>>,
}

fn seen(request: &LiquidationMapRequest) -> (&[Wallet], &'static str) {
    match request.market.as_ref().and_then(|m| m.wallets.as_deref()) {
        Some(given) if request.wallets.is_empty() => (given, "market.wallets"),
        _ => (&request.wallets, "wallets"),
    }
}

/// The unseen part of the open interest, by price.
struct Unseen {
    found: Inferred,
    /// Of each side's inferred size, what is not already seen.
    share: [f64; 2],
    coverage: Coverage,
}

/// Notional of one wallet after another: a wallet may hold several positions.
fn by_wallet<'a>(positions: impl Iterator<Item = &'a Wallet>) -> Vec<f64> {
    let mut at: HashMap<&str, usize> = HashMap::new();
    let mut amounts: Vec<f64> = Vec::new();
    for w in positions {
        let k = *at.entry(w.id.as_str()).or_insert(amounts.len());
        if k == amounts.len() {
            amounts.push(0.0);
        }
        amounts[k] += w.size * w.entry_price;
    }
    amounts
}

/// What a position of this leverage must keep, at most half of what it put in. With tiers: at its notional, or at the end of the
/// largest tier that allows the leverage.
fn maintenance(rate: f64, tiers: Option<&Tiers>, notional: f64, leverage: f64) -> f64 {
    let rate = tiers.map_or(rate, |t| {
        let allowed = t.rows().iter().take_while(|r| r.max_leverage >= leverage).last();
        let size = notional.min(allowed.or(t.rows().first()).map_or(notional, |r| r.cap));
        t.maintenance(size) / size
    });
    rate.min(0.5 / leverage)
}

/// Steps of the price in the picture through time.
const HEAT_STEPS: usize = 90;
/// It reaches this share beyond the lowest and highest price.
const HEAT_BEYOND: f64 = 0.2;

fn heat(unseen: &Unseen, candles: &Candles) -> Option<Heat> {
    let shots = &unseen.found.through_time;
    if shots.is_empty() {
        return None;
    }
    let low = candles.rows.iter().map(|r| r.3).fold(f64::MAX, f64::min) * (1.0 - HEAT_BEYOND);
    let high = candles.rows.iter().map(|r| r.2).fold(0.0, f64::max) * (1.0 + HEAT_BEYOND);
    let step = (high - low) / HEAT_STEPS as f64;
    let of = |side: usize| {
        shots
            .iter()
            .map(|s| {
                let mut row = vec![0.0; HEAT_STEPS];
                for (price, long, short) in &s.cells {
                    if *price >= low && *price < high {
                        let size = if side == 0 { long } else { short };
                        row[(((price - low) / step) as usize).min(HEAT_STEPS - 1)] += price * size * unseen.share[side];
                    }
                }
                row.iter().map(|x| libm::round(*x)).collect()
            })
            .collect()
    };
    Some(Heat {
        times: shots.iter().map(|s| s.time).collect(),
        low,
        high,
        long: of(0),
        short: of(1),
    })
}

type OpenInterest<'a> = (&'a Candles, &'a [(f64, f64)]);

/// Candles and open interest, checked, where both are given.
fn open_interest(request: &LiquidationMapRequest) -> Result<Option<OpenInterest<'_>>, EngineError> {
    let Some(market) = &request.market else { return Ok(None) };
    let (Some(candles), Some(rows)) = (&market.candles, &market.open_interest) else {
        return Ok(None);
    };
    checks::candles(candles, "market.candles")?;
    if candles.rows.is_empty() || rows.is_empty() {
        return Ok(None);
    }
    if rows.len() > 200_000 {
        return Err(EngineError::invalid("market.open_interest", "at most 200000 rows"));
    }
    for (k, row) in rows.iter().enumerate() {
        units::millis(format_args!("market.open_interest[{k}][0]"), row.0)?;
        units::between(format_args!("market.open_interest[{k}][1]"), row.1, 0.0, 1e15)?;
        if k > 0 && row.0 <= rows[k - 1].0 {
            return Err(EngineError::invalid(
                format!("market.open_interest[{k}][0]"),
                "must be later than the row before",
            ));
        }
    }
    Ok(Some((candles, rows)))
}

fn mix(request: &LiquidationMapRequest) -> Result<Vec<(f64, f64)>, EngineError> {
    if request.leverage_mix.is_empty() {
        return Ok(MIX.to_vec());
    }
    if request.leverage_mix.len() > 50 {
        return Err(EngineError::invalid("leverage_mix", "at most 50 leverages"));
    }
    for (k, (leverage, share)) in request.leverage_mix.iter().enumerate() {
        units::between(
            format_args!("leverage_mix[{k}][0]"),
            *leverage,
            1.0,
            units::MAX_LEVERAGE,
        )?;
        units::between(format_args!("leverage_mix[{k}][1]"), *share, 0.0, 1e9)?;
    }
    if request.leverage_mix.iter().all(|m| m.1 == 0.0) {
        return Err(EngineError::invalid("leverage_mix", "every share is 0"));
    }
    Ok(request.leverage_mix.clone())
}

fn unseen(
    request: &LiquidationMapRequest,
    wallets: &[Wallet],
    notes: &mut Vec<String>,
) -> Result<(Option<Unseen>, Vec<MixSensitivity>), EngineError> {
    let Some((candles, rows)) = open_interest(request)? else {
        return Ok((None, Vec::new()));
    };
    let rate = units::between(
        "maintenance_margin_rate",
        request.maintenance_margin_rate.unwrap_or(RATE),
        0.0,
        0.5,
    )?;
    let half_life = units::between(
        "half_life_hours",
        request.half_life_hours.unwrap_or(HALF_LIFE),
        0.1,
        1e6,
    )?;
    let mix = mix(request)?;
    let tiers = match request.tiers.is_empty() {
        true => None,
        false => Some(Tiers::new("tiers", &request.tiers, TierUnit::Notional)?),
    };
    let notional = units::between(
        "position_notional",
        request.position_notional.unwrap_or(50_000.0),
        1.0,
        1e15,
    )?;
    let snapshots = request.through_time.unwrap_or(0);
    if snapshots > 500 {
        return Err(EngineError::invalid("through_time", "at most 500"));
    }
    let infer = |factor: f64| {
        let mix: Vec<(f64, f64)> = mix.iter().map(|(l, s)| ((l * factor).max(1.0), *s)).collect();
        let snapshots = if factor == 1.0 { snapshots } else { 0 };
        let keep = |l: f64| maintenance(rate, tiers.as_ref(), notional, l);
        inferred::infer(candles, rows, &mix, &keep, half_life, snapshots)
    };
    let Some(found) = infer(1.0) else {
        notes.push("the last open interest is 0: nothing is inferred".to_owned());
        return Ok((None, Vec::new()));
    };
    let interest = rows[rows.len() - 1].1;
    let sum = |side: Side| {
        wallets
            .iter()
            .filter(|w| w.side == side)
            .fold(0.0, |sum, w| sum + w.size)
    };
    let coverage = Coverage {
        long: sum(Side::Long) / interest,
        short: sum(Side::Short) / interest,
        open_interest: interest,
    };
    let share = [(1.0 - coverage.long).max(0.0), (1.0 - coverage.short).max(0.0)];
    let price = request.price.unwrap_or(candles.rows[candles.rows.len() - 1].4);
    let sensitivity = [0.7, 1.0, 1.4]
        .into_iter()
        .filter_map(|factor| {
            let map = infer(factor)?;
            let near = |side: usize| {
                map.cells
                    .iter()
                    .filter(|c| {
                        if side == 0 {
                            c.0 < price && c.0 >= 0.95 * price
                        } else {
                            c.0 > price && c.0 <= 1.05 * price
                        }
                    })
                    .map(|c| c.0 * if side == 0 { c.1 } else { c.2 } * share[side])
                    .fold(0.0, |a, b| a + b)
            };
            Some(MixSensitivity {
                leverage_factor: factor,
                long_notional_within_5: near(0),
                short_notional_within_5: near(1),
            })
        })
        .collect();
    notes.push(format!(
        "inferred: opens from {} rows of open interest at the prices of their intervals, {} leverages, half closed after {half_life} h; {:.0} % of what was opened was crossed since and is gone",
        rows.len(),
        mix.len(),
        100.0 * found.crossed
    ));
    if request.leverage_mix.is_empty() {
        notes.push("the leverage mix is a prior from wallets of Hyperliquid: 36 % up to 3x, 48 % above that up to 7x, 16 % beyond".to_owned());
    }
    Ok((Some(Unseen { found, share, coverage }), sensitivity))
}

/// Of even steps, the one that holds a price; the first or last for what lies outside.
fn step_of(price: f64, low: f64, high: f64, bins: usize) -> usize {
    let width = (high - low) / bins as f64;
    if width > 0.0 {
        (((price - low) / width) as usize).min(bins - 1)
    } else {
        0
    }
}

/// Puts amounts into even levels.
fn levels(points: &[(f64, f64, f64)], low: f64, high: f64, bins: usize) -> Vec<[f64; 3]> {
    let width = (high - low) / bins as f64;
    let mut out: Vec<[f64; 3]> = (0..bins).map(|k| [low + (k as f64 + 0.5) * width, 0.0, 0.0]).collect();
    for (price, long, short) in points {
        let k = step_of(*price, low, high, bins);
        out[k][1] += long;
        out[k][2] += short;
    }
    out
}

/// Where a position would be due with twice the margin: as much as its level tells now.
fn topped_up(w: &Wallet, level: f64, rate: f64) -> Option<f64> {
    let s = w.side.sign();
    let margin = rate * level - s * (level - w.entry_price);
    let moved = (s * w.entry_price - 2.0 * margin) / (s - rate);
    (moved > 0.0).then_some(moved)
}

fn largest(request: &LiquidationMapRequest, chosen: &[&Wallet], total: f64, price: Option<f64>) -> Vec<Largest> {
    let mut sorted = chosen.to_vec();
    sorted.sort_by(|a, b| (b.size * b.entry_price).total_cmp(&(a.size * a.entry_price)));
    let book = request.market.as_ref().and_then(|m| m.book.as_ref());
    let rate = request.maintenance_margin_rate.unwrap_or(RATE);
    sorted
        .into_iter()
        .take(LISTED)
        .map(|w| {
            let level = (w.liquidation_price > 0.0).then_some(w.liquidation_price);
            let held = book.zip(level).map(|(b, level)| {
                let side = if w.side == Side::Long { &b.bids } else { &b.asks };
                let within = |p: f64| if w.side == Side::Long { p >= level } else { p <= level };
                side.iter().filter(|l| within(l.0)).map(|l| l.1).sum::<f64>()
            });
            Largest {
                id: w.id.clone(),
                side: w.side,
                notional: w.size * w.entry_price,
                share: w.size * w.entry_price / total,
                liquidation_price: level,
                distance: level.zip(price).map(|(l, p)| l / p - 1.0),
                level_topped_up: level.and_then(|l| topped_up(w, l, rate)),
                times_the_book: held.filter(|h| *h > 0.0).map(|h| w.size / h),
            }
        })
        .collect()
}

pub(super) fn liquidation_map(
    request: &LiquidationMapRequest,
    explain: bool,
) -> Result<LiquidationMapResponse, EngineError> {
    let (wallets, field) = seen(request);
    let bins = request.bins.unwrap_or(50);
    if !(1..=MOST_BINS).contains(&bins) {
        return Err(EngineError::invalid(
            "bins",
            format!("must be 1 to {MOST_BINS}; got {bins}"),
        ));
    }
    if let Some(p) = request.price {
        units::price("price", p)?;
    }
    if let Some(book) = request.market.as_ref().and_then(|m| m.book.as_ref()) {
        checks::book(book, "market.book")?;
    }
    let mut assumptions = Vec::new();
    if !wallets.is_empty() {
        checks::wallets(wallets, field)?;
    }
    let (unseen, sensitivity) = unseen(request, wallets, &mut assumptions)?;
    if unseen.is_none() {
        checks::wallets(wallets, field)?;
    }
    let wanted = |side: Side| request.side.is_none_or(|s| s == side);
    let chosen: Vec<&Wallet> = wallets.iter().filter(|w| wanted(w.side)).collect();
    let of = |side: Option<Side>| {
        let mine = chosen.iter().copied().filter(|w| side.is_none_or(|s| w.side == s));
        concentration(&by_wallet(mine))
    };
    let concentration_of_all = of(None);
    if concentration_of_all.is_none() && unseen.is_none() {
        return Err(EngineError::insufficient(
            field,
            "hold no position on the side asked for",
        ));
    }
    let without_largest = {
        let mut amounts = by_wallet(chosen.iter().copied());
        amounts.sort_by(f64::total_cmp);
        amounts.pop();
        concentration(&amounts)
    };
    // A liquidation price of 0 is none.
    let known: Vec<(f64, f64, f64)> = chosen
        .iter()
        .filter(|w| w.liquidation_price > 0.0)
        .map(|w| {
            let notional = w.size * w.entry_price;
            let long = w.side == Side::Long;
            (
                w.liquidation_price,
                if long { notional } else { 0.0 },
                if long { 0.0 } else { notional },
            )
        })
        .collect();
    let guessed: Vec<(f64, f64, f64)> = unseen.as_ref().map_or_else(Vec::new, |u| {
        let part = |side: Side, k: usize| if wanted(side) { u.share[k] } else { 0.0 };
        u.found
            .cells
            .iter()
            .map(|c| (c.0, c.0 * c.1 * part(Side::Long, 0), c.0 * c.2 * part(Side::Short, 1)))
            .filter(|c| c.1 > 0.0 || c.2 > 0.0)
            .collect()
    });
    let all = || known.iter().chain(&guessed);
    let (mut low, mut high) = (
        all().map(|p| p.0).fold(f64::INFINITY, f64::min),
        all().map(|p| p.0).fold(0.0, f64::max),
    );
    let candles = request.market.as_ref().and_then(|m| m.candles.as_ref());
    let price = request.price.or_else(|| candles?.rows.last().map(|r| r.4));
    if let Some(within) = request.within {
        let within = units::between("within", within, 0.001, 1000.0)?;
        let price = price.ok_or_else(|| EngineError::insufficient("price", "is needed beside within"))?;
        low = low.max(price * (1.0 - within)).min(price);
        high = high.min(price * (1.0 + within)).max(price);
    }
    let any = !known.is_empty() || !guessed.is_empty();
    let grid = |points: &[(f64, f64, f64)]| {
        if any {
            levels(points, low, high, bins)
        } else {
            Vec::new()
        }
    };
    let (observed, inferred) = (grid(&known), grid(&guessed));
    let both: Vec<[f64; 3]> = observed
        .iter()
        .zip(&inferred)
        .map(|(a, b)| [a[0], a[1] + b[1], a[2] + b[2]])
        .collect();
    if known.len() < chosen.len() {
        assumptions.push(format!(
            "{} positions have no liquidation price: they count in the concentration, not in the levels",
            chosen.len() - known.len()
        ));
    }
    let daily = candles
        .and_then(|c| close_to_close(c, (30.0 * 86_400_000.0 / c.interval.millis()) as usize))
        .map(|v| v * sqrt(24.0 / HOURS_PER_YEAR));
    let mut clusters: Vec<Cluster> = both
        .iter()
        .zip(&inferred)
        .flat_map(|(l, i)| [(Side::Long, 1), (Side::Short, 2)].map(|(side, k)| (l[0], side, l[k], i[k])))
        .filter(|c| c.2 > 0.0)
        .map(|(level, side, notional, guessed)| {
            let distance = price.map(|p| level / p - 1.0);
            Cluster {
                price: level,
                side,
                notional,
                distance,
                volatilities: distance.zip(daily).map(|(d, v)| d / v),
                inferred_share: guessed / notional,
                wallets: 0,
                largest_share: None,
                hhi: None,
            }
        })
        .collect();
    clusters.sort_by(|a, b| b.notional.total_cmp(&a.notional));
    clusters.truncate(LISTED);
    for c in &mut clusters {
        let there = chosen.iter().copied().filter(|w| {
            w.side == c.side
                && w.liquidation_price > 0.0
                && both[step_of(w.liquidation_price, low, high, bins)][0] == c.price
        });
        if let Some(of) = concentration(&by_wallet(there)) {
            (c.wallets, c.largest_share, c.hhi) = (of.wallets, Some(of.top_1_share), Some(of.hhi));
        }
    }
    let seen_notional = |side: Side| {
        let mine = chosen.iter().filter(|w| w.side == side);
        mine.map(|w| w.size * w.entry_price).sum::<f64>()
    };
    let explanation = explain.then(|| steps(concentration_of_all.as_ref(), unseen.as_ref()));
    Ok(LiquidationMapResponse {
        levels: both,
        observed,
        inferred,
        long_concentration: of(Some(Side::Long)),
        short_concentration: of(Some(Side::Short)),
        without_largest,
        long_notional: seen_notional(Side::Long) + guessed.iter().map(|g| g.1).sum::<f64>(),
        short_notional: seen_notional(Side::Short) + guessed.iter().map(|g| g.2).sum::<f64>(),
        coverage: unseen.as_ref().map(|u| u.coverage),
        clusters,
        largest: largest(
            request,
            &chosen,
            concentration_of_all.as_ref().map_or(1.0, |c| c.total),
            price,
        ),
        concentration: concentration_of_all,
        sensitivity,
        heat: unseen.as_ref().and_then(|u| heat(u, candles?)),
        assumptions,
        explanation,
    })
}

fn steps(c: Option<&Concentration>, unseen: Option<&Unseen>) -> Vec<Step> {
    let mut out = Vec::new();
    if let Some(c) = c {
        out.push(Step::new(
            "Herfindahl index",
            "Σ (notional of a wallet / notional of all)²",
            &[("wallets", c.wallets as f64), ("notional of all", c.total)],
            Some(c.hhi),
            "fraction",
            "size times entry price",
        ));
    }
    if let Some(u) = unseen {
        out.push(Step::new(
            "share of open interest that is inferred, longs",
            "1 − size of the longs seen / open interest",
            &[("seen", u.coverage.long), ("open interest", u.coverage.open_interest)],
            Some(u.share[0]),
            "fraction",
            "wallets and open interest given",
        ));
    }
    out
}
