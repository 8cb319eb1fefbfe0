//! The deterministic cascade with the venue's machinery: partial orders, a mark that follows the book only in part, a backstop,
//! an insurance fund, and auto-deleveraging where the fund ends.
//!
//! In a round the mark stands still: everyone whom it reaches is liquidated, all orders of the round go through the book
//! together at their average price, then the mark moves. So the order of wallets says nothing.

use super::depth::Depth;
use super::spiral::Round;
use crate::units::Side;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// How a venue sells a position that is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Orders {
    Whole,
    /// This share first where the notional is above the amount, the rest as a whole when it is due again; taken over without an
    /// order under this share of the maintenance margin (Hyperliquid: 0.2, 100,000, 2/3).
    Slices {
        share: f64,
        above: f64,
        backstop: f64,
    },
    /// As much as brings the margin ratio back to 1, a tenth at least (Binance, Bybit, and OKX, which goes down two tiers at a time).
    Stepwise,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    pub orders: Orders,
    /// Share of a move of the book that enters the mark price.
    pub mark_share: f64,
    pub maintenance_margin_rate: f64,
    /// Money that covers fills beyond the bankruptcy price; `None`: without end.
    pub insurance_fund: Option<f64>,
    /// What is left of a filled position goes into the fund (else to the trader).
    pub surplus_to_fund: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Cascade {
    /// Of the book, and of the mark.
    pub final_price: f64,
    pub final_mark: f64,
    pub wallets: usize,
    /// Sold or bought through the book, and its notional.
    pub size: f64,
    pub notional: f64,
    /// Taken over without an order.
    pub backstop_size: f64,
    /// Closed against the other side at the bankruptcy price, and that notional.
    pub deleveraged_size: f64,
    pub deleveraged_notional: f64,
    /// Round of the first auto-deleveraging, from 1.
    pub first_deleveraging: Option<usize>,
    /// What fills beyond the bankruptcy price cost, and what better ones brought.
    pub shortfall: f64,
    pub surplus: f64,
    /// Of the fund, at the end.
    pub fund: Option<f64>,
    pub exhausted: bool,
    /// Size that found no level any more.
    pub unfilled: f64,
    /// Given up before the fixed point: too many rounds.
    pub cut: bool,
    /// Each from the mark before to the mark after.
    pub rounds: Vec<Round>,
}

/// One position on the side that is hurt.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Due {
    /// Liquidation price, negated where the price rises: the largest is reached first.
    key: f64,
    size: f64,
    /// Has had its first slice.
    again: bool,
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key
            .total_cmp(&other.key)
            .then(self.size.total_cmp(&other.size))
            .then(self.again.cmp(&other.again))
    }
}

/// Rounds after which it is given up: each is a new price.
const MOST_ROUNDS: usize = 200_000;

/// Positions on the side that is hurt, in the order in which a price reaches them.
pub struct Sorted(Vec<Due>);

impl Sorted {
    /// Of `(size, liquidation price)`.
    pub fn new(side: Side, positions: &[(f64, f64)]) -> Self {
        let mut all: Vec<Due> = positions
            .iter()
            .map(|(size, level)| Due {
                key: side.sign() * level,
                size: *size,
                again: false,
            })
            .collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        Self(all)
    }
}

/// From `start` to the fixed point.
pub fn run(start: f64, side: Side, positions: &Sorted, depth: &Depth, terms: &Terms) -> Cascade {
    let s = side.sign();
    let mmr = terms.maintenance_margin_rate;
    let mut fresh = positions.0.iter().copied().peekable();
    // Parts of positions that are left, due again at another price.
    let mut parts: BinaryHeap<Due> = BinaryHeap::new();
    let mut out = Cascade {
        final_price: start,
        final_mark: start,
        wallets: 0,
        size: 0.0,
        notional: 0.0,
        backstop_size: 0.0,
        deleveraged_size: 0.0,
        deleveraged_notional: 0.0,
        first_deleveraging: None,
        shortfall: 0.0,
        surplus: 0.0,
        fund: terms.insurance_fund,
        exhausted: false,
        unfilled: 0.0,
        cut: false,
        rounds: Vec::new(),
    };
    let mut orders: Vec<(f64, f64)> = Vec::new();
    loop {
        let mark = out.final_mark;
        let reached = |d: &Due| s * mark <= d.key;
        if !fresh.peek().is_some_and(reached) && !parts.peek().is_some_and(reached) {
            break;
        }
        if out.rounds.len() >= MOST_ROUNDS {
            out.cut = true;
            break;
        }
        let mut round = Round {
            from: mark,
            to: mark,
            wallets: 0,
            size: 0.0,
        };
        orders.clear();
        let mut back: Vec<Due> = Vec::new();
        while let Some(d) = match (fresh.peek(), parts.peek()) {
            (Some(a), Some(b)) if a >= b && reached(a) => fresh.next(),
            (_, Some(b)) if reached(b) => parts.pop(),
            (Some(a), _) if reached(a) => fresh.next(),
            _ => None,
        } {
            let level = s * d.key;
            // Equity at the mark, over the size: what stood behind it at its level, less the way from there.
            let equity = mmr * level - s * (level - mark);
            let required = mmr * mark;
            if !d.again {
                out.wallets += 1;
                round.wallets += 1;
            }
            let bankruptcy = level * (1.0 - s * mmr);
            let share = match terms.orders {
                Orders::Slices { backstop, .. } if equity < backstop * required => {
                    out.backstop_size += d.size;
                    continue;
                }
                Orders::Slices { share, above, .. } if !d.again && d.size * mark > above => share,
                Orders::Stepwise if equity > 0.0 => (1.0 - equity / required).max(0.1),
                _ => 1.0,
            };
            orders.push((d.size * share, bankruptcy));
            let left = d.size * (1.0 - share);
            if left > 1e-12 * d.size {
                // Its equity is unchanged, its size is not: s·(P − mark)·left + equity = mmr·P·left.
                let behind = equity * d.size / left;
                back.push(Due {
                    key: s * (mark - s * behind) / (1.0 - s * mmr),
                    size: left,
                    again: true,
                });
            }
        }
        fill(&mut out, &orders, depth, terms, s, &mut round);
        parts.extend(back);
        round.to = start + terms.mark_share * (out.final_price - start);
        out.final_mark = round.to;
        out.rounds.push(round);
        if out.exhausted {
            break;
        }
    }
    out
}

/// The largest share that `holds`, which does for none and, where it does for one, for every smaller.
fn carried(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// All orders of a round through the book at one average price; what the fund cannot carry is closed against the other side.
fn fill(out: &mut Cascade, orders: &[(f64, f64)], depth: &Depth, terms: &Terms, s: f64, round: &mut Round) {
    let whole: f64 = orders.iter().map(|o| o.0).sum();
    if whole <= 0.0 {
        return;
    }
    // What the book has left; the rest finds nobody.
    let room = (depth.end() - out.size).max(0.0);
    let most = (room / whole).min(1.0);
    if most < 1.0 {
        out.exhausted = true;
        out.unfilled += whole - whole * most;
    }
    let average = |size: f64| (depth.notional(out.size + size) - depth.notional(out.size)) / size;
    let missing =
        |price: f64, share: f64| -> f64 { orders.iter().map(|(q, b)| share * q * (s * (b - price)).max(0.0)).sum() };
    let share = match out.fund {
        Some(fund) if most > 0.0 && missing(average(whole * most), most) > fund => {
            most * carried(|share| missing(average(whole * most * share), most * share) <= fund)
        }
        _ => most,
    };
    let sold = whole * share;
    if sold > 0.0 {
        let price = average(sold);
        let lost = missing(price, share);
        let won: f64 = orders.iter().map(|(q, b)| share * q * (s * (price - b)).max(0.0)).sum();
        out.shortfall += lost;
        out.surplus += won;
        if let Some(fund) = &mut out.fund {
            *fund += if terms.surplus_to_fund { won } else { 0.0 } - lost;
        }
        out.notional += sold * price;
        out.size += sold;
        round.size += sold;
        if let Some(p) = depth.price(out.size) {
            out.final_price = p;
        }
    }
    if share < most {
        out.deleveraged_size += orders.iter().map(|(q, _)| (most - share) * q).sum::<f64>();
        out.deleveraged_notional += orders.iter().map(|(q, b)| (most - share) * q * b).sum::<f64>();
        out.first_deleveraging.get_or_insert(out.rounds.len() + 1);
    }
}
