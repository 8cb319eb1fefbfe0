//! Prices of eight paths, one step at a time, under each model.

use super::grid::{Grid, Step};
use super::job::{History, Job, Jumps, Model};
use super::lanes::{F, LANES, Random, exp, less, mix, select, splat};
use super::mixing::Mixing;
use super::sobol::{DIMENSIONS, Sobol};
use crate::volatility::Garch;
use std::sync::Arc;

/// Paths that share the normals of their detail; blocks of paths start at multiples of it.
pub(super) const KIN: usize = 4 * LANES;
/// A variance of a step beyond which a price is taken to move no faster (100 % in a bar).
const MOST_VARIANCE: f32 = 1.0;

pub(super) struct Prices {
    pub assets: usize,
    pub factors: usize,
    /// Root of the correlation, `[asset·factors + factor]`.
    pub factor: Vec<f32>,
    /// Drift of the log price a year without what depends on the path.
    drift: Vec<f32>,
    kind: Kind,
}

enum Kind {
    Diffusion {
        volatility: Vec<f32>,
        jumps: Vec<Option<Jumps>>,
    },
    Garch {
        assets: Vec<Recursion>,
        mixing: Vec<Option<Mixing>>,
    },
    Bootstrap {
        assets: Vec<Recursion>,
        history: Arc<History>,
        cumulants: Vec<(f32, f32)>,
        restart: f32,
        /// Bars in the order of what a block that starts there adds up to, so that a quasi-random number means something.
        order: Vec<u32>,
    },
}

#[derive(Clone, Copy)]
struct Recursion {
    omega: f32,
    alpha: f32,
    gamma: f32,
    beta: f32,
    now: f32,
}

impl From<&Garch> for Recursion {
    fn from(g: &Garch) -> Self {
        Self {
            omega: g.omega as f32,
            alpha: g.alpha as f32,
            gamma: g.gamma as f32,
            beta: g.beta as f32,
            now: g.variance_now as f32,
        }
    }
}

impl Recursion {
    #[inline(always)]
    fn next(&self, h: F, shock: F) -> F {
        let square = shock * shock;
        let lever = select(
            less(shock, splat(0.0)),
            splat(self.alpha + self.gamma),
            splat(self.alpha),
        );
        (splat(self.omega) + lever * square + splat(self.beta) * h).fast_min(splat(MOST_VARIANCE))
    }
}

/// Where eight paths are.
pub(super) struct Walk {
    pub random: Random,
    /// For the parts of a step: a stream of its own, so that whether a step is parted moves no other number, and a chance
    /// moves smoothly with the account.
    aside: Random,
    seed: u64,
    /// Log price over today's, by asset.
    pub x: Vec<F>,
    /// Variance of the last step's diffusion, by asset.
    pub variance: Vec<F>,
    /// Its root.
    pub deviation: Vec<F>,
    /// Variance of the whole move of the last bar: of past shocks more than that of the way inside it.
    pub moved_variance: Vec<F>,
    /// Jumps within the last step, by asset; `jumped` says whether there is any. `x` does not hold them yet.
    pub jump: Vec<F>,
    pub jumped: bool,
    /// Share of the step that was over when the jump came (1 where none came), and log prices just before it.
    pub jump_at: F,
    pub before_jump: Vec<F>,
    pub knots: Vec<F>,
    /// Independent Brownian motions.
    pub w: Vec<F>,
    /// The same at the ends of a step that is walked in parts.
    pub w_before: Vec<F>,
    pub w_after: Vec<F>,
    /// Log prices at the ends of such a step, and the deviation of each over it.
    pub x_before: Vec<F>,
    pub x_after: Vec<F>,
    pub deviation_after: Vec<F>,
    /// Standard normals for the detail between knots, `[step·factors + factor]`; four groups of eight
    /// paths share them: as drawn, with the sign turned, and both in reverse order. A quarter of the cost, and no dearer in
    /// error: what the groups have in common cancels or is shuffled.
    pub normals: Vec<F>,
    moved: Vec<F>,
    mid: Vec<F>,
    sum_of_jumps: Vec<F>,
    h: Vec<F>,
    bar: [u32; LANES],
    blocks: [u32; LANES],
    first: u32,
}

impl Prices {
    pub(super) fn new(job: &Job) -> Self {
        let assets = job.drift.len();
        let factors = job.factor.first().map_or(0, Vec::len);
        let kind = match &job.model {
            Model::Diffusion { volatility, jumps } => Kind::Diffusion {
                volatility: volatility.iter().map(|v| *v as f32).collect(),
                jumps: jumps.clone(),
            },
            Model::Garch { assets, .. } => Kind::Garch {
                mixing: assets.iter().map(|g| Mixing::new(g.degrees_of_freedom)).collect(),
                assets: assets.iter().map(Recursion::from).collect(),
            },
            Model::Bootstrap { assets, history, .. } => Kind::Bootstrap {
                restart: (1.0 / history.block_length.max(1.0)) as f32,
                cumulants: history.cumulants.iter().map(|c| (c.0 as f32, c.1 as f32)).collect(),
                order: order(history, assets.len()),
                history: history.clone(),
                assets: assets.iter().map(Recursion::from).collect(),
            },
        };
        let drift = (0..assets)
            .map(|i| match &job.model {
                Model::Diffusion { volatility, jumps } => {
                    (job.drift[i] - 0.5 * volatility[i].powi(2) - jumps[i].map_or(0.0, |j| j.compensation())) as f32
                }
                _ => job.drift[i] as f32,
            })
            .collect();
        Self {
            assets,
            factors,
            factor: job.factor.iter().flatten().map(|f| *f as f32).collect(),
            drift,
            kind,
        }
    }

    /// Dimensions of the quasi-random sequence in use.
    pub(super) fn dimensions(&self, grid: &Grid) -> usize {
        match self.kind {
            Kind::Bootstrap { .. } => DIMENSIONS.min(grid.steps.len()),
            _ => grid.dimensions(self.factors),
        }
    }

    pub(super) fn start(&self, grid: &Grid, sobol: &Sobol, first: u32, seed: u64, walk: &mut Walk) {
        walk.random = Random::new(seed, first);
        walk.seed = seed;
        walk.first = first;
        for v in [&mut walk.x, &mut walk.w, &mut walk.sum_of_jumps, &mut walk.jump] {
            v.fill(splat(0.0));
        }
        walk.jumped = false;
        match &self.kind {
            Kind::Bootstrap { assets, .. } => {
                walk.bar = [0; LANES];
                walk.blocks = [0; LANES];
                for (h, g) in walk.h.iter_mut().zip(assets) {
                    *h = splat(g.now);
                }
            }
            kind => {
                if let Kind::Garch { assets, .. } = kind {
                    for (h, g) in walk.h.iter_mut().zip(assets) {
                        *h = splat(g.now);
                    }
                }
                let Walk {
                    random, knots, normals, ..
                } = walk;
                grid.skeleton(sobol, first, random, self.factors, knots);
                match first as usize / LANES % 4 {
                    0 => random.fill(normals),
                    turn => {
                        for z in normals.iter_mut() {
                            *z = splat(0.0) - *z;
                        }
                        if turn == 2 {
                            normals.reverse();
                        }
                    }
                }
            }
        }
    }

    pub(super) fn walk(&self, grid: &Grid) -> Walk {
        let zero = |n: usize| vec![splat(0.0); n];
        let knots = grid.steps.last().map_or(0, |s| s.segment as usize + 1);
        Walk {
            random: Random::new(0, 0),
            aside: Random::new(0, 0),
            seed: 0,
            x: zero(self.assets),
            variance: zero(self.assets),
            deviation: zero(self.assets),
            moved_variance: zero(self.assets),
            jump: zero(self.assets),
            jumped: false,
            jump_at: splat(1.0),
            before_jump: zero(self.assets),
            knots: zero(knots * self.factors),
            w: zero(self.factors),
            w_before: zero(self.factors),
            w_after: zero(self.factors),
            x_before: zero(self.assets),
            x_after: zero(self.assets),
            deviation_after: zero(self.assets),
            normals: zero(if grid.has_detail {
                grid.steps.len() * self.factors
            } else {
                0
            }),
            moved: zero(self.factors),
            mid: zero(self.factors),
            sum_of_jumps: zero(self.assets),
            h: zero(self.assets),
            bar: [0; LANES],
            blocks: [0; LANES],
            first: 0,
        }
    }

    /// Moves every price over one step. Jumps are left in `jump`, for the crossing before and after is judged apart.
    #[inline(always)]
    pub(super) fn step(&self, index: usize, step: &Step, sobol: &Sobol, s: &mut Walk) {
        match &self.kind {
            Kind::Diffusion { volatility, jumps } => self.diffuse(index, step, volatility, jumps, s),
            Kind::Garch { assets, mixing } => self.cluster(index, step, assets, mixing, s),
            Kind::Bootstrap {
                assets,
                history,
                cumulants,
                restart,
                order,
            } => {
                // Which bar each path replays.
                if index == 0 {
                    draw(history, order, sobol, s, [true; LANES]);
                } else {
                    let again = less(s.random.unit(), splat(*restart))
                        .to_array()
                        .map(|m| m.to_bits() != 0);
                    let bars = (history.shocks.len() / self.assets) as u32;
                    for b in &mut s.bar {
                        *b = if *b + 1 == bars { 0 } else { *b + 1 };
                    }
                    if again.contains(&true) {
                        draw(history, order, sobol, s, again);
                    }
                }
                for (a, g) in assets.iter().enumerate() {
                    let at = s.bar.map(|b| b as usize * self.assets + a);
                    let z = F::from(at.map(|i| history.shocks[i]));
                    let inner = F::from(at.map(|i| history.inner[i]));
                    let h = s.h[a];
                    let root = h.sqrt();
                    let (third, fourth) = cumulants[a];
                    // ln E[e^{√h·z}] by its cumulants: what keeps the price a martingale.
                    let size = root.fast_min(splat(0.5));
                    let level = h
                        * (splat(0.5) + size * splat(third * (1.0 / 6.0)) + size * size * splat(fourth * (1.0 / 24.0)));
                    let shock = root * z;
                    s.x[a] += shock - level + splat(self.drift[a] * step.dt);
                    s.variance[a] = h * inner;
                    s.moved_variance[a] = h;
                    s.deviation[a] = s.variance[a].sqrt();
                    s.h[a] = g.next(h, shock);
                }
            }
        }
    }

    /// Independent Brownian motions towards the knots; `moved` is what each did in this step.
    #[inline(always)]
    fn brownian(&self, index: usize, step: &Step, s: &mut Walk) {
        let knots = &s.knots[step.segment as usize * self.factors..][..self.factors];
        for (f, knot) in knots.iter().enumerate() {
            // No normals are held where every step ends on a knot.
            let z = s.normals.get(index * self.factors + f).copied().unwrap_or(splat(0.0));
            let next = s.w[f] * splat(step.keep) + (*knot * splat(step.pull) + z * splat(step.spread));
            s.moved[f] = next - s.w[f];
            s.w[f] = next;
        }
    }

    /// Moves every price over part `part` of a step whose end was drawn before.
    pub(super) fn part(&self, index: usize, step: &Step, part: u32, s: &mut Walk) {
        if part == 0 {
            s.aside = Random::new(s.seed ^ mix(index as u64 + 1), s.first);
        }
        let left = (step.parts - part) as f32;
        let Kind::Diffusion { volatility, .. } = &self.kind else {
            return self.part_of_bar(step.parts as f32, left, s);
        };
        let dt = step.dt / step.parts as f32;
        let spread = (dt * (left - 1.0) / left).sqrt();
        for (w, end) in s.w.iter_mut().zip(&s.w_after) {
            *w += (*end - *w) * splat(1.0 / left) + s.aside.normal() * splat(spread);
        }
        let time = step.time - (left - 1.0) * dt;
        for (a, v) in volatility.iter().enumerate() {
            s.x[a] = self.mixed(a, &s.w) * splat(*v) + splat(self.drift[a] * time) + s.sum_of_jumps[a];
            s.variance[a] = splat(v * v * dt);
            s.deviation[a] = splat(v * dt.sqrt());
        }
    }

    /// The same inside a bar whose end and inner variance are drawn: correlated bridges.
    fn part_of_bar(&self, parts: f32, left: f32, s: &mut Walk) {
        let spread = ((left - 1.0) / (left * parts)).sqrt();
        for z in &mut s.mid {
            *z = s.aside.normal() * splat(spread);
        }
        for a in 0..self.assets {
            let noise = self.mixed(a, &s.mid) * s.deviation_after[a];
            let x = s.x[a];
            s.x[a] = x + (s.x_after[a] - x) * splat(1.0 / left) + noise;
            s.variance[a] = s.deviation_after[a] * s.deviation_after[a] * splat(1.0 / parts);
            s.deviation[a] = s.deviation_after[a] * splat((1.0 / parts).sqrt());
        }
    }

    /// Volatility and drift of the log price a year where there is one asset that only diffuses.
    pub(super) fn plain(&self) -> Option<(f32, f32)> {
        match &self.kind {
            Kind::Diffusion { volatility, jumps } if self.assets == 1 && jumps[0].is_none() => {
                Some((volatility[0], self.drift[0]))
            }
            _ => None,
        }
    }

    #[inline(always)]
    fn diffuse(&self, index: usize, step: &Step, volatility: &[f32], jumps: &[Option<Jumps>], s: &mut Walk) {
        self.brownian(index, step, s);
        s.jumped = false;
        if jumps.iter().any(Option::is_some) {
            self.jump(step, volatility, jumps, s);
        }
        for (a, &v) in volatility.iter().enumerate() {
            let w = self.mixed(a, &s.w);
            s.x[a] = w * splat(v) + splat(self.drift[a] * step.time) + s.sum_of_jumps[a];
            s.variance[a] = splat(v * v * step.dt);
            s.deviation[a] = splat(v * step.root);
            if s.jumped {
                s.sum_of_jumps[a] += s.jump[a];
            }
        }
    }

    /// Draws at most one jump an asset, at a random time of the step; the grid keeps steps short beside the time between
    /// jumps.
    fn jump(&self, step: &Step, volatility: &[f32], jumps: &[Option<Jumps>], s: &mut Walk) {
        // One number for all assets: markets jump together, the rarer jumper less often.
        let u = s.random.unit();
        let mut any = splat(0.0);
        for (a, j) in jumps.iter().enumerate() {
            let Some(j) = j else { continue };
            let chance = (j.intensity * f64::from(step.dt)).min(1.0);
            let mask = less(u, splat(chance as f32));
            s.jump[a] = splat(0.0);
            if mask.any() {
                s.jumped = true;
                any |= mask;
                let size = s.random.normal() * splat(j.deviation as f32) + splat(j.mean as f32);
                s.jump[a] = mask & size;
            }
        }
        if !s.jumped {
            return;
        }
        s.jump_at = select(any, s.random.unit(), splat(1.0));
        let left = splat(1.0) - s.jump_at;
        let spread = (s.jump_at * left).sqrt() * splat(step.root);
        for f in 0..self.factors {
            // Where the Brownian motion was when the jump came: a bridge between the ends of the step.
            s.mid[f] = s.w[f] - s.moved[f] * left + spread * s.random.normal();
        }
        for (a, v) in volatility.iter().enumerate() {
            let time = splat(step.time) - left * splat(step.dt);
            s.before_jump[a] = self.mixed(a, &s.mid) * splat(*v) + splat(self.drift[a]) * time + s.sum_of_jumps[a];
        }
    }

    /// Correlated combination of independent factors for one asset.
    #[inline(always)]
    fn mixed(&self, asset: usize, factors: &[F]) -> F {
        let row = &self.factor[asset * self.factors..(asset + 1) * self.factors];
        let mut sum = splat(0.0);
        for (weight, level) in row.iter().zip(factors) {
            sum += splat(*weight) * *level;
        }
        sum
    }

    #[inline(always)]
    fn cluster(&self, index: usize, step: &Step, assets: &[Recursion], mixing: &[Option<Mixing>], s: &mut Walk) {
        self.brownian(index, step, s);
        // The same draw mixes every asset: calm and storm come to all at once.
        let u = s.random.unit();
        for (a, g) in assets.iter().enumerate() {
            let z = self.mixed(a, &s.moved) * splat(1.0 / step.root);
            let h = s.h[a];
            let variance = mixing[a].as_ref().map_or(h, |m| h * m.variance(u));
            let deviation = variance.sqrt();
            let shock = deviation * z;
            s.x[a] += shock - variance * splat(0.5) + splat(self.drift[a] * step.dt);
            s.variance[a] = variance;
            s.moved_variance[a] = variance;
            s.deviation[a] = deviation;
            s.h[a] = g.next(h, shock);
        }
    }

    /// Expected variance of each asset's log price over the hours of the grid, for standardising returns: only diffusions
    /// know it beforehand.
    pub(super) fn total_variance(&self, asset: usize) -> Option<f32> {
        match &self.kind {
            Kind::Diffusion { volatility, jumps } => {
                Some(volatility[asset] * volatility[asset] + jumps[asset].map_or(0.0, |j| j.variance()) as f32)
            }
            _ => None,
        }
    }

    /// Mean move of the log price a year, less what depends on the path's own variance.
    pub(super) fn steady_drift(&self, asset: usize) -> f32 {
        let jumps = match &self.kind {
            Kind::Diffusion { jumps, .. } => jumps[asset].map_or(0.0, |j| j.intensity * j.mean),
            _ => 0.0,
        };
        self.drift[asset] + jumps as f32
    }

    /// Prices over today's.
    #[inline(always)]
    pub(super) fn ratio(x: F) -> F {
        exp(x)
    }
}

/// New blocks for the lanes that want one.
fn draw(history: &History, order: &[u32], sobol: &Sobol, s: &mut Walk, wanted: [bool; LANES]) {
    let bars = order.len() as u64;
    let random = s.random.next().to_array();
    for lane in 0..LANES {
        if wanted[lane] {
            let d = s.blocks[lane] as usize;
            let word = if d < sobol.dimensions() {
                sobol.point(s.first + lane as u32, d)
            } else {
                random[lane]
            };
            s.blocks[lane] += 1;
            s.bar[lane] = order[((u64::from(word) * bars) >> 32) as usize];
        }
    }
    debug_assert!(!history.shocks.is_empty());
}

/// Bars sorted by the sum of shocks of a block of typical length that starts there.
fn order(history: &History, assets: usize) -> Vec<u32> {
    let bars = history.shocks.len() / assets.max(1);
    let length = (history.block_length.ceil() as usize).clamp(1, bars.max(1));
    let bar = |i: usize| {
        history.shocks[(i % bars) * assets..][..assets]
            .iter()
            .map(|z| f64::from(*z))
            .sum::<f64>()
    };
    let sums: Vec<f64> = (0..bars).map(|i| (0..length).map(|k| bar(i + k)).sum()).collect();
    let mut order: Vec<u32> = (0..bars as u32).collect();
    order.sort_by(|a, b| sums[*a as usize].total_cmp(&sums[*b as usize]).then(a.cmp(b)));
    order
}
