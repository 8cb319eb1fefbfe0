//! How much room an account has: per position, for the whole account, for the whole market, and for each pair.

use super::leg::{Leg, Payoff};
use super::solve::{Moving, Towards, crossing, direction, gap};
use crate::market::InstrumentKind;
use crate::units::{MarginMode, Side};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A position after its venue's rule has been applied.
#[derive(Clone, Debug)]
pub struct Holding {
    pub symbol: String,
    pub side: Side,
    pub kind: InstrumentKind,
    pub leg: Leg,
    /// Isolated: collateral behind the position without profit and loss, closing-fee reserve included where the venue
    /// holds one.
    pub cash: f64,
    pub initial_margin: f64,
    /// Equity at which nothing is left for the trader (Bybit still owes the reserved fee there; elsewhere 0).
    pub bankrupt_at: f64,
    /// Move of this market for a common move of 1 (1 when unknown).
    pub beta: f64,
    /// Pool with another token as collateral: tokens and their value, for the second liquidation price.
    pub other_collateral: Option<(f64, f64)>,
    /// What the venue itself prints as margin ratio, where it differs: equity over requirement (OKX).
    pub inverted_ratio: bool,
}

/// A tier as used in an answer. `tier` counts from 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct TierUse {
    pub tier: usize,
    pub maintenance_margin_rate: f64,
    pub maintenance_amount: f64,
}

/// The answer for one position. Money in collateral units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct PositionRoom {
    pub symbol: String,
    pub side: Side,
    /// At mark, in collateral units.
    pub notional: f64,
    pub unrealised_pnl: f64,
    pub initial_margin: f64,
    /// As the venue counts it (Bybit's includes the fee to close, OKX's does not).
    pub maintenance_margin: f64,
    /// What must be covered beside maintenance margin (OKX: the liquidation fee).
    pub fee_reserve: f64,
    /// Isolated: of the position. Cross: of the whole account, which stands behind it.
    pub equity: f64,
    /// Requirement over equity; liquidation at 1. Null when equity is not positive.
    pub margin_ratio: Option<f64>,
    /// The figure the venue prints under that name, where it is another one.
    pub venue_margin_ratio: Option<f64>,
    /// Notional over equity, now.
    pub effective_leverage: Option<f64>,
    /// Null: cannot be liquidated by this price alone.
    pub liquidation_price: Option<f64>,
    /// The same with today's tier kept on the way, as some venues show it.
    pub liquidation_price_current_tier: Option<f64>,
    pub bankruptcy_price: Option<f64>,
    /// Adverse move to liquidation as a fraction of mark; negative when already past it.
    pub distance: Option<f64>,
    pub liquidatable_now: bool,
    pub tier: TierUse,
    pub tier_at_liquidation: Option<TierUse>,
    /// Pool positions on another token: the price of that token at which they are closed, the index unchanged.
    pub collateral_liquidation_price: Option<f64>,
}

/// Common move of every market that brings a cross account to its requirement, as fractions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct MarketMove {
    pub down: Option<f64>,
    pub up: Option<f64>,
}

impl MarketMove {
    /// The nearer of the two.
    pub fn nearest(self) -> Option<f64> {
        match (self.down, self.up) {
            (Some(d), Some(u)) => Some(if -d <= u { d } else { u }),
            (d, u) => d.or(u),
        }
    }
}

/// Moves of two markets of one cross account that liquidate it while everything else stands still.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct PairMove {
    pub first: String,
    pub second: String,
    /// Move of the first alone; null when none does it.
    pub first_alone: Option<f64>,
    pub second_alone: Option<f64>,
    /// Both by the same fraction.
    pub together: Option<f64>,
    /// The first by this fraction, the second by its opposite.
    pub apart: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct AccountRoom {
    pub equity: f64,
    pub maintenance_margin: f64,
    pub fee_reserve: f64,
    pub margin_ratio: Option<f64>,
    /// Sum of notionals over equity.
    pub effective_leverage: Option<f64>,
    pub liquidatable_now: bool,
    /// The nearer of `market_move_down` and `market_move_up`; null if none.
    pub market_move_to_liquidation: Option<f64>,
    pub market_move_down: Option<f64>,
    pub market_move_up: Option<f64>,
}

impl Holding {
    fn own<'a>(&'a self) -> Moving<'a> {
        Moving {
            leg: &self.leg,
            at: 0.0,
            per: 1.0,
        }
    }
    fn still<'a>(&'a self) -> Moving<'a> {
        Moving {
            leg: &self.leg,
            at: self.leg.mark_x,
            per: 0.0,
        }
    }
    fn tier_use(&self, x: f64) -> TierUse {
        let k = self.leg.row_index(x);
        let r = self.leg.rows[k];
        TierUse {
            tier: k + 1,
            maintenance_margin_rate: r.rate,
            maintenance_amount: r.amount,
        }
    }
}

/// Requirement over equity, absent when equity is not positive.
fn ratio(requirement: f64, equity: f64) -> Option<f64> {
    (equity > 0.0).then(|| requirement / equity).filter(|r| r.is_finite())
}

/// Sum of notionals at mark.
fn gross(holdings: &[Holding]) -> f64 {
    holdings.iter().map(|h| h.leg.notional(h.leg.mark_x)).sum()
}

/// The holdings of one margin pool: one isolated position, or a whole cross account.
struct PoolView<'a> {
    /// Collateral without profit and loss, less what unlisted positions require.
    cash: f64,
    holdings: &'a [Holding],
    /// Requirement of positions that are not listed.
    other: f64,
}

impl PoolView<'_> {
    /// Legs of `symbol` move with its coordinate; the rest stand at their marks.
    fn moving(&self, symbol: &str) -> Vec<Moving<'_>> {
        self.holdings
            .iter()
            .map(|h| if h.symbol == symbol { h.own() } else { h.still() })
            .collect()
    }

    fn price_at(&self, h: &Holding, cash: f64) -> Option<f64> {
        let legs = self.moving(&h.symbol);
        let mark = h.leg.mark_x;
        let search = |towards| crossing(cash, &legs, mark, towards, 0.0, f64::INFINITY);
        let x = if gap(cash, &legs, mark) > 0.0 {
            // Hedged legs can be liquidated on either side, since a higher tier turns the slope: the nearer one counts.
            let off = |x: &f64| (x / mark).ln().abs();
            search(Towards::Lower)
                .into_iter()
                .chain(search(Towards::Higher))
                .min_by(|a, b| off(a).total_cmp(&off(b)))?
        } else {
            search(direction(cash, &legs, mark)?)?
        };
        Some(h.leg.payoff.x(x)).filter(|p| p.is_finite() && *p > 0.0)
    }

    /// Today's row for every moving leg, so that the answer is what a display without re-tiering shows.
    fn price_in_current_tier(&self, h: &Holding) -> Option<f64> {
        let (a, b) = self.holdings.iter().fold((self.cash, 0.0), |(a, b), o| {
            let (c, d) = o.leg.line(o.leg.row_index(o.leg.mark_x));
            if o.symbol == h.symbol {
                (a + c, b + d)
            } else {
                (a + c + d * o.leg.mark_x, b)
            }
        });
        let x = -a / b;
        (x.is_finite() && x > 0.0)
            .then(|| h.leg.payoff.x(x))
            .filter(|p| p.is_finite())
    }

    /// Price of `h` at which equity is `bankrupt_at`, requirements aside.
    fn bankruptcy(&self, h: &Holding) -> Option<f64> {
        let (a, b) = self
            .holdings
            .iter()
            .fold((self.cash + self.other - h.bankrupt_at, 0.0), |(a, b), o| {
                let l = &o.leg;
                if o.symbol == h.symbol {
                    (
                        a - l.direction * l.units * l.entry_x,
                        b + l.direction * l.units + l.held,
                    )
                } else {
                    (a + l.value(l.mark_x), b)
                }
            });
        let x = -a / b;
        (x.is_finite() && x > 0.0)
            .then(|| h.leg.payoff.x(x))
            .filter(|p| p.is_finite())
    }

    fn equity(&self) -> f64 {
        self.cash + self.other + self.holdings.iter().map(|h| h.leg.value(h.leg.mark_x)).sum::<f64>()
    }

    fn requirement(&self) -> f64 {
        self.other
            + self
                .holdings
                .iter()
                .map(|h| h.leg.requirement(h.leg.mark_x))
                .sum::<f64>()
    }

    fn position(&self, h: &Holding) -> PositionRoom {
        let l = &h.leg;
        let mark = l.payoff.x(l.mark_x);
        let equity = self.equity();
        let requirement = self.requirement();
        let fee_reserve = l.fee_rate * l.notional(l.mark_x);
        let liquidation_price = self.price_at(h, self.cash);
        let liquidatable_now = equity < requirement;
        // The shared price of hedged legs may lie on either side; the sign says on which side the room is.
        let distance = liquidation_price.map(|p| {
            let room = ((p - mark) / mark).abs();
            if liquidatable_now { -room } else { room }
        });
        PositionRoom {
            symbol: h.symbol.clone(),
            side: h.side,
            notional: l.notional(l.mark_x),
            unrealised_pnl: l.pnl(l.mark_x),
            initial_margin: h.initial_margin,
            maintenance_margin: l.tier_margin(l.mark_x) + l.reserve,
            fee_reserve,
            equity,
            margin_ratio: ratio(requirement, equity),
            venue_margin_ratio: (h.inverted_ratio && requirement > 0.0).then(|| equity / requirement),
            effective_leverage: ratio(l.notional(l.mark_x), equity),
            liquidation_price,
            liquidation_price_current_tier: self.price_in_current_tier(h),
            bankruptcy_price: self.bankruptcy(h),
            distance,
            liquidatable_now,
            tier: h.tier_use(l.mark_x),
            tier_at_liquidation: liquidation_price.map(|p| h.tier_use(l.payoff.x(p))),
            collateral_liquidation_price: h
                .other_collateral
                .map(|(amount, value)| (l.requirement(l.mark_x) - l.pnl(l.mark_x) - (self.cash - value)) / amount)
                .filter(|p| p.is_finite() && *p > 0.0),
        }
    }
}

/// The whole answer for holdings checked by their venue's rule.
///
/// `cash` is the cross account's collateral without profit and loss; isolated positions carry their own. `other` is the
/// requirement of positions that are not listed.
pub fn room(
    mode: MarginMode,
    cash: f64,
    other: f64,
    holdings: &[Holding],
) -> (Vec<PositionRoom>, AccountRoom, Vec<PairMove>) {
    match mode {
        MarginMode::Isolated => {
            let positions: Vec<_> = holdings
                .iter()
                .map(|h| {
                    PoolView {
                        cash: h.cash,
                        holdings: std::slice::from_ref(h),
                        other: 0.0,
                    }
                    .position(h)
                })
                .collect();
            let sum = |f: fn(&PositionRoom) -> f64| positions.iter().map(f).sum::<f64>();
            let (equity, maintenance, reserve) =
                (sum(|p| p.equity), sum(|p| p.maintenance_margin), sum(|p| p.fee_reserve));
            let account = AccountRoom {
                equity,
                maintenance_margin: maintenance,
                fee_reserve: reserve,
                margin_ratio: ratio(maintenance + reserve, equity),
                effective_leverage: ratio(gross(holdings), equity),
                liquidatable_now: positions.iter().any(|p| p.liquidatable_now),
                market_move_to_liquidation: None,
                market_move_down: None,
                market_move_up: None,
            };
            (positions, account, Vec::new())
        }
        MarginMode::Cross => {
            let view = PoolView {
                cash: cash - other,
                holdings,
                other,
            };
            let positions: Vec<_> = holdings.iter().map(|h| view.position(h)).collect();
            let reserve = positions.iter().map(|p| p.fee_reserve).sum();
            let market = market_move(cash - other, holdings);
            let account = AccountRoom {
                equity: view.equity(),
                maintenance_margin: view.requirement() - reserve,
                fee_reserve: reserve,
                margin_ratio: ratio(view.requirement(), view.equity()),
                effective_leverage: ratio(gross(holdings), view.equity()),
                liquidatable_now: view.equity() < view.requirement(),
                market_move_to_liquidation: market.nearest(),
                market_move_down: market.down,
                market_move_up: market.up,
            };
            let pairs = pairs(cash - other, holdings);
            (positions, account, pairs)
        }
    }
}

/// Legs when each holding's market moves by `factor(h)·z`; a holding with factor 0 stands still.
///
/// Linear legs move along `mark·(1 + factor·z)`. Inverse legs are straight in `1/(1 + z)`, so there `z` stands for
/// `1/(1 + move) − 1` and the factor must be 0 or 1.
fn shifted(holdings: &[Holding], factor: impl Fn(&Holding) -> f64) -> Vec<Moving<'_>> {
    holdings
        .iter()
        .map(|h| Moving {
            leg: &h.leg,
            at: h.leg.mark_x,
            per: h.leg.mark_x * factor(h),
        })
        .collect()
}

/// First crossing on each side of no move at all, as fractions of price.
fn both_ways(cash: f64, legs: &[Moving], inverse: bool) -> MarketMove {
    if legs.is_empty() || gap(cash, legs, 0.0) <= 0.0 {
        return MarketMove {
            down: legs.first().map(|_| 0.0),
            up: None,
        };
    }
    let lower = crossing(cash, legs, 0.0, Towards::Lower, -1.0, f64::INFINITY);
    // No market has to rise a millionfold for an answer to be of use; beyond that there is none.
    let higher = crossing(cash, legs, 0.0, Towards::Higher, -1.0, 1e6);
    if inverse {
        let to_move = |z: f64| 1.0 / (1.0 + z) - 1.0;
        MarketMove {
            down: higher.map(to_move),
            up: lower.map(to_move),
        }
    } else {
        MarketMove {
            down: lower,
            up: higher,
        }
    }
}

/// The common move of every market, down and up, that liquidates the account.
pub fn market_move(cash: f64, holdings: &[Holding]) -> MarketMove {
    let inverse = is_inverse(holdings);
    let legs = shifted(holdings, |h| if inverse { 1.0 } else { h.beta });
    both_ways(cash, &legs, inverse)
}

fn is_inverse(holdings: &[Holding]) -> bool {
    holdings.iter().any(|h| h.leg.payoff == Payoff::Inverse)
}

/// Every pair of different symbols, in the order of the account; at most the first 20 symbols, to keep the answer short.
fn pairs(cash: f64, holdings: &[Holding]) -> Vec<PairMove> {
    let mut symbols: Vec<&str> = Vec::new();
    for h in holdings {
        if !symbols.contains(&h.symbol.as_str()) && symbols.len() < 20 {
            symbols.push(&h.symbol);
        }
    }
    let inverse = is_inverse(holdings);
    let along = |factor: &dyn Fn(&Holding) -> f64| both_ways(cash, &shifted(holdings, factor), inverse).nearest();
    let mut out = Vec::new();
    for (i, first) in symbols.iter().enumerate() {
        for second in &symbols[i + 1..] {
            out.push(PairMove {
                first: (*first).to_owned(),
                second: (*second).to_owned(),
                first_alone: along(&|h| f64::from(h.symbol == *first)),
                second_alone: along(&|h| f64::from(h.symbol == *second)),
                together: along(&|h| f64::from(h.symbol == *first || h.symbol == *second)),
                // An inverse leg moved the other way is not straight in the same coordinate.
                apart: if inverse {
                    None
                } else {
                    along(&|h| f64::from(h.symbol == *first) - f64::from(h.symbol == *second))
                },
            });
        }
    }
    out
}
