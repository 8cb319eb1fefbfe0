//! One account through one tape.

use super::policy::Policy;
use super::tape::{Bar, Tape};
use crate::market::Tiers;
use crate::units::Side;
use libm::sqrt;

/// Of every order: fractions of its notional.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    pub taker_fee: f64,
    pub slippage: f64,
    /// More slippage by size: times the root of notional over what the bar traded.
    pub impact: f64,
    /// What a liquidation takes of the notional; `None`: everything that is left.
    pub liquidation_fee: Option<f64>,
}

pub struct Setup<'a> {
    pub tape: &'a Tape,
    /// Bar at whose close the position is entered, and the one at whose close it is left.
    pub first: usize,
    pub last: usize,
    pub equity: f64,
    pub leverage: f64,
    pub side: Side,
    pub costs: Costs,
    pub tiers: &'a Tiers,
    /// Down to the tier below instead of whole, as long as there is one.
    pub partial: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trade {
    /// Close of the bar, ms; for a liquidation the opening of its bar.
    pub time: f64,
    pub hedge: bool,
    /// Signed: bought is positive.
    pub size: f64,
    pub price: f64,
    pub fee: f64,
    pub slippage: f64,
    pub reason: &'static str,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub final_equity: f64,
    pub price_pnl: f64,
    pub funding: f64,
    pub fees: f64,
    pub slippage: f64,
    /// What liquidations took beyond the price's loss; negative where the insurance fund had to pay.
    pub liquidation_loss: f64,
    pub max_drawdown: f64,
    /// The same at the worst prices within the bars.
    pub max_drawdown_intrabar: f64,
    /// Share of the time below the highest equity so far.
    pub under_water: f64,
    /// Opening time of the bar.
    pub liquidated_at: Option<f64>,
    pub partial_liquidations: usize,
    /// Notional traded over the first equity.
    pub turnover: f64,
    /// `[close time, equity]`, where asked for.
    pub curve: Vec<[f64; 2]>,
    pub trades: Vec<Trade>,
    pub trade_count: usize,
}

/// Trades that are told; the rest are counted.
const MOST_TRADES: usize = 1000;

struct Account<'a> {
    setup: &'a Setup<'a>,
    /// Equity at the prices last booked.
    equity: f64,
    /// Signed base units and the price at which each was last booked.
    main: (f64, f64),
    hedge: (f64, f64),
    out: Outcome,
    traded: f64,
    keep: bool,
}

impl Account<'_> {
    /// Profit since the last booking, at these prices.
    fn gain(&self, main: f64, hedge: f64) -> f64 {
        self.main.0 * (main - self.main.1) + self.hedge.0 * (hedge - self.hedge.1)
    }

    fn requirement(&self, main: f64, hedge: f64) -> f64 {
        let t = self.setup.tiers;
        let one = |size: f64, price: f64| {
            if size == 0.0 {
                0.0
            } else {
                t.maintenance(size.abs() * price)
            }
        };
        one(self.main.0, main) + one(self.hedge.0, hedge)
    }

    /// Equity over what is required.
    fn room(&self, main: f64, hedge: f64) -> f64 {
        self.equity + self.gain(main, hedge) - self.requirement(main, hedge)
    }

    fn book(&mut self, main: f64, hedge: f64) {
        let gain = self.gain(main, hedge);
        self.equity += gain;
        self.out.price_pnl += gain;
        (self.main.1, self.hedge.1) = (main, hedge);
    }

    /// Buys `size` (signed) at the price just booked.
    fn trade(&mut self, time: f64, hedge: bool, size: f64, bar: &Bar, reason: &'static str) {
        if size == 0.0 {
            return;
        }
        let c = &self.setup.costs;
        let price = if hedge { self.hedge.1 } else { self.main.1 };
        let notional = size.abs() * price;
        let traded = bar.volume * bar.close;
        let deep = if c.impact > 0.0 && traded > 0.0 {
            c.impact * sqrt(notional / traded)
        } else {
            0.0
        };
        let (fee, slippage) = (notional * c.taker_fee, notional * (c.slippage + deep));
        self.equity -= fee + slippage;
        self.out.fees += fee;
        self.out.slippage += slippage;
        self.traded += notional;
        if hedge {
            self.hedge.0 += size;
        } else {
            self.main.0 += size;
        }
        self.out.trade_count += 1;
        if self.keep && self.out.trades.len() < MOST_TRADES {
            self.out.trades.push(Trade {
                time,
                hedge,
                size,
                price,
                fee,
                slippage,
                reason,
            });
        }
    }

    fn funding(&mut self, main: &Bar, hedge: Option<&Bar>) {
        let paid = self.main.0 * main.open * main.funding + hedge.map_or(0.0, |h| self.hedge.0 * h.open * h.funding);
        self.equity -= paid;
        self.out.funding -= paid;
    }

    /// Whether the account ends in this bar. From the open to the corner where everything is at its worst.
    fn liquidated(&mut self, time: f64, main: &Bar, hedge: Option<&Bar>) -> bool {
        let worst = |size: f64, bar: &Bar| if size > 0.0 { bar.low } else { bar.high };
        let flat = Bar {
            open: self.hedge.1,
            high: self.hedge.1,
            low: self.hedge.1,
            close: self.hedge.1,
            volume: 0.0,
            funding: 0.0,
        };
        let h = hedge.unwrap_or(&flat);
        let corner = (worst(self.main.0, main), worst(self.hedge.0, h));
        let mut from = (main.open, h.open);
        while self.room(corner.0, corner.1) <= 0.0 {
            // The first point of the way at which nothing is left; the open itself when the market gapped.
            let on = |x: f64| (from.0 + x * (corner.0 - from.0), from.1 + x * (corner.1 - from.1));
            let mut at = from;
            if self.room(from.0, from.1) > 0.0 {
                let (mut low, mut high) = (0.0, 1.0);
                for _ in 0..60 {
                    let middle = 0.5 * (low + high);
                    let p = on(middle);
                    if self.room(p.0, p.1) > 0.0 {
                        low = middle;
                    } else {
                        high = middle;
                    }
                }
                at = on(high);
            }
            self.book(at.0, at.1);
            let fee = self.setup.costs.liquidation_fee;
            let notional = self.main.0.abs() * at.0;
            let tier = self.setup.tiers.index(notional);
            if self.setup.partial && tier > 0 && self.hedge.0 == 0.0 && self.equity > 0.0 {
                // Just under the floor of its tier.
                let keep = self.setup.tiers.rows()[tier].floor * (1.0 - 1e-9) / at.0;
                let size = self.main.0.signum() * (keep - self.main.0.abs());
                let lost = (fee.unwrap_or(0.0) * size.abs() * at.0).min(self.equity);
                self.equity -= lost;
                self.out.liquidation_loss += lost;
                self.trade(time, false, size, main, "partial liquidation");
                self.out.partial_liquidations += 1;
                from = at;
                continue;
            }
            // What is left is the venue's, or the fund pays what is missing.
            let lost = match fee {
                Some(f) if self.equity > 0.0 => (f * (notional + self.hedge.0.abs() * at.1)).min(self.equity),
                _ => self.equity,
            };
            self.equity -= lost;
            self.out.liquidation_loss += lost;
            for (hedge, size, price) in [(false, self.main.0, at.0), (true, self.hedge.0, at.1)] {
                if size != 0.0 {
                    self.out.trade_count += 1;
                    if self.keep && self.out.trades.len() < MOST_TRADES {
                        self.out.trades.push(Trade {
                            time,
                            hedge,
                            size: -size,
                            price,
                            fee: 0.0,
                            slippage: 0.0,
                            reason: "liquidation",
                        });
                    }
                }
            }
            (self.main.0, self.hedge.0) = (0.0, 0.0);
            self.out.liquidated_at = Some(time);
            return true;
        }
        false
    }
}

/// Walks a policy through the tape; curve and trades where `keep`.
pub fn run(setup: &Setup, policy: &Policy, keep: bool) -> Outcome {
    let tape = setup.tape;
    let s = setup.side.sign();
    let entered = &tape.main[setup.first];
    let hedge_at = |k: usize| tape.hedge.get(k);
    let mut a = Account {
        setup,
        equity: setup.equity,
        main: (0.0, entered.close),
        hedge: (0.0, hedge_at(setup.first).map_or(0.0, |h| h.close)),
        traded: 0.0,
        keep,
        out: Outcome {
            final_equity: 0.0,
            price_pnl: 0.0,
            funding: 0.0,
            fees: 0.0,
            slippage: 0.0,
            liquidation_loss: 0.0,
            max_drawdown: 0.0,
            max_drawdown_intrabar: 0.0,
            under_water: 0.0,
            liquidated_at: None,
            partial_liquidations: 0,
            turnover: 0.0,
            curve: Vec::new(),
            trades: Vec::new(),
            trade_count: 0,
        },
    };
    let mut peak = setup.equity;
    let mut below = 0;
    // A plan may enter smaller than asked where it knows the market to be wild.
    let open = policy
        .wanted(
            setup.leverage,
            setup.leverage,
            setup.side,
            rate(setup, setup.equity * setup.leverage),
            tape.volatility[setup.first],
        )
        .unwrap_or(setup.leverage)
        .min(setup.leverage);
    let close_time = |k: usize| tape.times[k] + tape.step;
    let notional = setup.equity * open;
    a.trade(
        close_time(setup.first),
        false,
        s * notional / entered.close,
        entered,
        "entry",
    );
    adjust_hedge(&mut a, policy, setup.first, "entry of the hedge");
    let mut mark = |a: &mut Account, k: usize, low: f64| {
        let equity = a.equity;
        if equity >= peak {
            peak = equity;
        } else {
            below += 1;
        }
        a.out.max_drawdown = a.out.max_drawdown.max(1.0 - equity / peak);
        a.out.max_drawdown_intrabar = a.out.max_drawdown_intrabar.max(1.0 - low.min(equity) / peak);
        if keep {
            a.out.curve.push([close_time(k), equity]);
        }
    };
    let start = a.equity;
    mark(&mut a, setup.first, start);
    let mut end = setup.last;
    for k in setup.first + 1..=setup.last {
        let (bar, hedge) = (&tape.main[k], hedge_at(k));
        a.funding(bar, hedge);
        let time = tape.times[k];
        let worst = a.equity
            + a.gain(
                if a.main.0 > 0.0 { bar.low } else { bar.high },
                hedge.map_or(a.hedge.1, |h| if a.hedge.0 > 0.0 { h.low } else { h.high }),
            );
        if a.liquidated(time, bar, hedge) {
            let left = a.equity;
            mark(&mut a, k, left);
            end = k;
            break;
        }
        a.book(bar.close, hedge.map_or(a.hedge.1, |h| h.close));
        if k == setup.last {
            a.trade(close_time(k), false, -a.main.0, bar, "exit");
            if let Some(h) = hedge {
                a.trade(close_time(k), true, -a.hedge.0, h, "exit of the hedge");
            }
        } else if (k - setup.first).is_multiple_of(policy.every) {
            decide(&mut a, policy, k);
        }
        mark(&mut a, k, worst);
    }
    let bars = (end - setup.first + 1) as f64;
    a.out.under_water = below as f64 / bars;
    a.out.final_equity = a.equity;
    a.out.turnover = a.traded / setup.equity;
    a.out
}

/// Maintenance rate, as a fraction of the notional, at a notional.
fn rate(setup: &Setup, notional: f64) -> f64 {
    setup.tiers.maintenance(notional) / notional
}

fn decide(a: &mut Account, policy: &Policy, k: usize) {
    let tape = a.setup.tape;
    let bar = &tape.main[k];
    let held = a.main.0.abs() * bar.close;
    if a.equity > 0.0 && held > 0.0 {
        let now = held / a.equity;
        let wanted = policy.wanted(
            now,
            a.setup.leverage,
            a.setup.side,
            rate(a.setup, held),
            tape.volatility[k],
        );
        if let Some(wanted) = wanted {
            let size = a.setup.side.sign() * a.equity * wanted / bar.close - a.main.0;
            let reason = if wanted < now { "cut" } else { "restored" };
            a.trade(tape.times[k] + tape.step, false, size, bar, reason);
        }
    }
    adjust_hedge(a, policy, k, "hedge");
}

fn adjust_hedge(a: &mut Account, policy: &Policy, k: usize, reason: &'static str) {
    let tape = a.setup.tape;
    let (Some(h), Some(bar), Some(Some(beta))) = (policy.hedge, tape.hedge.get(k), tape.beta.get(k)) else {
        return;
    };
    if a.equity <= 0.0 {
        return;
    }
    let beside = a.main.0 * a.main.1 * beta + a.hedge.0 * bar.close - h.target_delta * a.equity;
    if beside.abs() > h.band * a.equity {
        let to = beside.signum() * h.band * a.equity;
        a.trade(tape.times[k] + tape.step, true, (to - beside) / bar.close, bar, reason);
    }
}
