//! Events that set each other off: a marked, multivariate self-exciting point process with exponential kernels.
//!
//! `λ_i(t) = μ_i + Σ_j n_ij Σ_{s < t, type j} g(mark) · β e^{−β (t − s)}`, with `g` of mean 1: `n_ij` is the number of events of
//! type `i` that one of type `j` brings about directly, and the largest eigenvalue of `n` is the branching ratio.
//!
//! Sources: Hawkes (1971), Biometrika 58; Ogata (1981) for the recursion that makes the likelihood linear in the events;
//! Papangelou (1972) and Brown et al. (2002) for the test of the residuals.

use libm::{exp, log, pow, sqrt};
use nalgebra::{DMatrix, DVector};

/// The branching ratio may come this near to 1: beyond, the process explodes.
pub const MOST_BRANCHING: f64 = 0.995;

/// An event: seconds since the beginning of the window, its type, and its mark (above 0; 1 where marks do not matter).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    pub time: f64,
    pub kind: usize,
    pub mark: f64,
}

/// The process. Rates are a second.
#[derive(Clone, Debug, PartialEq)]
pub struct Law {
    pub baseline: Vec<f64>,
    /// `excitation[i][j]`: children of type `i` of one event of type `j`.
    pub excitation: Vec<Vec<f64>>,
    pub decay: f64,
    /// Power of the mark in `g`; 0: marks do not matter.
    pub mark_power: f64,
    /// Mean of `mark^mark_power` over the events that the law was fitted to.
    pub mark_mean: f64,
}

impl Law {
    fn weight(&self, mark: f64) -> f64 {
        if self.mark_power == 0.0 {
            1.0
        } else {
            pow(mark, self.mark_power) / self.mark_mean
        }
    }

    pub fn branching_ratio(&self) -> f64 {
        spectral_radius(&self.excitation)
    }

    /// `Σ_k g_k β e^{−β (t − s_k)}` by type at `time`, from all events before it.
    pub fn excited(&self, events: &[Event], time: f64) -> Vec<f64> {
        let mut state = vec![0.0; self.baseline.len()];
        let mut last = 0.0;
        for e in events.iter().take_while(|e| e.time < time) {
            fade(&mut state, exp(-self.decay * (e.time - last)));
            state[e.kind] += self.decay * self.weight(e.mark);
            last = e.time;
        }
        fade(&mut state, exp(-self.decay * (time - last)));
        state
    }

    /// Intensity by type, events a second.
    pub fn intensity(&self, excited: &[f64]) -> Vec<f64> {
        self.baseline
            .iter()
            .zip(&self.excitation)
            .map(|(m, row)| m + row.iter().zip(excited).map(|(n, r)| n * r).sum::<f64>())
            .collect()
    }

    /// Expected events by type in the next `seconds`, given the intensity now: the linear equation that the mean obeys,
    /// `dλ/dt = β (μ + (n − 1) λ)`, by Runge and Kutta's steps of a tenth of the memory until it has come to rest.
    pub fn expected(&self, intensity: &[f64], seconds: f64) -> Vec<f64> {
        let change = |x: &[f64]| -> Vec<f64> {
            self.excitation
                .iter()
                .zip(&self.baseline)
                .zip(x)
                .map(|((row, mu), own)| {
                    let brought: f64 = row.iter().zip(x).map(|(n, x)| n * x).sum();
                    self.decay * (mu + brought - own)
                })
                .collect()
        };
        let after = |x: &[f64], d: &[f64], h: f64| -> Vec<f64> { x.iter().zip(d).map(|(x, d)| x + h * d).collect() };
        let rest = 40.0 / (self.decay * (1.0 - self.branching_ratio()).max(1.0 - MOST_BRANCHING));
        let moving = seconds.min(rest);
        let steps = (moving * self.decay / 0.1).ceil().max(1.0);
        let h = moving / steps;
        let mut x = intensity.to_vec();
        let mut count = vec![0.0; x.len()];
        for _ in 0..steps as usize {
            let a = change(&x);
            let middle = after(&x, &a, 0.5 * h);
            let b = change(&middle);
            let other = after(&x, &b, 0.5 * h);
            let c = change(&other);
            let end = after(&x, &c, h);
            let d = change(&end);
            for k in 0..x.len() {
                // The count is the integral of the rate, by the same steps.
                count[k] += h / 6.0 * (x[k] + 2.0 * middle[k] + 2.0 * other[k] + end[k]);
                x[k] += h / 6.0 * (a[k] + 2.0 * b[k] + 2.0 * c[k] + d[k]);
            }
        }
        count.iter().zip(&x).map(|(n, x)| n + x * (seconds - moving)).collect()
    }
}

fn fade(state: &mut [f64], factor: f64) {
    for s in state {
        *s *= factor;
    }
}

/// Largest eigenvalue of a matrix without negative entries, by repeated multiplication; the identity is added meanwhile so that
/// nothing turns in circles.
pub fn spectral_radius(rows: &[Vec<f64>]) -> f64 {
    let mut x = vec![1.0 / rows.len() as f64; rows.len()];
    let mut last = 0.0;
    for _ in 0..10_000 {
        let next: Vec<f64> = rows
            .iter()
            .zip(&x)
            .map(|(row, own)| own + row.iter().zip(&x).map(|(a, x)| a * x).sum::<f64>())
            .collect();
        let sum: f64 = next.iter().sum();
        x = next.iter().map(|v| v / sum).collect();
        if (sum - last).abs() < 1e-14 * sum {
            break;
        }
        last = sum;
    }
    last - 1.0
}

/// What the events know for one decay: the excitation each saw, and the integral of each type's kernels over the window.
struct Seen {
    /// By event, then by exciting type.
    excited: Vec<f64>,
    integral: Vec<f64>,
}

fn see(events: &[Event], kinds: usize, end: f64, law: &Law) -> Seen {
    let mut excited = Vec::with_capacity(events.len() * kinds);
    let mut state = vec![0.0; kinds];
    let mut integral = vec![0.0; kinds];
    let mut last = 0.0;
    let mut first_of_instant = 0;
    for (k, e) in events.iter().enumerate() {
        if e.time > last {
            // Events of one instant do not excite each other: they join the state when time moves on.
            for earlier in &events[first_of_instant..k] {
                state[earlier.kind] += law.decay * law.weight(earlier.mark);
            }
            first_of_instant = k;
            fade(&mut state, exp(-law.decay * (e.time - last)));
            last = e.time;
        }
        excited.extend_from_slice(&state);
        integral[e.kind] -= law.weight(e.mark) * libm::expm1(-law.decay * (end - e.time));
    }
    Seen { excited, integral }
}

/// Log-likelihood of a law over `[0, end]` in one pass.
pub fn log_likelihood(events: &[Event], end: f64, law: &Law) -> f64 {
    let kinds = law.baseline.len();
    let seen = see(events, kinds, end, law);
    let mut sum = 0.0;
    for (e, r) in events.iter().zip(seen.excited.chunks_exact(kinds)) {
        let row = &law.excitation[e.kind];
        sum += log(law.baseline[e.kind] + row.iter().zip(r).map(|(n, r)| n * r).sum::<f64>());
    }
    for (mu, row) in law.baseline.iter().zip(&law.excitation) {
        sum -= mu * end + row.iter().zip(&seen.integral).map(|(n, g)| n * g).sum::<f64>();
    }
    sum
}

/// Largest `Σ log(x_k·θ) − c·θ` over `θ ≥ 0`, all entries of `x` and `c` at least 0: concave, so Newton's steps on the
/// entries that are free find the maximum.
fn concave_maximum(rows: &[Vec<f64>], c: &[f64], start: &[f64]) -> Vec<f64> {
    let d = c.len();
    let mut theta = start.to_vec();
    let value = |t: &[f64]| -> f64 {
        let logs: f64 = rows
            .iter()
            .map(|x| log(x.iter().zip(t).map(|(x, t)| x * t).sum::<f64>().max(1e-300)))
            .sum();
        logs - c.iter().zip(t).map(|(c, t)| c * t).sum::<f64>()
    };
    let mut now = value(&theta);
    for _ in 0..100 {
        let mut gradient: Vec<f64> = c.iter().map(|c| -c).collect();
        let mut curvature = DMatrix::<f64>::zeros(d, d);
        for x in rows {
            let rate = x.iter().zip(&theta).map(|(x, t)| x * t).sum::<f64>().max(1e-300);
            for i in 0..d {
                let a = x[i] / rate;
                gradient[i] += a;
                for j in 0..=i {
                    curvature[(i, j)] += a * x[j] / rate;
                }
            }
        }
        // At 0 and pushed further down: held there.
        let free: Vec<usize> = (0..d).filter(|i| theta[*i] > 0.0 || gradient[*i] > 0.0).collect();
        let slack: f64 = free.iter().map(|i| (gradient[*i] * theta[*i].max(1e-9)).abs()).sum();
        if slack < 1e-9 * (1.0 + now.abs()) {
            break;
        }
        let m = free.len();
        let h = DMatrix::from_fn(m, m, |a, b| {
            let (i, j) = (free[a].max(free[b]), free[a].min(free[b]));
            curvature[(i, j)] + if a == b { 1e-12 * (1.0 + curvature[(i, i)]) } else { 0.0 }
        });
        let g = DVector::from_iterator(m, free.iter().map(|i| gradient[*i]));
        let Some(step) = h.cholesky().map(|c| c.solve(&g)) else {
            break;
        };
        let mut length = 1.0;
        let mut moved = false;
        while length > 1e-9 {
            let mut next = theta.clone();
            for (a, i) in free.iter().enumerate() {
                next[*i] = (theta[*i] + length * step[a]).max(0.0);
            }
            let then = value(&next);
            if then > now {
                (theta, now, moved) = (next, then, true);
                break;
            }
            length *= 0.5;
        }
        if !moved {
            break;
        }
    }
    theta
}

/// The best baseline and excitation for a decay and mark power, with the branching ratio held under [`MOST_BRANCHING`], and
/// whether it had to be held.
fn best(events: &[Event], end: f64, frame: &Law) -> (Law, bool) {
    let kinds = frame.baseline.len();
    let seen = see(events, kinds, end, frame);
    let mut rows: Vec<Vec<Vec<f64>>> = vec![Vec::new(); kinds];
    for (e, r) in events.iter().zip(seen.excited.chunks_exact(kinds)) {
        let mut row = Vec::with_capacity(kinds + 1);
        row.push(1.0);
        row.extend_from_slice(r);
        rows[e.kind].push(row);
    }
    let solve = |extra: f64| -> Law {
        let mut law = frame.clone();
        for (i, own) in rows.iter().enumerate() {
            let mut c = vec![end];
            c.extend(seen.integral.iter().map(|g| (g + extra).max(1e-9)));
            let mut start = vec![0.5 * own.len().max(1) as f64 / end];
            start.extend(seen.integral.iter().map(|_| 0.5 / kinds as f64));
            let theta = concave_maximum(own, &c, &start);
            law.baseline[i] = theta[0].max(1e-12 / end);
            law.excitation[i] = theta[1..].to_vec();
        }
        law
    };
    let law = solve(0.0);
    if law.branching_ratio() <= MOST_BRANCHING {
        return (law, false);
    }
    // A price on every child, as small as brings the ratio down.
    let (mut low, mut high) = (0.0, events.len() as f64);
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if solve(middle).branching_ratio() > MOST_BRANCHING {
            low = middle;
        } else {
            high = middle;
        }
    }
    (solve(high), true)
}

/// What a fit found.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    pub law: Law,
    pub log_likelihood: f64,
    /// In the order of [`parameters`]; `None` for entries at 0, where there is no curvature to read an error from.
    pub standard_errors: Vec<Option<f64>>,
    pub branching_standard_error: Option<f64>,
    /// The ratio had to be held under [`MOST_BRANCHING`].
    pub held: bool,
    /// The decay lies inside the range searched.
    pub inside: bool,
}

fn frame(events: &[Event], kinds: usize, decay: f64, mark_power: f64) -> Law {
    let mark_mean = if mark_power == 0.0 {
        1.0
    } else {
        events.iter().map(|e| pow(e.mark, mark_power)).sum::<f64>() / events.len() as f64
    };
    Law {
        baseline: vec![0.0; kinds],
        excitation: vec![vec![0.0; kinds]; kinds],
        decay,
        mark_power,
        mark_mean,
    }
}

/// Baselines, excitation row by row, decay and, where marks count, their power.
pub fn parameters(law: &Law, marked: bool) -> Vec<f64> {
    let mut out = law.baseline.clone();
    out.extend(law.excitation.iter().flatten());
    out.push(law.decay);
    if marked {
        out.push(law.mark_power);
    }
    out
}

fn law_of(events: &[Event], kinds: usize, p: &[f64]) -> Law {
    let (decay, power) = (
        p[kinds + kinds * kinds],
        p.get(kinds + kinds * kinds + 1).copied().unwrap_or(0.0),
    );
    let mut law = frame(events, kinds, decay, power);
    law.baseline.copy_from_slice(&p[..kinds]);
    for i in 0..kinds {
        law.excitation[i].copy_from_slice(&p[kinds + i * kinds..kinds + (i + 1) * kinds]);
    }
    law
}

/// Maximum of a function of one variable with one peak between `low` and `high`: golden section.
fn peak(f: &mut dyn FnMut(f64) -> f64, mut low: f64, mut high: f64, tolerance: f64) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let (mut a, mut b) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
    let (mut fa, mut fb) = (f(a), f(b));
    while high - low > tolerance {
        if fa < fb {
            (low, a, fa) = (a, b, fb);
            b = low + GOLDEN * (high - low);
            fb = f(b);
        } else {
            (high, b, fb) = (b, a, fa);
            a = high - GOLDEN * (high - low);
            fa = f(a);
        }
    }
    0.5 * (low + high)
}

/// Maximum likelihood of events sorted by time within `[0, end]`; `None` below ten events or where a type has none.
///
/// For a decay the rest is a concave problem; the decay is searched on a grid of its logarithm and then by golden section.
pub fn fit(events: &[Event], kinds: usize, end: f64, marked: bool, progress: &mut dyn FnMut(f64)) -> Option<Fit> {
    let every_kind = (0..kinds).all(|k| events.iter().any(|e| e.kind == k));
    if events.len() < 10 || !every_kind || end <= 0.0 {
        return None;
    }
    let mean_gap = end / events.len() as f64;
    // From memories of a fifth of the window to a hundredth of the mean gap, but not under a millisecond.
    let (slow, fast) = (log(5.0 / end), log((100.0 / mean_gap).min(1000.0)).max(log(50.0 / end)));
    const NODES: usize = 12;
    let value = |log_decay: f64, power: f64| {
        let (law, _) = best(events, end, &frame(events, kinds, exp(log_decay), power));
        log_likelihood(events, end, &law)
    };
    let step = (fast - slow) / NODES as f64;
    let mut top = (0, f64::NEG_INFINITY);
    for k in 0..=NODES {
        let v = value(slow + k as f64 * step, 0.0);
        if v > top.1 {
            top = (k, v);
        }
        progress(0.5 * (k + 1) as f64 / (NODES + 1) as f64);
    }
    let around = |k: usize| {
        (
            slow + (k as f64 - 1.0).max(0.0) * step,
            slow + ((k + 1) as f64).min(NODES as f64) * step,
        )
    };
    let (low, high) = around(top.0);
    let mut log_decay = peak(&mut |x| value(x, 0.0), low, high, 1e-5);
    let mut power = 0.0;
    if marked {
        // Each in turn: they hardly depend on each other.
        for _ in 0..4 {
            power = peak(&mut |p| value(log_decay, p), 0.0, 2.0, 1e-4);
            let before = log_decay;
            log_decay = peak(&mut |x| value(x, power), log_decay - step, log_decay + step, 1e-5);
            if (log_decay - before).abs() < 1e-4 {
                break;
            }
        }
    }
    progress(0.8);
    let (law, held) = best(events, end, &frame(events, kinds, exp(log_decay), power));
    let (standard_errors, branching_standard_error) = errors(events, kinds, end, &law, marked);
    progress(1.0);
    Some(Fit {
        log_likelihood: log_likelihood(events, end, &law),
        standard_errors,
        branching_standard_error,
        held,
        inside: log_decay > slow + 1e-3 && log_decay < fast - 1e-3,
        law,
    })
}

/// Standard errors from the curvature of the log-likelihood, and the branching ratio's by the delta method.
fn errors(events: &[Event], kinds: usize, end: f64, law: &Law, marked: bool) -> (Vec<Option<f64>>, Option<f64>) {
    let at = parameters(law, marked);
    let scale: Vec<f64> = at.iter().map(|x| 1e-3 * x).collect();
    // Entries at 0 (or as good as) are left out.
    let free: Vec<usize> = (0..at.len())
        .filter(|i| at[*i] > if *i < kinds { 1e-9 / end } else { 1e-5 })
        .collect();
    let value = |moves: &[(usize, f64)]| {
        let mut p = at.clone();
        for (i, m) in moves {
            p[*i] += m;
        }
        log_likelihood(events, end, &law_of(events, kinds, &p))
    };
    let m = free.len();
    let centre = value(&[]);
    let mut information = DMatrix::<f64>::zeros(m, m);
    for a in 0..m {
        let (i, h) = (free[a], scale[free[a]]);
        information[(a, a)] = -(value(&[(i, h)]) - 2.0 * centre + value(&[(i, -h)])) / (h * h);
        for b in 0..a {
            let (j, k) = (free[b], scale[free[b]]);
            let mixed = value(&[(i, h), (j, k)]) - value(&[(i, h), (j, -k)]) - value(&[(i, -h), (j, k)])
                + value(&[(i, -h), (j, -k)]);
            information[(a, b)] = -mixed / (4.0 * h * k);
            information[(b, a)] = information[(a, b)];
        }
    }
    let mut out = vec![None; at.len()];
    // Scaled to a diagonal of 1 before it is inverted: decay and baselines differ by orders of magnitude.
    let size: Vec<f64> = (0..m).map(|a| sqrt(information[(a, a)].abs()).max(1e-300)).collect();
    let scaled = DMatrix::from_fn(m, m, |a, b| information[(a, b)] / (size[a] * size[b]));
    let Some(inverse) = scaled.cholesky().map(|c| c.inverse()) else {
        return (out, None);
    };
    let covariance = |a: usize, b: usize| inverse[(a, b)] / (size[a] * size[b]);
    for a in 0..m {
        out[free[a]] = Some(sqrt(covariance(a, a))).filter(|e| e.is_finite());
    }
    let ratio = |i: usize, h: f64| {
        let mut p = at.clone();
        p[i] += h;
        law_of(events, kinds, &p).branching_ratio()
    };
    let slope: Vec<f64> = free
        .iter()
        .map(|i| {
            let h = scale[*i];
            (ratio(*i, h) - ratio(*i, -h)) / (2.0 * h)
        })
        .collect();
    let mut variance = 0.0;
    for a in 0..m {
        for b in 0..m {
            variance += slope[a] * slope[b] * covariance(a, b);
        }
    }
    (out, Some(sqrt(variance)).filter(|e| e.is_finite()))
}

/// Integrated intensity between neighbouring events of one type, over all types: exponential of mean 1 where the law holds.
pub fn residuals(events: &[Event], end: f64, law: &Law) -> Vec<f64> {
    let kinds = law.baseline.len();
    // Integral of every type's intensity up to an event, in one pass: `state` is the excitation just after `last`.
    let mut state = vec![0.0; kinds];
    let mut total = vec![0.0; kinds];
    let mut before: Vec<Option<f64>> = vec![None; kinds];
    let mut last = 0.0;
    let mut out = Vec::with_capacity(events.len());
    for e in events.iter().filter(|e| e.time <= end) {
        let span = e.time - last;
        let faded = exp(-law.decay * span);
        for (i, t) in total.iter_mut().enumerate() {
            let excited: f64 = law.excitation[i].iter().zip(&state).map(|(n, s)| n * s).sum();
            *t += law.baseline[i] * span + excited * (1.0 - faded) / law.decay;
        }
        fade(&mut state, faded);
        state[e.kind] += law.decay * law.weight(e.mark);
        last = e.time;
        if let Some(previous) = before[e.kind].replace(total[e.kind]) {
            out.push(total[e.kind] - previous);
        }
    }
    out
}

/// Probability of a Kolmogorov–Smirnov distance at least as large as that of `residuals` from the exponential of mean 1.
/// Small samples by Stephens' correction (1970). Parameters were fitted, which makes it somewhat too large.
pub fn exponential_p_value(residuals: &[f64]) -> Option<f64> {
    let n = residuals.len();
    if n < 5 {
        return None;
    }
    let mut u: Vec<f64> = residuals.iter().map(|x| -libm::expm1(-x)).collect();
    u.sort_by(f64::total_cmp);
    let distance = u
        .iter()
        .enumerate()
        .map(|(k, u)| (u - k as f64 / n as f64).max((k as f64 + 1.0) / n as f64 - u))
        .fold(0.0, f64::max);
    let root = sqrt(n as f64);
    let x = (root + 0.12 + 0.11 / root) * distance;
    if x < 0.2 {
        return Some(1.0);
    }
    let sum: f64 = (1..=100)
        .map(|k| {
            let k = f64::from(k);
            (if k % 2.0 == 1.0 { 2.0 } else { -2.0 }) * exp(-2.0 * k * k * x * x)
        })
        .sum();
    Some(sum.clamp(0.0, 1.0))
}
