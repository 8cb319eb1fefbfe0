//! Who is closed against a bankrupt position: the queue of auto-deleveraging.
//!
//! Binance, Bybit, OKX and dYdX rank the winning side by profit times leverage; Hyperliquid by mark over entry times notional over
//! account value (its documentation, 2026); losing positions come after all winning ones.

use crate::market::Venue;
use crate::units::Side;
use crate::venue::facts::QueueRank;

/// A position on the side that won.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    pub size: f64,
    pub entry_price: f64,
    /// Margin behind it, with profit and loss left out.
    pub margin: f64,
}

/// The larger, the sooner it is closed. `None` for a position without equity: it is being liquidated itself.
pub fn rank(venue: Venue, side: Side, mark: f64, c: &Candidate) -> Option<f64> {
    let s = side.sign();
    let profit = s * c.size * (mark - c.entry_price);
    let equity = c.margin + profit;
    if equity <= 0.0 {
        return None;
    }
    let leverage = c.size * mark / equity;
    if venue.facts().queue == QueueRank::PriceRatioLeverage {
        let gain = if s > 0.0 {
            mark / c.entry_price
        } else {
            c.entry_price / mark
        };
        return Some(gain * leverage);
    }
    let share = profit / (c.size * c.entry_price);
    // A loss is divided by the leverage: the more leverage, the later.
    Some(if share >= 0.0 {
        share * leverage
    } else {
        share / leverage
    })
}

/// Takes `size` off the queue: indices and sizes closed, the first in the queue first.
pub fn close(venue: Venue, side: Side, mark: f64, candidates: &[Candidate], mut size: f64) -> Vec<(usize, f64)> {
    let mut order: Vec<(usize, f64)> = candidates
        .iter()
        .enumerate()
        .filter_map(|(i, c)| Some((i, rank(venue, side, mark, c)?)))
        .collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut out = Vec::new();
    for (i, _) in order {
        if size <= 0.0 {
            break;
        }
        let taken = size.min(candidates[i].size);
        size -= taken;
        out.push((i, taken));
    }
    out
}
