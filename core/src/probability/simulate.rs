//! Survival of margin pools along simulated paths, in blocks whose results depend on the job and the block alone.

use super::grid::{Grid, Step};
use super::job::Job;
use super::lanes::{F, LANES, less, mix, select, splat};
use super::pools::{LanePool, PoolState};
use super::prices::{KIN, Prices, Walk};
use super::sobol::{BITS, Sobol};
use std::ops::Range;
use std::sync::OnceLock;

/// Independent scrambles: enough for an honest standard error.
pub const SCRAMBLES: u32 = 16;
/// Points of the first round of each scramble.
const FIRST_ROUND: u32 = 128;
/// Most points of a block, so that work spreads over workers and can be stopped.
const BLOCK: u32 = 1024;
/// Asset-steps after which no further round is started, so that a long horizon with a fine target ends in seconds; the
/// answer then says that the target was not reached.
const MOST_WORK: f64 = 1e9;

/// Lost paths below which the scatter between scrambles is not trusted alone.
const FEW: f64 = 50.0;

/// Points `from..to` of one scramble, multiples of 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    pub scramble: u32,
    pub from: u32,
    pub to: u32,
}

impl Block {
    const UNIT: u32 = KIN as u32;

    /// As one number: scramble, first group of 32, number of groups.
    pub fn code(self) -> u32 {
        (self.scramble << 24) | ((self.from / Self::UNIT) << 8) | ((self.to - self.from) / Self::UNIT)
    }

    /// The inverse; `None` where no block has this number.
    pub fn from_code(code: u32) -> Option<Self> {
        let from = ((code >> 8) & 0xffff) * Self::UNIT;
        let block = Self {
            scramble: code >> 24,
            from,
            to: from + (code & 0xff) * Self::UNIT,
        };
        let fits = block.scramble < SCRAMBLES && block.to > from && block.to - from <= BLOCK && block.to <= 1 << BITS;
        fits.then_some(block)
    }
}

/// Liquidation probability at each reported hour.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    pub probability: Vec<f64>,
    pub standard_error: Vec<f64>,
    /// Probability that each pool is liquidated by the last hour.
    pub by_pool: Vec<f64>,
    /// Probability that each holding (in the order of the pools) brings the first liquidation about.
    pub by_holding: Vec<f64>,
    pub paths: u32,
    pub steps: usize,
    pub reached_target: bool,
}

/// A funding rate on its way.
struct RateState {
    rate: F,
    /// Log price at the payment before, the variance since, and whether there was one.
    from: F,
    variance: F,
    since: f32,
    paid: bool,
}

/// A job made ready to run.
pub struct Kernel {
    grid: Grid,
    prices: Prices,
    pools: Vec<LanePool>,
    funding: Vec<Option<super::job::Funding>>,
    sobol: Vec<OnceLock<Sobol>>,
    seed: u64,
    reports: usize,
    holdings: usize,
    needs_prices: bool,
    /// Volatility and drift where the fast loop applies: one position, one asset that only diffuses.
    plain: Option<(f32, f32)>,
    /// Of each pool: how far its crossings within a step go together with those of the pools before it, 0 to 1.
    kinship: Vec<f32>,
    /// The last pool is the only one over again, and pays no funding: a control variate whose probability is known.
    twin: bool,
}

/// What is seen at a report: its number, log prices over today's by asset, and survival.
pub type Observer<'a> = &'a mut dyn FnMut(usize, &[[f32; LANES]], [f32; LANES]);

impl Kernel {
    pub fn new(job: &Job) -> Self {
        let pools = LanePool::all(job);
        let prices = Prices::new(job);
        let twin = job.without_funding.is_some();
        let mut pools = pools;
        if twin {
            pools.extend(LanePool::all(job));
        }
        Self {
            grid: Grid::new(job),
            plain: prices
                .plain()
                .filter(|_| job.pools.len() == 1 && pools.iter().all(|p| !p.needs_prices())),
            twin,
            kinship: kinship(job),
            prices,
            funding: job.funding.clone(),
            sobol: (0..SCRAMBLES).map(|_| OnceLock::new()).collect(),
            seed: u64::from(job.seed),
            reports: job.report_hours.len(),
            holdings: job.pools.iter().map(|p| p.holdings.len()).sum(),
            needs_prices: pools.iter().any(LanePool::needs_prices),
            pools,
        }
    }

    pub fn steps(&self) -> usize {
        self.grid.steps.len()
    }

    /// Pools of the account.
    fn own(&self) -> usize {
        self.pools.len() - usize::from(self.twin)
    }

    /// Length of a block's tally: sums at each report, by pool, by holding.
    pub fn width(&self) -> usize {
        self.reports + self.own() + self.holdings
    }

    /// Sums of liquidation probability over the block's paths.
    pub fn run(&self, block: Block, mut observe: Option<Observer>) -> Vec<f64> {
        let mut tally = vec![0.0; self.width()];
        let scramble = u64::from(block.scramble);
        let sobol = self.sobol[block.scramble as usize].get_or_init(|| {
            Sobol::new(
                self.prices.dimensions(&self.grid),
                mix(self.seed.wrapping_mul(0x9e37_79b9) ^ (scramble + 1)),
            )
        });
        let seed = mix(mix(self.seed ^ 0x5eed) ^ (scramble + 1));
        let mut walk = self.prices.walk(&self.grid);
        let mut pools: Vec<PoolState> = self.pools.iter().map(|p| p.state(self.prices.assets)).collect();
        let mut scratch = Scratch {
            ratios: vec![splat(1.0); self.prices.assets],
            stays: vec![splat(1.0); self.pools.len()],
            rates: self
                .funding
                .iter()
                .map(|f| RateState {
                    rate: splat(f.map_or(0.0, |f| f.rate) as f32),
                    from: splat(0.0),
                    variance: splat(0.0),
                    since: 0.0,
                    paid: false,
                })
                .collect(),
        };
        for first in (block.from..block.to).step_by(LANES) {
            self.prices.start(&self.grid, sobol, first, seed, &mut walk);
            self.group(sobol, &mut walk, &mut pools, &mut scratch, &mut tally, &mut observe);
        }
        tally
    }

    /// Eight paths from start to end.
    fn group(
        &self,
        sobol: &Sobol,
        walk: &mut Walk,
        pools: &mut [PoolState],
        scratch: &mut Scratch,
        tally: &mut [f64],
        observe: &mut Option<Observer>,
    ) {
        let (reports, rest) = tally.split_at_mut(self.reports);
        let (by_pool, causes) = rest.split_at_mut(self.own());
        let Scratch { ratios, stays, rates } = scratch;
        ratios.fill(splat(1.0));
        for (pool, s) in self.pools.iter().zip(pools.iter_mut()) {
            pool.start(s, ratios);
        }
        for (state, f) in rates.iter_mut().zip(&self.funding) {
            *state = RateState {
                rate: splat(f.map_or(0.0, |f| f.rate) as f32),
                from: splat(0.0),
                variance: splat(0.0),
                since: 0.0,
                paid: false,
            };
        }
        let own = &self.pools[..self.own()];
        let mut alive = splat(if own.iter().any(|p| p.due_now) { 0.0 } else { 1.0 });
        let due = own.iter().filter(|p| p.due_now).count();
        for (pool, s) in own.iter().zip(pools.iter()).filter(|(p, _)| p.due_now) {
            // Several at once share the blame.
            pool.blame(s, splat(1.0 / due as f32), ratios, causes);
        }
        let mut index = 0;
        for event in &self.grid.events {
            while index <= event.after {
                if self.plain.is_some() {
                    self.glide(index..event.after + 1, pools, rates, walk);
                    alive = pools.first().map_or(alive, |s| s.alive);
                    index = event.after + 1;
                    break;
                }
                let step = &self.grid.steps[index];
                alive = self.step(alive, index, step, sobol, pools, stays, walk, ratios, causes);
                self.accrue(rates, step.dt, walk);
                index += 1;
            }
            for &(a, count) in &event.due {
                let rate = self.due_rate(a, count, &mut rates[a], walk);
                ratios[a] = Prices::ratio(walk.x[a]);
                let mut hurt = false;
                for ((pool, s), stay) in own.iter().zip(pools.iter_mut()).zip(stays.iter_mut()) {
                    let after = pool.pay(s, a, rate, walk, ratios[a]);
                    hurt |= after.is_some();
                    *stay = after.unwrap_or(splat(1.0));
                }
                if hurt {
                    stays[own.len()..].fill(splat(1.0));
                    alive = self.take(alive, pools, stays, walk, ratios, causes);
                }
            }
            for &r in &event.reports {
                let lanes = alive.to_array();
                // With a twin, what funding adds.
                let known = pools[own.len()..]
                    .first()
                    .map_or(splat(1.0), |twin| twin.alive)
                    .to_array();
                reports[r] += lanes.iter().zip(known).map(|(a, k)| f64::from(k - a)).sum::<f64>();
                if let Some(observe) = observe {
                    let x: Vec<[f32; LANES]> = walk.x.iter().map(|x| x.to_array()).collect();
                    observe(r, &x, lanes);
                }
            }
        }
        // The twin, if there is one, is the last.
        for (sum, s) in by_pool.iter_mut().zip(pools.iter()) {
            *sum += s.alive.to_array().iter().map(|a| f64::from(1.0 - a)).sum::<f64>();
        }
        if self.plain.is_some() {
            // The fast loop does not book causes: there is only one.
            causes.copy_from_slice(by_pool);
        }
    }

    /// All of these steps in the fast loop.
    #[inline(always)]
    fn glide(&self, steps: Range<usize>, pools: &mut [PoolState], rates: &mut [RateState], walk: &mut Walk) {
        let (Some(plain), Some(pool), Some((state, twin))) = (self.plain, self.pools.first(), pools.split_first_mut())
        else {
            return;
        };
        let (steps, normals) = (&self.grid.steps[steps.clone()], walk.normals.get(steps).unwrap_or(&[]));
        let w = pool.glide(state, twin.first_mut(), steps, normals, &walk.knots, walk.w[0], plain);
        walk.w[0] = w;
        if let Some(last) = steps.last() {
            walk.x[0] = w * splat(plain.0) + splat(plain.1 * last.time);
            self.accrue(rates, steps.iter().map(|s| s.dt).sum(), walk);
        }
    }

    /// What mean-reverting funding rates want to know of the time since the payment before.
    #[inline(always)]
    fn accrue(&self, rates: &mut [RateState], dt: f32, walk: &Walk) {
        for (a, state) in rates.iter_mut().enumerate() {
            if self.funding[a].is_some_and(|f| f.process.is_some()) {
                state.variance += match self.prices.total_variance(a) {
                    Some(v) => splat(v * dt),
                    None => walk.moved_variance[a],
                };
                state.since += dt;
            }
        }
    }

    /// One step of every price, and survival of the way.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "the state of eight paths, borrowed in parts")]
    fn step(
        &self,
        alive: F,
        index: usize,
        step: &Step,
        sobol: &Sobol,
        pools: &mut [PoolState],
        stays: &mut [F],
        walk: &mut Walk,
        ratios: &mut [F],
        causes: &mut [f64],
    ) -> F {
        if step.parts > 1 {
            walk.w_before.copy_from_slice(&walk.w);
            walk.x_before.copy_from_slice(&walk.x);
        }
        self.prices.step(index, step, sobol, walk);
        if walk.jumped {
            return self.through_jump(alive, pools, stays, walk, ratios, causes);
        }
        if !self.look(pools, walk, ratios) {
            return alive;
        }
        // For one position near, the bridge over the whole step is exact; not so for several, or for several legs.
        let near = || self.pools.iter().zip(pools.iter()).filter(|(_, s)| s.near);
        if step.parts == 1 || (near().count() < 2 && near().all(|(p, _)| !p.needs_prices())) {
            return self.settle(alive, pools, stays, walk, ratios, causes);
        }
        // Some path came near: the same step again, in parts.
        let mut alive = alive;
        walk.w_after.copy_from_slice(&walk.w);
        walk.w.copy_from_slice(&walk.w_before);
        walk.x_after.copy_from_slice(&walk.x);
        walk.x.copy_from_slice(&walk.x_before);
        walk.deviation_after.copy_from_slice(&walk.deviation);
        for part in 0..step.parts {
            self.prices.part(index, step, part, walk);
            alive = self.way(alive, pools, stays, walk, ratios, causes);
        }
        walk.w.copy_from_slice(&walk.w_after);
        alive
    }

    /// Whether any pool came near its requirement on the way to `walk.x`; if none did, the way is taken.
    #[inline(always)]
    fn look(&self, pools: &mut [PoolState], walk: &Walk, ratios: &mut [F]) -> bool {
        if self.needs_prices {
            reprice(ratios, &walk.x);
        }
        let mut near = false;
        for (pool, s) in self.pools.iter().zip(pools.iter_mut()) {
            near |= pool.look(s, walk, ratios);
        }
        if !near {
            for (pool, s) in self.pools.iter().zip(pools.iter_mut()) {
                pool.pass(s);
            }
        }
        near
    }

    fn settle(
        &self,
        alive: F,
        pools: &mut [PoolState],
        stays: &mut [F],
        walk: &Walk,
        ratios: &mut [F],
        causes: &mut [f64],
    ) -> F {
        for ((pool, s), stay) in self.pools.iter().zip(pools.iter_mut()).zip(stays.iter_mut()) {
            *stay = if s.near {
                pool.settle(s, &self.prices, walk)
            } else {
                pool.pass(s);
                splat(1.0)
            };
        }
        self.take(alive, pools, stays, walk, ratios, causes)
    }

    /// Survival of the way to `walk.x`.
    fn way(
        &self,
        alive: F,
        pools: &mut [PoolState],
        stays: &mut [F],
        walk: &Walk,
        ratios: &mut [F],
        causes: &mut [f64],
    ) -> F {
        if self.look(pools, walk, ratios) {
            self.settle(alive, pools, stays, walk, ratios, causes)
        } else {
            alive
        }
    }

    /// The same where some path jumps: the way to the jump, the landing, the way on. Paths without a jump go all the way
    /// in the first part. Leaves the jump in `walk.x`.
    fn through_jump(
        &self,
        mut alive: F,
        pools: &mut [PoolState],
        stays: &mut [F],
        walk: &mut Walk,
        ratios: &mut [F],
        causes: &mut [f64],
    ) -> F {
        let over = walk.jump_at;
        let (root, rest) = (over.sqrt(), (splat(1.0) - over).fast_max(splat(0.0)));
        let rest_root = rest.sqrt();
        let end = walk.x.clone();
        let (variance, deviation) = (walk.variance.clone(), walk.deviation.clone());
        let part = |walk: &mut Walk, share: F, root: F| {
            for a in 0..end.len() {
                walk.variance[a] = variance[a] * share;
                walk.deviation[a] = deviation[a] * root;
            }
        };
        part(walk, over, root);
        walk.x.copy_from_slice(&walk.before_jump);
        alive = self.way(alive, pools, stays, walk, ratios, causes);
        for (x, j) in walk.x.iter_mut().zip(&walk.jump) {
            *x += *j;
        }
        if self.needs_prices {
            reprice(ratios, &walk.x);
        }
        for ((pool, s), stay) in self.pools.iter().zip(pools.iter_mut()).zip(stays.iter_mut()) {
            *stay = pool.land(s, walk, ratios);
        }
        alive = self.take(alive, pools, stays, walk, ratios, causes);
        part(walk, rest, rest_root);
        for ((x, end), j) in walk.x.iter_mut().zip(&end).zip(&walk.jump) {
            *x = *end + *j;
        }
        alive = self.way(alive, pools, stays, walk, ratios, causes);
        walk.variance = variance;
        walk.deviation = deviation;
        alive
    }

    /// Multiplies survival by what each pool kept in this step, and books the loss to who caused it.
    fn take(
        &self,
        alive: F,
        pools: &mut [PoolState],
        stays: &[F],
        walk: &Walk,
        ratios: &mut [F],
        causes: &mut [f64],
    ) -> F {
        let mut kept = splat(1.0);
        let mut share = splat(0.0);
        for (k, (s, stay)) in pools.iter_mut().zip(stays).enumerate() {
            s.alive *= *stay;
            if k < self.own() {
                let together = kept * *stay;
                kept = together + (kept.fast_min(*stay) - together) * splat(self.kinship[k]);
                share += splat(1.0) - *stay;
            }
        }
        let next = alive * kept;
        let lost = alive - next;
        if lost.to_array().iter().all(|l| *l <= 0.0) {
            return next;
        }
        if !self.needs_prices {
            reprice(ratios, &walk.x);
        }
        for ((pool, s), stay) in self.pools[..self.own()].iter().zip(pools.iter()).zip(stays) {
            let part = splat(1.0) - *stay;
            if part.to_array().iter().any(|p| *p > 0.0) {
                let mine = select(less(splat(0.0), share), lost * part / share, splat(0.0));
                pool.blame(s, mine, ratios, causes);
            }
        }
        next
    }

    /// What `count` payments at this instant take together, as a rate; the process moves on at every payment after the first.
    fn due_rate(&self, asset: usize, count: f32, s: &mut RateState, walk: &mut Walk) -> F {
        let Some(f) = self.funding[asset] else {
            return splat(0.0);
        };
        let (floor, cap) = (splat(f.floor.max(-1e30) as f32), splat(f.cap.min(1e30) as f32));
        let paid = |rate: F| rate.fast_max(floor).fast_min(cap);
        let Some(p) = f.process else {
            return paid(s.rate) * splat(count);
        };
        let x = walk.x[asset];
        let mean = splat(p.mean as f32);
        let expected = splat(self.prices.steady_drift(asset) * s.since);
        let shock = match self.prices.total_variance(asset) {
            Some(_) => x - s.from - expected,
            None => x - s.from - expected + s.variance * splat(0.5),
        };
        // Standardised; a price that does not move tells nothing.
        let still = less(s.variance, splat(1e-12));
        let r = select(still, splat(0.0), shock / s.variance.fast_max(splat(1e-12)).sqrt());
        // Of several payments at once each saw an equal part of the way: its own part is known only from the whole.
        let share = p.correlation / f64::from(count).sqrt();
        let own = (1.0 - share * share).max(0.0).sqrt() as f32;
        let mut total = splat(0.0);
        for _ in 0..count as u32 {
            if s.paid {
                let noise = r * splat(share as f32) + walk.random.normal() * splat(own);
                s.rate = mean + (s.rate - mean) * splat(p.persistence as f32) + noise * splat(p.deviation as f32);
            }
            s.paid = true;
            total += paid(s.rate);
        }
        s.from = x;
        s.variance = splat(0.0);
        s.since = 0.0;
        total
    }
}

#[inline(always)]
fn reprice(ratios: &mut [F], x: &[F]) {
    for (r, x) in ratios.iter_mut().zip(x) {
        *r = Prices::ratio(*x);
    }
}

struct Scratch {
    ratios: Vec<F>,
    stays: Vec<F>,
    rates: Vec<RateState>,
}

/// Rounds of blocks until the largest standard error among the judged reports is at the target, or the work is used up.
/// Results are merged in the order of the blocks, whoever computed them.
pub struct Rounds {
    points: u32,
    most: u32,
    /// `[scramble][column]`.
    sums: Vec<Vec<f64>>,
    target: f64,
    /// Reports whose error is held against the target.
    judged: Vec<usize>,
    steps: usize,
    reports: usize,
    pools: usize,
    /// Exact probabilities that the sums are differences from.
    known: Option<Vec<f64>>,
}

impl Rounds {
    pub fn new(kernel: &Kernel, job: &Job) -> Self {
        let work = f64::from(SCRAMBLES)
            * (kernel.steps().max(1) * kernel.prices.assets.max(1)) as f64
            * (1.0 + kernel.prices.factors as f64 / 8.0);
        let affordable = (MOST_WORK / work) as u32 / KIN as u32 * KIN as u32;
        Self {
            points: 0,
            most: job.max_points.min(1 << BITS).min(affordable.max(FIRST_ROUND)),
            sums: vec![vec![0.0; kernel.width()]; SCRAMBLES as usize],
            target: job.target_standard_error,
            judged: job.judged.clone(),
            steps: kernel.steps(),
            reports: kernel.reports,
            pools: kernel.own(),
            known: job.without_funding.clone(),
        }
    }

    fn worst(&self, standard_error: &[f64]) -> f64 {
        self.judged
            .iter()
            .filter_map(|k| standard_error.get(*k))
            .copied()
            .fold(0.0, f64::max)
    }

    /// Whether anything has been merged.
    pub fn begun(&self) -> bool {
        self.points > 0
    }

    /// Points that each scramble is to have after the next round: as many as the error so far calls for when it falls with
    /// their number to the power of two thirds, between plain and quasi-random sampling.
    fn next(&self) -> u32 {
        let wanted = if self.begun() {
            let worst = self.worst(&self.estimate().standard_error);
            let ratio = worst / self.target;
            let factor = (ratio * ratio.sqrt()).clamp(1.2, 3.0);
            (f64::from(self.points) * factor) as u32
        } else {
            FIRST_ROUND
        };
        wanted.next_multiple_of(KIN as u32).min(self.most)
    }

    /// The blocks of the next round.
    pub fn blocks(&self) -> Vec<Block> {
        let next = self.next();
        (0..SCRAMBLES)
            .flat_map(|scramble| {
                (self.points..next).step_by(BLOCK as usize).map(move |from| Block {
                    scramble,
                    from,
                    to: (from + BLOCK).min(next),
                })
            })
            .collect()
    }

    /// Adds the tallies of the present round's blocks, in their order; true when that was the last round.
    pub fn merge(&mut self, tallies: &[Vec<f64>]) -> bool {
        let next = self.next();
        for (block, tally) in self.blocks().into_iter().zip(tallies) {
            for (sum, t) in self.sums[block.scramble as usize].iter_mut().zip(tally) {
                *sum += t;
            }
        }
        self.points = next;
        self.points >= self.most || self.estimate().reached_target
    }

    /// Share of the work done, as far as the error so far can tell: it falls at least with the root of the number of paths.
    pub fn share(&self) -> f64 {
        if !self.begun() {
            return 0.0;
        }
        let worst = self.worst(&self.estimate().standard_error);
        let by_error = if worst > self.target {
            (self.target / worst).powi(2)
        } else {
            1.0
        };
        by_error.max(f64::from(self.points) / f64::from(self.most))
    }

    pub fn estimate(&self) -> Estimate {
        let (n, r) = (f64::from(self.points), self.sums.len() as f64);
        let column = |k: usize| self.sums.iter().map(move |s| s[k] / n);
        let mean = |k: usize| column(k).sum::<f64>() / r;
        let sampled: Vec<f64> = (0..self.reports).map(mean).collect();
        let standard_error: Vec<f64> = sampled
            .iter()
            .enumerate()
            .map(|(k, mean)| {
                let scatter = column(k).map(|p| (p - mean) * (p - mean)).sum::<f64>() / (r - 1.0);
                standard_error(*mean, scatter, r, n * r)
            })
            .collect();
        let worst = self.worst(&standard_error);
        let probability: Vec<f64> = match &self.known {
            Some(known) => on_top(known, &sampled),
            None => sampled,
        };
        // One position with a known part: its count is the answer itself.
        let only = self.known.as_ref().and_then(|_| probability.last().copied());
        let whole = |k: usize| only.unwrap_or_else(|| mean(k));
        let width = self.sums.first().map_or(0, Vec::len);
        Estimate {
            by_pool: (self.reports..self.reports + self.pools).map(whole).collect(),
            by_holding: (self.reports + self.pools..width).map(whole).collect(),
            paths: self.points * self.sums.len() as u32,
            steps: self.steps,
            reached_target: worst <= self.target,
            probability,
            standard_error,
        }
    }
}

/// Given the ends of a step, two pools survive it independently where their assets are, and together where both have the
/// same asset on the same side; between, the square of the correlation stands for the part that goes together. Exact at
/// both ends, and steps are short where a pool is near.
fn kinship(job: &Job) -> Vec<f32> {
    let direction = |p: &super::Pool| -> Vec<f64> {
        let mut sum = vec![0.0; job.factor.first().map_or(0, Vec::len)];
        for (h, &a) in p.holdings.iter().zip(&p.assets) {
            let weight = h.side.sign() * h.leg.notional(h.leg.mark_x);
            for (s, f) in sum.iter_mut().zip(&job.factor[a]) {
                *s += weight * f;
            }
        }
        sum
    };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let all: Vec<Vec<f64>> = job.pools.iter().map(direction).collect();
    (0..all.len())
        .map(|k| {
            let strongest = all[..k]
                .iter()
                .map(|other| dot(other, &all[k]) / (dot(other, other) * dot(&all[k], &all[k])).sqrt())
                .filter(|c| c.is_finite())
                .fold(0.0, f64::max);
            (strongest * strongest).min(1.0) as f32
        })
        .chain([0.0])
        .collect()
}

/// Standard error of a mean of `means` scrambles with this variance among them. Where few paths were lost, the scatter of
/// a handful of means is too skewed to trust: the binomial error bounds it.
pub fn standard_error(mean: f64, variance: f64, means: f64, paths: f64) -> f64 {
    let scatter = (variance / means).sqrt();
    if mean.abs() * paths < FEW {
        scatter.max(((mean.abs() + 1.0 / paths) / paths).sqrt())
    } else {
        scatter
    }
}

/// Exact probabilities without funding and what funding adds to them, hour by hour: noise must not let the dead rise.
pub fn on_top(known: &[f64], added: &[f64]) -> Vec<f64> {
    let mut most = 0.0f64;
    known
        .iter()
        .zip(added)
        .map(|(k, a)| {
            most = most.max((k + a).clamp(0.0, 1.0));
            most
        })
        .collect()
}

/// Runs a job to its end on this thread.
pub fn run(job: &Job, progress: &mut dyn FnMut(f64)) -> Estimate {
    let kernel = Kernel::new(job);
    let mut rounds = Rounds::new(&kernel, job);
    loop {
        let tallies: Vec<Vec<f64>> = rounds.blocks().into_iter().map(|b| kernel.run(b, None)).collect();
        let last = rounds.merge(&tallies);
        progress(rounds.share());
        if last {
            return rounds.estimate();
        }
    }
}
