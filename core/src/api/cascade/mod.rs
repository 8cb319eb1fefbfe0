//! Operation `cascade`: the spiral that a shock sets off, once or as a distribution.

mod types;

use super::{Progress, Step, checks};
use crate::cascade::chance::{Doubt, Field, Run};
use crate::cascade::depth::{Depth, Law, evaporated};
use crate::cascade::forced::{self, Orders, Sorted, Terms};
use crate::cascade::queue::{self, Candidate};
use crate::cascade::spiral::{Exposed, Round, run};
use crate::error::EngineError;
use crate::market::{Venue, Wallet};
use crate::units::{self, Side};
use crate::venue::facts::Forced;
use crate::venue::gmx::pool::{ImpactTerms, price_impact};
use libm::sqrt;

pub use types::*;

/// Rounds told; the rest are counted.
const MOST_ROUNDS: usize = 1000;
const MOST_RUNS: usize = 100_000;
const RUNS: usize = 10_000;
const RATE: f64 = 0.0125;

/// Checked.
struct Prepared<'a> {
    request: &'a CascadeRequest,
    price: f64,
    /// Side that is hurt.
    hurt: Side,
    /// Size and liquidation price of everybody on it.
    positions: Vec<(f64, f64)>,
    options: CascadeOptions,
    notes: Vec<String>,
}

fn check(request: &CascadeRequest) -> Result<Prepared<'_>, EngineError> {
    let price = units::price("price", request.price)?;
    let s = &request.shock;
    let hurt = match (s.fraction, s.drop, s.volatility) {
        (Some(x), None, None) => {
            if units::between("shock.move", x, -0.99, 10.0)? == 0.0 {
                return Err(EngineError::invalid(
                    "shock.move",
                    "must not be 0: there is no side to fall to",
                ));
            }
            if x < 0.0 { Side::Long } else { Side::Short }
        }
        (None, Some(x), None) => {
            units::between("shock.drop", x, 1e-9, 0.99)?;
            Side::Long
        }
        (None, None, Some(v)) => {
            units::between("shock.volatility", v, 1e-3, 20.0)?;
            s.hurts.unwrap_or(Side::Long)
        }
        _ => {
            return Err(EngineError::invalid(
                "shock",
                "exactly one of move, drop and volatility is needed",
            ));
        }
    };
    if request.wallets.is_empty() == request.map.is_none() {
        return Err(if request.map.is_none() {
            EngineError::insufficient("wallets", "either wallets or a map is needed")
        } else {
            EngineError::invalid("map", "wallets and a map are given: one of them")
        });
    }
    let mut notes = Vec::new();
    let mut positions: Vec<(f64, f64)> = Vec::new();
    if let Some(map) = &request.map {
        if map.levels.len() > 100_000 {
            return Err(EngineError::invalid("map.levels", "at most 100000 levels"));
        }
        for (k, row) in map.levels.iter().enumerate() {
            units::price(format_args!("map.levels[{k}][0]"), row[0])?;
            for column in [1, 2] {
                units::between(format_args!("map.levels[{k}][{column}]"), row[column], 0.0, 1e18)?;
            }
            let notional = row[if hurt == Side::Long { 1 } else { 2 }];
            if notional > 0.0 {
                positions.push((notional / row[0], row[0]));
            }
        }
        notes.push("notional of the map is taken at its levels; each level counts as one wallet".to_owned());
    } else {
        checks::wallets(&request.wallets, "wallets")?;
        positions.extend(
            request
                .wallets
                .iter()
                .filter(|w| w.side == hurt && w.liquidation_price > 0.0)
                .map(|w| (w.size, w.liquidation_price)),
        );
    }
    let wrong = positions.iter().filter(|p| hurt.sign() * (p.1 - price) >= 0.0).count();
    if wrong > 0 {
        notes.push(format!(
            "{wrong} liquidation prices lie on the wrong side of the price before the shock: liquidated at once"
        ));
    }
    if let Some(book) = &request.book {
        checks::book(book, "book")?;
    }
    if let Some(i) = &request.impact {
        units::between("impact.notional_per_percent", i.notional_per_percent, 1e-6, 1e18)?;
        units::between("impact.power", i.power.unwrap_or(1.0), 0.2, 5.0)?;
    }
    if request.book.is_some() && request.impact.is_some() {
        return Err(EngineError::invalid(
            "impact",
            "a book and a law are given: one of them",
        ));
    }
    let options = request.options.unwrap_or_default();
    units::between("options.mark_share", options.mark_share.unwrap_or(1.0), 0.0, 1.0)?;
    units::between(
        "options.maintenance_margin_rate",
        options.maintenance_margin_rate.unwrap_or(RATE),
        0.0,
        0.5,
    )?;
    units::between(
        "options.insurance_fund",
        options.insurance_fund.unwrap_or(0.0),
        0.0,
        1e18,
    )?;
    units::between("options.evaporation", options.evaporation.unwrap_or(0.0), 0.0, 1000.0)?;
    if let Some(own) = &request.own {
        units::price("own.liquidation_price", own.liquidation_price)?;
        if own.side != hurt {
            return Err(EngineError::invalid(
                "own.side",
                format!("the shock hurts {}s", hurt.word()),
            ));
        }
    }
    Ok(Prepared {
        request,
        price,
        hurt,
        positions,
        options,
        notes,
    })
}

pub(super) fn cascade(
    request: &CascadeRequest,
    explain: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<CascadeResponse, EngineError> {
    let p = check(request)?;
    let plain = request.book.is_some() && request.options.is_none() && request.shock.volatility.is_none();
    let mode = request.mode.as_deref().unwrap_or(if plain { "plain" } else { "full" });
    let mut answer = match mode {
        "plain" | "full" if request.shock.volatility.is_some() => p.stochastic(progress)?,
        "plain" => p.plain()?,
        "full" => p.full()?,
        "pool" => p.pool()?,
        _ => return Err(EngineError::unsupported("mode", "must be plain, full or pool")),
    };
    answer.assumptions.extend(p.notes.iter().cloned());
    answer.explanation = explain.then(|| {
        vec![Step::new(
            "amplification",
            "(price − final price) / (price − shocked price)",
            &[
                ("price", p.price),
                ("final price", answer.final_price),
                ("shocked price", answer.shocked_price),
            ],
            Some(answer.amplification),
            "multiple",
            "the spiral's fixed point",
        )]
    });
    Ok(answer)
}

/// The first of them.
fn told_rounds(rounds: &[Round]) -> Vec<CascadeRound> {
    rounds
        .iter()
        .take(MOST_ROUNDS)
        .map(|r| CascadeRound {
            from: r.from,
            to: r.to,
            wallets: r.wallets,
            size: r.size,
        })
        .collect()
}

impl Prepared<'_> {
    /// The outside move, signed; where one is given.
    fn fraction(&self) -> Result<f64, EngineError> {
        let s = &self.request.shock;
        s.fraction
            .or(s.drop.map(|d| -d))
            .ok_or_else(|| EngineError::invalid("shock.volatility", "this mode takes one shock: a move or a drop"))
    }

    fn empty(&self, shocked: f64) -> CascadeResponse {
        CascadeResponse {
            shocked_price: shocked,
            final_price: shocked,
            liquidated_size: 0.0,
            liquidated_notional: 0.0,
            liquidated_wallets: 0,
            unfilled_size: 0.0,
            book_exhausted: false,
            amplification: 1.0,
            rounds: Vec::new(),
            round_count: 0,
            machinery: None,
            against_depth: Vec::new(),
            probability: None,
            distribution: Vec::new(),
            larger_than: None,
            trigger_price: None,
            assumptions: Vec::new(),
            explanation: None,
        }
    }

    fn plain(&self) -> Result<CascadeResponse, EngineError> {
        let start = self.price * (1.0 + self.fraction()?);
        let falling = self.hurt == Side::Long;
        let book = self
            .request
            .book
            .as_ref()
            .ok_or_else(|| EngineError::insufficient("book", "is missing: plain mode sells into it"))?;
        let mut exposed: Vec<Exposed> = self
            .positions
            .iter()
            .map(|(size, level)| Exposed {
                size: *size,
                liquidation_price: *level,
            })
            .collect();
        // The first to be reached first; of those at one price the order does not matter for where it ends.
        exposed.sort_unstable_by(|a, b| {
            let by_price = a.liquidation_price.total_cmp(&b.liquidation_price);
            let by_price = if falling { by_price.reverse() } else { by_price };
            by_price.then(a.size.total_cmp(&b.size))
        });
        let side = if falling { &book.bids } else { &book.asks };
        let levels: Vec<(f64, f64)> = side
            .iter()
            .copied()
            .filter(|l| if falling { l.0 <= start } else { l.0 >= start })
            .collect();
        let s = run(start, falling, &exposed, &levels);
        let mut out = self.empty(start);
        out.assumptions
            .push("whole liquidations, once each, into the levels given; nothing refills the book".to_owned());
        if levels.len() < side.len() {
            out.assumptions.push(format!(
                "{} levels within the shock are taken to be gone with it",
                side.len() - levels.len()
            ));
        }
        out.final_price = s.final_price;
        out.liquidated_size = s.size;
        out.liquidated_notional = s.filled_notional;
        out.liquidated_wallets = s.wallets;
        out.unfilled_size = s.unfilled;
        out.book_exhausted = s.exhausted;
        out.amplification = (self.price - s.final_price) / (self.price - start);
        out.round_count = s.rounds.len();
        out.rounds = told_rounds(&s.rounds);
        Ok(out)
    }

    /// What is beyond `start`, every size times `share`.
    fn depth(&self, start: f64, share: f64) -> Result<Depth, EngineError> {
        let falling = self.hurt == Side::Long;
        if let Some(book) = &self.request.book {
            let side = if falling { &book.bids } else { &book.asks };
            if side.iter().all(|l| l.1 <= 0.0) {
                return Err(EngineError::insufficient("book", "the side that is sold into is empty"));
            }
            return Ok(Depth::of_book(book, self.price, start, falling, share));
        }
        let i = self
            .request
            .impact
            .ok_or_else(|| EngineError::insufficient("book", "is missing: a book, or an impact law, is needed"))?;
        Ok(Depth::of_law(
            start,
            falling,
            Law {
                size: i.notional_per_percent / self.price * share,
                reach: 0.01,
                power: i.power.unwrap_or(1.0),
            },
        ))
    }

    fn full(&self) -> Result<CascadeResponse, EngineError> {
        let fraction = self.fraction()?;
        checks::evaporation(self.options.evaporation.unwrap_or(0.0), fraction, "options.evaporation")?;
        let start = self.price * (1.0 + fraction);
        let o = &self.options;
        let depth = self.depth(start, evaporated(o.evaporation.unwrap_or(0.0), fraction))?;
        let orders = match o.venue.map_or(Forced::Whole, |v| v.facts().forced) {
            Forced::Whole => Orders::Whole,
            Forced::Stepwise => Orders::Stepwise,
            Forced::Slices => Orders::Slices {
                share: 0.2,
                above: 100_000.0,
                backstop: 2.0 / 3.0,
            },
            Forced::Pool => {
                return Err(EngineError::unsupported("options.venue", "gmx has no book: mode pool"));
            }
        };
        let terms = Terms {
            orders,
            mark_share: o.mark_share.unwrap_or(1.0),
            maintenance_margin_rate: o.maintenance_margin_rate.unwrap_or(RATE),
            insurance_fund: o.insurance_fund,
            // Hyperliquid leaves what remains to the trader.
            surplus_to_fund: o.venue.is_none_or(|v| v.facts().surplus_to_fund),
        };
        let c = forced::run(
            start,
            self.hurt,
            &Sorted::new(self.hurt, &self.positions),
            &depth,
            &terms,
        );
        let mut out = self.empty(start);
        out.final_price = c.final_price;
        out.liquidated_size = c.size + c.backstop_size + c.deleveraged_size;
        out.liquidated_notional = c.notional;
        out.liquidated_wallets = c.wallets;
        out.book_exhausted = c.exhausted;
        out.unfilled_size = c.unfilled;
        out.amplification = (self.price - c.final_price) / (self.price - start);
        out.round_count = c.rounds.len();
        out.rounds = told_rounds(&c.rounds);
        if !depth.has_end() && self.request.book.is_some() {
            out.assumptions
                .push("behind the levels given depth goes on by a power law fitted to them".to_owned());
        }
        out.assumptions.push(
            "orders of a round go through together at one average price; nothing refills the book meanwhile".to_owned(),
        );
        out.against_depth = self.against_depth(start, c.final_price, &depth);
        if c.cut {
            out.assumptions
                .push(format!("given up after {} rounds: more would follow", c.rounds.len()));
        }
        out.machinery = Some(Machinery {
            final_mark: c.final_mark,
            backstop_size: c.backstop_size,
            shortfall: c.shortfall,
            surplus: c.surplus,
            insurance_fund: c.fund,
            deleveraged_size: c.deleveraged_size,
            deleveraged_notional: c.deleveraged_notional,
            first_deleveraging: c.first_deleveraging,
            deleveraged: self.queue(c.final_mark, c.deleveraged_size),
            ..Machinery::default()
        });
        Ok(out)
    }

    /// What is due and what the book takes, from the shocked price on.
    fn against_depth(&self, start: f64, final_price: f64, depth: &Depth) -> Vec<[f64; 3]> {
        const POINTS: usize = 60;
        let s = self.hurt.sign();
        let beyond = (final_price / start - 1.0).abs();
        let pushed = (start / self.price - 1.0).abs();
        let reach = (1.5 * beyond)
            .max(0.5 * pushed)
            .clamp(0.02, if s > 0.0 { 0.95 } else { 20.0 });
        let mut due: Vec<(f64, f64)> = self
            .positions
            .iter()
            .map(|(size, level)| (s * level, size * level))
            .collect();
        due.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let (mut next, mut sum) = (0, 0.0);
        (0..=POINTS)
            .map(|k| {
                let price = start * (1.0 - s * reach * k as f64 / POINTS as f64);
                while next < due.len() && due[next].0 >= s * price {
                    sum += due[next].1;
                    next += 1;
                }
                [price, sum, depth.notional(depth.size_beyond(price))]
            })
            .collect()
    }

    /// Winners that are closed, in their order. Margins that are not given follow from the liquidation price.
    fn queue(&self, mark: f64, size: f64) -> Vec<Deleveraged> {
        if size <= 0.0 {
            return Vec::new();
        }
        let side = if self.hurt == Side::Long {
            Side::Short
        } else {
            Side::Long
        };
        let rate = self.options.maintenance_margin_rate.unwrap_or(RATE);
        let winners: Vec<&Wallet> = self.request.wallets.iter().filter(|w| w.side == side).collect();
        let candidates: Vec<Candidate> = winners
            .iter()
            .map(|w| {
                let s = side.sign();
                // Without a level there is at least the whole notional behind it.
                let implied = if w.liquidation_price > 0.0 {
                    w.size * (rate * w.liquidation_price - s * (w.liquidation_price - w.entry_price))
                } else {
                    w.size * w.entry_price
                };
                Candidate {
                    size: w.size,
                    entry_price: w.entry_price,
                    margin: w.margin.unwrap_or(implied).max(1e-9 * w.size * w.entry_price),
                }
            })
            .collect();
        queue::close(
            self.options.venue.unwrap_or(Venue::Binance),
            side,
            mark,
            &candidates,
            size,
        )
        .into_iter()
        .take(100)
        .map(|(i, size)| Deleveraged {
            id: winners[i].id.clone(),
            size,
        })
        .collect()
    }

    fn pool(&self) -> Result<CascadeResponse, EngineError> {
        let start = self.price * (1.0 + self.fraction()?);
        let s = self.hurt.sign();
        let rate = self.options.maintenance_margin_rate.unwrap_or(RATE);
        let mut out = self.empty(start);
        let mut loss = 0.0;
        for (size, level) in self.positions.iter().filter(|p| s * (start - p.1) <= 0.0) {
            out.liquidated_wallets += 1;
            out.liquidated_size += size;
            out.liquidated_notional += size * start;
            loss += size * (s * (level * (1.0 - s * rate) - start)).max(0.0);
        }
        out.assumptions.push(
            "positions close against the pool at the oracle price, which their orders do not move: there is no second round"
                .to_owned(),
        );
        let mut machinery = Machinery {
            final_mark: start,
            shortfall: loss,
            pool_loss: loss,
            ..Machinery::default()
        };
        if let Some(terms) = self.options.pool {
            self.in_the_pool(&terms, start, loss, &mut machinery)?;
        }
        out.machinery = Some(machinery);
        Ok(out)
    }

    /// What the closings do to the pool: its skew, the impact they pay, and winners that it cannot pay.
    fn in_the_pool(&self, terms: &PoolTerms, start: f64, loss: f64, m: &mut Machinery) -> Result<(), EngineError> {
        let at = |field: &str| format!("options.pool.{field}");
        let value = units::between(at("value"), terms.value, 1.0, 1e18)?;
        let factor = |field: &str, x: Option<f64>| x.map(|x| units::between(at(field), x, 0.0, 10.0)).transpose();
        let most = factor("max_pnl_factor", terms.max_pnl_factor)?;
        let least = factor("min_pnl_factor", terms.min_pnl_factor)?;
        if most.zip(least).is_some_and(|(most, least)| least > most) {
            return Err(EngineError::invalid(
                at("min_pnl_factor"),
                "must not be above max_pnl_factor",
            ));
        }
        let s = self.hurt.sign();
        let closed =
            |w: &Wallet| w.side == self.hurt && w.liquidation_price > 0.0 && s * (start - w.liquidation_price) <= 0.0;
        let notional = |side: Side, all: bool| -> f64 {
            let mine = self
                .request
                .wallets
                .iter()
                .filter(|w| w.side == side && (all || !closed(w)));
            mine.map(|w| w.size * start).fold(0.0, |a, b| a + b)
        };
        let sides = |all: bool| (notional(Side::Long, all), notional(Side::Short, all));
        let (before, after) = (sides(true), sides(false));
        let skew = |x: (f64, f64)| {
            if x.0 + x.1 > 0.0 {
                (x.0 - x.1) / (x.0 + x.1)
            } else {
                0.0
            }
        };
        m.skew = Some([skew(before), skew(after)]);
        if let Some(f) = terms.impact_factor {
            let f = units::between(at("impact_factor"), f, 0.0, 1.0)?;
            let e = units::between(at("impact_exponent"), terms.impact_exponent.unwrap_or(2.0), 1.0, 4.0)?;
            let same = ImpactTerms {
                positive_factor: f,
                negative_factor: f,
                positive_exponent: e,
                negative_exponent: e,
            };
            m.price_impact = Some(price_impact(same, before.0, before.1, after.0, after.1));
        }
        // Profit of the other side, which the pool owes.
        let winners: Vec<&Wallet> = self.request.wallets.iter().filter(|w| w.side != self.hurt).collect();
        let profit = |w: &Wallet| (-s * w.size * (start - w.entry_price)).max(0.0);
        let owed: f64 = winners.iter().map(|w| profit(w)).sum();
        let left = (value - loss).max(1e-9);
        m.pnl_factor = Some(owed / left);
        let Some(limit) = most.filter(|limit| owed / left > *limit) else {
            return Ok(());
        };
        // The most profitable first, as much of each as brings the factor down; what is closed is paid out of the pool.
        let wanted = owed - least.unwrap_or(limit) * left;
        let mut order: Vec<&&Wallet> = winners.iter().filter(|w| profit(w) > 0.0).collect();
        order.sort_by(|a, b| {
            (profit(b) / b.size)
                .total_cmp(&(profit(a) / a.size))
                .then(a.id.cmp(&b.id))
        });
        let mut realised = 0.0;
        for w in order {
            if realised >= wanted {
                break;
            }
            let share = ((wanted - realised) / profit(w)).min(1.0);
            realised += share * profit(w);
            m.deleveraged_size += share * w.size;
            m.deleveraged_notional += share * w.size * start;
            if m.deleveraged.len() < 100 {
                m.deleveraged.push(Deleveraged {
                    id: w.id.clone(),
                    size: share * w.size,
                });
            }
        }
        m.first_deleveraging = Some(1);
        Ok(())
    }

    fn stochastic(&self, progress: &mut dyn FnMut(Progress)) -> Result<CascadeResponse, EngineError> {
        let u = self.request.uncertainty.unwrap_or_default();
        let doubt = Doubt {
            depth: units::between("uncertainty.depth", u.depth.unwrap_or(0.5), 0.0, 3.0)?,
            size: units::between("uncertainty.size", u.size.unwrap_or(0.5), 0.0, 3.0)?,
            levels: units::between("uncertainty.levels", u.levels.unwrap_or(0.1), 0.0, 1.0)?,
        };
        let coverage = units::between("uncertainty.coverage", u.coverage.unwrap_or(1.0), 0.001, 1.0)?;
        let runs = self.request.runs.unwrap_or(RUNS);
        if !(10..=MOST_RUNS).contains(&runs) {
            return Err(EngineError::invalid(
                "runs",
                format!("must be 10 to {MOST_RUNS}; got {runs}"),
            ));
        }
        let volatility = self.request.shock.volatility.unwrap_or(0.0);
        let hours = match self.request.shock.horizon_hours {
            Some(h) => vec![units::horizon_hours("shock.horizon_hours", h)?],
            None => vec![0.25, 0.5, 24.0],
        };
        if self.positions.is_empty() {
            return Err(EngineError::insufficient(
                "wallets",
                "nobody is on the side that the shocks hurt",
            ));
        }
        let depth = self.depth(self.price, 1.0)?;
        let o = &self.options;
        let field = Field::new(
            self.price,
            self.hurt,
            &self.positions,
            &depth,
            o.mark_share.unwrap_or(1.0),
            o.evaporation.unwrap_or(0.0),
        );
        let larger_than = match self.request.larger_than {
            Some(x) => units::between("larger_than", x, 0.0, 1e18)?,
            None => 0.05 * field.notional() / coverage,
        };
        let mut distribution = Vec::new();
        let mut first = None;
        for (k, h) in hours.iter().enumerate() {
            // The same draws for each horizon: a longer one is never told less likely by chance.
            let seed = u64::from(self.request.seed) + (1 << 32);
            let mut all = field.runs(volatility, *h, doubt, coverage, runs, seed);
            distribution.push(self.told(*h, &mut all, larger_than));
            first.get_or_insert(median(&mut all, self.price));
            progress(Progress {
                share: (k + 1) as f64 / hours.len() as f64,
            });
        }
        let middle = first.unwrap_or_default();
        let mut out = self.empty(self.price * (1.0 - self.hurt.sign() * middle));
        let centre = field.run(middle, 1.0, 1.0 / coverage, 1.0);
        out.final_price = centre.final_price;
        out.liquidated_notional = centre.notional;
        out.liquidated_size = centre.size;
        out.amplification = amplification(self.price, &centre);
        out.probability = distribution.first().map(|d| d.probability);
        out.larger_than = Some(larger_than);
        out.trigger_price = field
            .trigger(larger_than, coverage)
            .map(|x| self.price * (1.0 - self.hurt.sign() * x));
        out.distribution = distribution;
        out.assumptions.push(format!(
            "shocks: the farthest a driftless price of this volatility goes, with tails of a t of 4 degrees; spread of depth {}, of what is not seen {}, of levels {}; share seen {coverage}",
            doubt.depth, doubt.size, doubt.levels
        ));
        out.assumptions
            .push("forced notional is counted at the liquidation prices; every position is closed whole".to_owned());
        Ok(out)
    }

    fn told(&self, hours: f64, runs: &mut [Run], larger_than: f64) -> CascadeChance {
        let n = runs.len() as f64;
        let share = |of: &dyn Fn(&Run) -> bool| runs.iter().filter(|r| of(r)).count() as f64 / n;
        let probability = share(&|r| r.notional > larger_than);
        let s = self.hurt.sign();
        let reached = |of: &dyn Fn(&Run) -> f64| {
            self.request
                .own
                .map(|own| share(&|r| s * (of(r) - own.liquidation_price) <= 0.0))
        };
        let (own_without, own_with) = (reached(&|r| r.shocked), reached(&|r| r.final_mark));
        let mean = runs.iter().map(|r| amplification(self.price, r)).sum::<f64>() / n;
        let quantiles = |of: &dyn Fn(&Run) -> f64| {
            let mut x: Vec<f64> = runs.iter().map(of).collect();
            x.sort_by(f64::total_cmp);
            [0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99].map(|q| x[((q * n) as usize).min(x.len() - 1)])
        };
        CascadeChance {
            hours,
            probability,
            standard_error: sqrt(probability * (1.0 - probability) / n),
            forced_notional: quantiles(&|r| r.notional),
            final_price: quantiles(&|r| r.final_price),
            amplification: mean,
            own_without,
            own_with,
        }
    }
}

fn amplification(price: f64, r: &Run) -> f64 {
    let outside = price - r.shocked;
    if outside == 0.0 {
        1.0
    } else {
        (price - r.final_price) / outside
    }
}

/// The middle shock, as a fraction of the price.
fn median(runs: &mut [Run], price: f64) -> f64 {
    runs.sort_by(|a, b| a.shocked.total_cmp(&b.shocked));
    (1.0 - runs[runs.len() / 2].shocked / price).abs()
}
