//! Each limit's own size: closed form where there is one, a root of simulated chances where there is none.

use super::outcomes::Outcomes;
use super::{COARSE, CONFIDENCE, EQUAL, FINE, FIRST, LimitSize, Sizing};
use crate::api::{Progress, checks};
use crate::error::EngineError;
use crate::market::{Book, Market};
use crate::units::{MarginMode, Side};
use crate::venue::snapshot;
use libm::{log, sqrt};

impl Sizing<'_> {
    pub(super) fn limits(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<Vec<LimitSize>, EngineError> {
        let l = self.request.limits;
        let mut out = vec![];
        if let Some(equity) = self.equity {
            let room = (self.max_leverage * equity - self.gross) / self.notional_per_size;
            out.push(LimitSize {
                name: "max_leverage".to_owned(),
                limit: self.max_leverage,
                size: Some(room.max(0.0)),
                value: None,
                without: Some(self.gross / equity),
            });
            if self.request.account.margin_mode == MarginMode::Isolated {
                let used: f64 = self.job.pools[..self.at.0].iter().map(|p| p.cash).sum();
                out.push(LimitSize {
                    name: "wallet_balance".to_owned(),
                    limit: equity,
                    size: Some(((equity - used) * self.leverage / self.notional_per_size).max(0.0)),
                    value: None,
                    without: Some(used),
                });
            }
        }
        out.extend(self.tier());
        if let Some(limit) = l.max_exit_cost {
            out.push(self.exit(limit)?);
        }
        if let Some(limit) = l.max_expected_shortfall {
            out.push(self.shortfall(limit, l.confidence.unwrap_or(CONFIDENCE)));
        }
        progress(Progress { share: 0.3 });
        if let Some(limit) = l.max_liquidation_probability {
            let found = self.by_probability(limit, progress);
            out.push(found);
        }
        // What each is at the size answered.
        let size = out.iter().filter_map(|b| b.size).fold(f64::INFINITY, f64::min);
        if size.is_finite() {
            let notional = size * self.notional_per_size;
            for b in &mut out {
                b.value = match b.name.as_str() {
                    "max_leverage" => self.equity.map(|e| (self.gross + notional) / e),
                    "wallet_balance" => b.without.map(|w| w + notional / self.leverage),
                    "venue_tier" => Some(notional),
                    "max_exit_cost" => self.exit_cost(size),
                    _ => b.value,
                };
            }
        }
        Ok(out)
    }

    /// The venue's tiers: the largest notional at which the leverage wanted is allowed.
    pub(super) fn tier(&self) -> Option<LimitSize> {
        let leg = &self.job.pools[self.at.0].holdings[self.at.1].leg;
        let row = leg.rows.iter().rev().find(|r| r.max_leverage >= self.leverage)?;
        // Tiers are over notional in the venue's own unit, which the leg keeps.
        row.cap.is_finite().then(|| LimitSize {
            name: "venue_tier".to_owned(),
            limit: row.cap,
            size: Some(row.cap / self.notional_per_size),
            value: None,
            without: None,
        })
    }

    pub(super) fn book(&self) -> Option<&Book> {
        self.market().book.as_ref()
    }

    pub(super) fn market(&self) -> &Market {
        &self.request.markets[&self.request.candidate.symbol]
    }

    pub(super) fn taker_fee(&self) -> f64 {
        let candidate = &self.request.candidate;
        let own = candidate.instrument.as_ref().and_then(|i| i.taker_fee);
        let listed = || snapshot::lookup(self.request.account.venue, &candidate.symbol).and_then(|(i, ..)| i.taker_fee);
        own.or_else(listed).unwrap_or(0.0)
    }

    /// Cost of closing this size at once through the book; `None` where the book is too thin.
    pub(super) fn exit_cost(&self, size: f64) -> Option<f64> {
        let book = self.book()?;
        let middle = book.middle().unwrap_or(self.request.candidate.entry_price);
        let cost = book.cost(self.request.candidate.side == Side::Long, size, middle)?;
        Some(cost + self.taker_fee() * size * self.notional_per_size)
    }

    pub(super) fn exit(&self, limit: f64) -> Result<LimitSize, EngineError> {
        let field = format!("markets.{}.book", self.request.candidate.symbol);
        let book = self
            .book()
            .ok_or_else(|| EngineError::insufficient(&field, "is missing: the cost of an exit is read from it"))?;
        checks::book(book, &field)?;
        let kind = self.job.pools[self.at.0].holdings[self.at.1].kind;
        if kind != crate::market::InstrumentKind::Linear {
            return Err(EngineError::unsupported(
                "limits.max_exit_cost",
                "is told for linear contracts only: the book of others is in other units",
            ));
        }
        let side = self.request.candidate.side;
        let levels = if side == Side::Long { &book.bids } else { &book.asks };
        let whole: f64 = levels.iter().map(|l| l.1).sum();
        // Cost is convex and rises: halve.
        let (mut low, mut high) = (0.0, whole);
        if self.exit_cost(whole * (1.0 - 1e-12)).is_some_and(|c| c <= limit) {
            low = whole;
        }
        for _ in 0..80 {
            let middle = 0.5 * (low + high);
            if self.exit_cost(middle).is_some_and(|c| c <= limit) {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(LimitSize {
            name: "max_exit_cost".to_owned(),
            limit,
            size: Some(low),
            value: None,
            without: Some(0.0),
        })
    }

    pub(super) fn shortfall(&self, limit: f64, confidence: f64) -> LimitSize {
        let outcomes = Outcomes::new(&self.job);
        let at = |size: f64| outcomes.shortfall(&self.factors(size), confidence);
        let without = at(0.0);
        let answer = |size: Option<f64>| LimitSize {
            name: "max_expected_shortfall".to_owned(),
            limit,
            size,
            value: Some(at(size.unwrap_or(0.0))),
            without: Some(without),
        };
        let cap = self.cap();
        if at(cap) <= limit {
            return answer(None);
        }
        // The shortfall is convex in the size: where the first bit lowers it, its lowest point is looked for.
        let mut low = 0.0;
        if without > limit {
            let (mut a, mut b) = (0.0, cap);
            for _ in 0..60 {
                let (x, y) = (a + 0.382 * (b - a), a + 0.618 * (b - a));
                if at(x) < at(y) {
                    b = y;
                } else {
                    a = x;
                }
            }
            low = 0.5 * (a + b);
            if at(low) > limit {
                return answer(Some(0.0));
            }
        }
        let mut high = cap;
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if at(middle) <= limit {
                low = middle;
            } else {
                high = middle;
            }
        }
        answer(Some(low))
    }

    /// A size that keeps the chance at the limit within a few percent; `None`: any size does.
    pub(super) fn roughly(&self, limit: f64) -> Option<f64> {
        let mut high = self.cap();
        if self.probability(high, COARSE).0 <= limit {
            return None;
        }
        for _ in 0..14 {
            if self.probability(0.5 * high, COARSE).0 <= limit {
                return Some(self.root(limit, 0.5 * high, high, COARSE, 0.02));
            }
            high *= 0.5;
        }
        Some(0.0)
    }

    /// The largest size whose chance of liquidation is at most the limit.
    pub(super) fn by_probability(&self, limit: f64, progress: &mut dyn FnMut(Progress)) -> LimitSize {
        let (without, _) = self.probability(0.0, 256);
        let answer = |size: Option<f64>, value: f64| LimitSize {
            name: "max_liquidation_probability".to_owned(),
            limit,
            size,
            value: Some(value),
            without: Some(without),
        };
        let cap = self.cap();
        // From above: the first size that keeps the limit.
        let ratio = if without > limit { 1.25 } else { 2.0 };
        let (mut high, mut low) = (cap, None);
        for _ in 0..(14.0 * log(2.0) / log(ratio)) as u32 {
            let (p, _) = self.probability(high / ratio, COARSE);
            if p <= limit {
                low = Some(high / ratio);
                break;
            }
            high /= ratio;
        }
        if low.is_none() {
            // An isolated position's own chance does not fall with its size.
            let least = self.probability(cap * 1e-6, 256).0.max(without);
            if least > limit {
                return answer(Some(0.0), least);
            }
        }
        if high == cap && self.probability(cap, COARSE).0 <= limit {
            return answer(None, self.probability(cap, COARSE).0);
        }
        progress(Progress { share: 0.4 });
        let mut points = FIRST;
        let start = low.unwrap_or(0.0);
        let near = self.root(limit, start, high, COARSE, 0.02);
        let mut found = self.polish(limit, near, points, 0.01);
        progress(Progress { share: 0.6 });
        // As many points as the error asks for, then a few more steps from there.
        let (p, error) = self.probability(found, points);
        // More paths only help against the scatter of paths.
        let own = self.plan.lens_error(p);
        let wanted = sqrt((error * error - own * own).max(0.0)) / self.plan.target;
        let more = (f64::from(points) * wanted * wanted.max(1.0)).clamp(f64::from(points), f64::from(FINE));
        if more > f64::from(points) {
            points = (more as u32).next_multiple_of(COARSE);
        }
        found = self.polish(limit, found, points, EQUAL);
        self.points.set(points);
        let value = self.probability(found, points).0;
        answer(Some(found), value)
    }

    /// The same from a size nearby, with a slope from a first look: a few steps of Newton's method.
    pub(super) fn polish(&self, limit: f64, near: f64, points: u32, tolerance: f64) -> f64 {
        let f = |s: f64, points: u32| {
            let p = self.probability(s, points).0.clamp(1e-12, 1.0 - 1e-12);
            log(p / (1.0 - p)) - log(limit / (1.0 - limit))
        };
        let rough = points.min(COARSE);
        let mut slope = (f(near * 1.03, rough) - f(near * 0.97, rough)) / (0.06 * near);
        let (mut s, mut before) = (near, None);
        for _ in 0..8 {
            let fs = f(s, points);
            if (-tolerance..=0.0).contains(&fs) {
                return s;
            }
            if let Some((at, value)) = before
                && at != s
            {
                slope = (fs - value) / (s - at);
            }
            if !(slope.is_finite() && slope > 0.0) {
                break;
            }
            before = Some((s, fs));
            s = (s - (fs + 0.5 * tolerance) / slope).clamp(0.5 * s, 2.0 * s);
        }
        self.root(limit, near * 0.8, near * 1.25, points, tolerance)
    }

    /// Where the chance crosses the limit between two sizes, from below: false position on a scale on which it is nearly
    /// straight (Illinois). Ends where it is below the limit by no more than `tolerance` of it.
    pub(super) fn root(&self, limit: f64, low: f64, high: f64, points: u32, tolerance: f64) -> f64 {
        let scale = |p: f64| {
            let p = p.clamp(1e-12, 1.0 - 1e-12);
            log(p / (1.0 - p)) - log(limit / (1.0 - limit))
        };
        let f = |s: f64| scale(self.probability(s, points).0);
        let (mut a, mut b) = (low, high);
        let (mut fa, mut fb) = (f(a), f(b));
        // A finer look may find the root a little outside.
        for _ in 0..20 {
            if fb > 0.0 {
                break;
            }
            b *= 1.3;
            fb = f(b);
        }
        for _ in 0..40 {
            if fa <= 0.0 || a < 1e-12 * b {
                break;
            }
            a *= 0.8;
            fa = f(a);
        }
        let mut best = a;
        let mut side = 0;
        for _ in 0..60 {
            let s = if fa < -20.0 || !fa.is_finite() || !fb.is_finite() {
                0.5 * (a + b)
            } else {
                (a * fb - b * fa) / (fb - fa)
            };
            let s = if s.is_finite() { s.max(a).min(b) } else { 0.5 * (a + b) };
            let fs = f(s);
            if fs <= 0.0 {
                best = s;
                if fs > -tolerance || b - a < 1e-9 * b {
                    return s;
                }
                (a, fa) = (s, fs);
                if side == -1 {
                    fb *= 0.5;
                }
                side = -1;
            } else {
                // Just above is no answer: a step back that is certain to be below soon.
                (b, fb) = (s, fs);
                if side == 1 {
                    fa *= 0.5;
                }
                side = 1;
                if fs < 0.25 * tolerance {
                    let back = s * (1.0 - 0.02 * tolerance).min(1.0 - 1e-9);
                    let fback = f(back);
                    if fback <= 0.0 {
                        return back;
                    }
                }
            }
            if b - a < 1e-12 * b {
                return best;
            }
        }
        best
    }
}
