//! Margin pools of eight paths: how far each is from liquidation, and its chance to have crossed within a step.
//!
//! Prices are ratios to today's (`y = P/P₀`, or `P₀/P` for inverse contracts), money is a share of the pool's notional,
//! so that single precision suffices: what is computed stays near 1.

use super::grid::Step;
use super::job::{Job, Pool};
use super::lanes::{F, LANES, exp, less, ln, select, splat};
use super::prices::{Prices, Walk};
use crate::margin::{Leg, Payoff};

/// Exponent beyond which a crossing inside a step is no longer counted: e⁻¹⁷ is 4·10⁻⁸.
const FAR: f32 = 17.0;
/// A price over today's that nothing reaches.
const FAR_UP: f32 = 1e29;
/// Log distance of a barrier that does not exist.
const NOWHERE: f32 = 1e30;

/// One line of the maintenance tiers: equity less requirement is `a + b·y` for `floor ≤ y < cap`.
struct Line {
    floor: f32,
    cap: f32,
    a: f32,
    b: f32,
    /// −1/b.
    root: f32,
}

struct LaneLeg {
    asset: usize,
    inverse: bool,
    /// What funding at a rate of 1 takes at `y = 1`.
    pays: f32,
    lines: Vec<Line>,
    /// Line in force today.
    line: usize,
    /// `a + b` today: where its contribution starts.
    start: f32,
}

impl LaneLeg {
    fn new(leg: &Leg, pays: f64, asset: usize, scale: f64) -> Self {
        let x0 = leg.mark_x;
        let edge = |notional: f64| notional / (leg.units * x0);
        let lines: Vec<Line> = (0..leg.rows.len())
            .map(|k| {
                let (a, b) = leg.line(k);
                Line {
                    // The first line holds down to nothing, wherever the table begins.
                    floor: if k == 0 {
                        1e-30
                    } else {
                        edge(leg.rows[k].floor).max(1e-30) as f32
                    },
                    cap: leg.rows.get(k + 1).map_or(f64::INFINITY, |r| edge(r.floor)) as f32,
                    a: (a / scale) as f32,
                    b: (b * x0 / scale) as f32,
                    root: (-scale / (b * x0)) as f32,
                }
            })
            .collect();
        let line = leg.row_index(x0);
        let (a, b) = leg.line(line);
        Self {
            asset,
            inverse: leg.payoff == Payoff::Inverse,
            pays: (pays * leg.notional(x0) / scale) as f32,
            lines,
            line,
            start: ((a + b * x0) / scale) as f32,
        }
    }

    /// `y` at which equity meets the requirement, seen from the side where it is above; tables may jump at their edges, and
    /// then an edge can be the barrier. Far below or above every price where there is none.
    fn root(&self, cash: f32, hint: &mut usize) -> f32 {
        let falls = self.lines[self.line].b <= 0.0;
        let lines = self.lines.len();
        for step in 0..lines {
            let k = if falls { step } else { lines - 1 - step };
            let l = &self.lines[k];
            let level = cash + l.a;
            if l.b == 0.0 {
                if level > 0.0 {
                    continue;
                }
                *hint = k;
                return if falls { l.floor } else { l.cap.min(FAR_UP) };
            }
            let root = level * l.root;
            // Under the requirement already at the end where one comes from: that edge is the barrier.
            let beyond = if falls { root <= l.floor } else { root >= l.cap };
            if beyond {
                *hint = k;
                return if falls { l.floor } else { l.cap };
            }
            if root > 0.0 && root >= l.floor && root < l.cap {
                *hint = k;
                return root;
            }
        }
        if falls { f32::INFINITY } else { 0.0 }
    }

    #[inline(always)]
    fn y(&self, ratio: F) -> F {
        if self.inverse { splat(1.0) / ratio } else { ratio }
    }

    /// `(a, b)` of the line that holds at each `y`.
    #[inline(always)]
    fn coefficients(&self, y: F, hint: &mut usize) -> (F, F) {
        let l = &self.lines[*hint];
        let outside = less(y, splat(l.floor)) | !less(y, splat(l.cap));
        if !outside.any() || self.lines.len() == 1 {
            return (splat(l.a), splat(l.b));
        }
        let (mut a, mut b) = ([0.0; LANES], [0.0; LANES]);
        for (k, y) in y.to_array().into_iter().enumerate() {
            let at = self.lines.partition_point(|l| l.floor <= y).saturating_sub(1);
            (a[k], b[k]) = (self.lines[at].a, self.lines[at].b);
            *hint = at;
        }
        (F::from(a), F::from(b))
    }
}

/// A pool as the simulation sees it.
pub(super) struct LanePool {
    legs: Vec<LaneLeg>,
    cash: f32,
    /// Nothing left at the start.
    pub due_now: bool,
    /// One leg: +1 if its barrier lies below the price, −1 if above.
    side: Option<f32>,
    /// Number of its first holding among all.
    pub first: usize,
}

/// What changes on the way.
pub(super) struct PoolState {
    pub alive: F,
    /// Some path came near in the step that was looked at.
    pub near: bool,
    cash: F,
    /// One leg: log distance to the barrier, and the barrier. Several: equity less requirement.
    gap: F,
    barrier: F,
    /// Sensitivity of the gap to each asset's log price.
    slopes: Vec<F>,
    /// The same at the end of a step that has been looked at.
    gap_next: F,
    slopes_next: Vec<F>,
    hints: Vec<usize>,
}

impl LanePool {
    pub(super) fn all(job: &Job) -> Vec<Self> {
        let mut first = 0;
        job.pools
            .iter()
            .map(|p| {
                let pool = Self::new(p, first);
                first += p.holdings.len();
                pool
            })
            .collect()
    }

    fn new(pool: &Pool, first: usize) -> Self {
        let scale = pool
            .holdings
            .iter()
            .map(|h| h.leg.notional(h.leg.mark_x))
            .sum::<f64>()
            .max(f64::MIN_POSITIVE);
        let legs: Vec<LaneLeg> = pool
            .holdings
            .iter()
            .zip(&pool.assets)
            .map(|(h, &a)| LaneLeg::new(&h.leg, h.side.sign(), a, scale))
            .collect();
        let value: f64 = pool
            .holdings
            .iter()
            .map(|h| h.leg.value(h.leg.mark_x) - h.leg.requirement(h.leg.mark_x))
            .sum();
        let side = match legs.as_slice() {
            [leg] => {
                let rising = leg.lines[leg.line].b > 0.0;
                Some(if rising == leg.inverse { -1.0 } else { 1.0 })
            }
            _ => None,
        };
        Self {
            legs,
            cash: (pool.cash / scale) as f32,
            due_now: pool.cash + value <= 0.0,
            side,
            first,
        }
    }

    pub(super) fn state(&self, assets: usize) -> PoolState {
        PoolState {
            alive: splat(1.0),
            near: false,
            cash: splat(0.0),
            gap: splat(0.0),
            barrier: splat(0.0),
            slopes: vec![splat(0.0); if self.side.is_some() { 0 } else { assets }],
            gap_next: splat(0.0),
            slopes_next: vec![splat(0.0); if self.side.is_some() { 0 } else { assets }],
            hints: vec![0; self.legs.len()],
        }
    }

    pub(super) fn start(&self, s: &mut PoolState, ones: &[F]) {
        s.alive = splat(if self.due_now { 0.0 } else { 1.0 });
        s.cash = splat(self.cash);
        for (h, leg) in s.hints.iter_mut().zip(&self.legs) {
            *h = leg.line;
        }
        if self.side.is_some() {
            s.barrier = self.barrier(s.cash, &mut s.hints[0]);
            s.gap = self.distance(splat(0.0), s.barrier);
        } else {
            s.gap = self.gap(s.cash, ones, &mut s.hints, &mut s.slopes);
        }
    }

    /// Whether prices themselves are wanted on every step.
    pub(super) fn needs_prices(&self) -> bool {
        self.side.is_none()
    }

    #[inline(always)]
    fn distance(&self, x: F, barrier: F) -> F {
        (x - barrier) * splat(self.side.unwrap_or(1.0))
    }

    /// Log price at which a single leg is liquidated with this cash.
    #[inline(always)]
    fn barrier(&self, cash: F, hint: &mut usize) -> F {
        let leg = &self.legs[0];
        let l = &leg.lines[*hint];
        let mut y = (cash + splat(l.a)) * splat(l.root);
        let outside = less(y, splat(l.floor)) | !less(y, splat(l.cap));
        if outside.any() {
            let mut found = [0.0f32; LANES];
            for (f, cash) in found.iter_mut().zip(cash.to_array()) {
                *f = leg.root(cash, hint);
            }
            y = F::from(found);
        }
        // Where there is no barrier it lies beyond any price.
        let nothing = less(y, splat(1.0 / NOWHERE)) | less(splat(NOWHERE), y);
        let x = ln(select(nothing, splat(1.0), y));
        let x = select(nothing, select(less(y, splat(1.0)), splat(-NOWHERE), splat(NOWHERE)), x);
        if leg.inverse { splat(0.0) - x } else { x }
    }

    /// Equity less requirement at these price ratios, and its sensitivities.
    #[inline(always)]
    fn gap(&self, cash: F, ratios: &[F], hints: &mut [usize], slopes: &mut [F]) -> F {
        slopes.fill(splat(0.0));
        let mut gap = cash;
        for (leg, hint) in self.legs.iter().zip(hints) {
            let y = leg.y(ratios[leg.asset]);
            let (a, b) = leg.coefficients(y, hint);
            let by = b * y;
            gap += a + by;
            if leg.inverse {
                slopes[leg.asset] -= by;
            } else {
                slopes[leg.asset] += by;
            }
        }
        gap
    }

    /// Looks at the step just walked without taking it: whether any path that lives came near the requirement.
    #[inline(always)]
    pub(super) fn look(&self, s: &mut PoolState, walk: &Walk, ratios: &[F]) -> bool {
        let living = less(splat(0.0), s.alive);
        let near = if self.side.is_some() {
            let a = self.legs[0].asset;
            s.gap_next = self.distance(walk.x[a], s.barrier);
            // Compared without a division: q/variance < FAR.
            less(s.gap * s.gap_next * splat(2.0), walk.variance[a] * splat(FAR))
        } else {
            s.gap_next = self.gap(s.cash, ratios, &mut s.hints, &mut s.slopes_next);
            // An upper bound of the gap's deviation: all assets as one, each as steep as at the steeper end.
            let mut bound = splat(0.0);
            for ((old, new), deviation) in s.slopes.iter().zip(&s.slopes_next).zip(&walk.deviation) {
                bound += old.abs().fast_max(new.abs()) * *deviation;
            }
            less(s.gap * s.gap_next * splat(2.0), bound * bound * splat(FAR))
        };
        s.near = (near & living).any();
        s.near
    }

    /// Takes the step that was looked at. Chance to have stayed above the requirement in it.
    #[inline(always)]
    pub(super) fn settle(&self, s: &mut PoolState, prices: &Prices, walk: &Walk) -> F {
        let q = s.gap * s.gap_next * splat(2.0);
        s.gap = s.gap_next;
        let variance = if self.side.is_some() {
            walk.variance[self.legs[0].asset]
        } else {
            let mut variance = splat(0.0);
            for f in 0..prices.factors {
                let mut move_ = splat(0.0);
                for a in 0..prices.assets {
                    let slope = (s.slopes[a] + s.slopes_next[a]) * splat(0.5);
                    move_ += slope * walk.deviation[a] * splat(prices.factor[a * prices.factors + f]);
                }
                variance += move_ * move_;
            }
            std::mem::swap(&mut s.slopes, &mut s.slopes_next);
            // Without any variance only the ends matter.
            variance.fast_max(splat(1e-30))
        };
        survival(less(q, variance * splat(FAR)), q / variance, s.gap)
    }

    /// Takes the step that was looked at, where no path came near.
    #[inline(always)]
    pub(super) fn pass(&self, s: &mut PoolState) {
        s.gap = s.gap_next;
        std::mem::swap(&mut s.slopes, &mut s.slopes_next);
    }

    /// Walks one asset that only diffuses over steps without events, for a pool of one leg: the inner loop of the commonest
    /// case, all in registers. `twin` is the same pool without funding, if there is one. Returns where the Brownian motion
    /// is.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "what the loop keeps in registers")]
    pub(super) fn glide(
        &self,
        s: &mut PoolState,
        twin: Option<&mut PoolState>,
        steps: &[Step],
        normals: &[F],
        knots: &[F],
        mut w: F,
        plain: (f32, f32),
    ) -> F {
        let side = self.side.unwrap_or(1.0);
        let (volatility, drift) = (plain.0 * side, plain.1 * side);
        let half_variance = 0.5 * plain.0 * plain.0;
        let base = s.barrier * splat(-side);
        let (mut alive, mut gap) = (s.alive, s.gap);
        // The twin moves with it, further from its barrier or nearer by what has been paid. The dead are far from anything.
        let offset = twin.as_ref().map_or(splat(0.0), |t| t.gap - s.gap);
        let mut known = twin.as_ref().map_or(splat(0.0), |t| t.alive);
        let far = |alive: F, offset: F| select(less(splat(0.0), alive), offset, splat(NOWHERE));
        let (mut own_offset, mut twin_offset) = (far(alive, splat(0.0)), far(known, offset));
        for (k, step) in steps.iter().enumerate() {
            // No normals are held where every step ends on a knot.
            let z = normals.get(k).copied().unwrap_or(splat(0.0));
            w = w * splat(step.keep) + (knots[step.segment as usize] * splat(step.pull) + z * splat(step.spread));
            let to = w * splat(volatility) + (base + splat(drift * step.time));
            let q = (gap + own_offset) * (to + own_offset);
            let q_twin = (gap + twin_offset) * (to + twin_offset);
            let unit = half_variance * step.dt;
            let limit = splat(unit * FAR);
            if less(q.fast_min(q_twin), limit).any() {
                let scale = splat(1.0 / unit.max(1e-30));
                alive *= survival(less(q, limit), q * scale, to + own_offset);
                known *= survival(less(q_twin, limit), q_twin * scale, to + twin_offset);
                (own_offset, twin_offset) = (far(alive, splat(0.0)), far(known, offset));
            }
            gap = to;
        }
        (s.alive, s.gap) = (alive, gap);
        if let Some(t) = twin {
            (t.alive, t.gap) = (known, gap + offset);
        }
        w
    }

    /// After a jump: where prices are now, without a way between.
    pub(super) fn land(&self, s: &mut PoolState, walk: &Walk, ratios: &[F]) -> F {
        if self.side.is_some() {
            s.gap = self.distance(walk.x[self.legs[0].asset], s.barrier);
        } else {
            s.gap = self.gap(s.cash, ratios, &mut s.hints, &mut s.slopes);
        }
        select(less(splat(0.0), s.gap), splat(1.0), splat(0.0))
    }

    /// Takes a funding payment of `rate` on the notional of every leg in `asset`: who survives, `None` if nobody who lives
    /// dies of it.
    #[inline(always)]
    pub(super) fn pay(&self, s: &mut PoolState, asset: usize, rate: F, walk: &Walk, ratio: F) -> Option<F> {
        let living = less(splat(0.0), s.alive);
        if !living.any() {
            return None;
        }
        let mut paid = None;
        for leg in self.legs.iter().filter(|l| l.asset == asset) {
            let p = leg.y(ratio) * rate * splat(leg.pays);
            paid = Some(paid.map_or(p, |sum: F| sum + p));
        }
        let paid = paid?;
        s.cash -= paid;
        if self.side.is_some() {
            s.barrier = self.barrier(s.cash, &mut s.hints[0]);
            s.gap = self.distance(walk.x[asset], s.barrier);
        } else {
            s.gap -= paid;
        }
        let stays = less(splat(0.0), s.gap);
        (living & !stays).any().then(|| select(stays, splat(1.0), splat(0.0)))
    }

    /// Adds `lost` survival to the leg whose contribution has fallen most since the start.
    pub(super) fn blame(&self, s: &PoolState, lost: F, ratios: &[F], causes: &mut [f64]) {
        let mut worst = splat(f32::INFINITY);
        let mut who = splat(0.0);
        if self.legs.len() > 1 {
            for (k, leg) in self.legs.iter().enumerate() {
                let y = leg.y(ratios[leg.asset]);
                let (a, b) = leg.coefficients(y, &mut s.hints[k].clone());
                let change = a + b * y - splat(leg.start);
                let lower = less(change, worst);
                worst = select(lower, change, worst);
                who = select(lower, splat(k as f32), who);
            }
        }
        for (loss, k) in lost.to_array().into_iter().zip(who.to_array()) {
            causes[self.first + k as usize] += f64::from(loss);
        }
    }
}

/// `1 − e^{−q}` where it matters, 1 where the barrier is far, 0 where the step ends beyond it.
#[inline(always)]
fn survival(near: F, q: F, end: F) -> F {
    let inside = splat(1.0) - exp(splat(0.0) - q.fast_max(splat(0.0)));
    let stay = select(near, inside, splat(1.0));
    select(less(splat(0.0), end), stay, splat(0.0))
}
