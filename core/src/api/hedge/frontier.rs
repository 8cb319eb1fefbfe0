//! Ways of keeping a hedge, walked over returns: what each costs and what risk it leaves.

use super::types::Schedule;
use crate::units::HOURS_PER_YEAR;
use libm::{exp, sqrt};

/// The book that is hedged, notionals signed, multiples of equity.
pub(super) struct Book {
    /// By asset; the hedge's market is `hedge`.
    pub notional: Vec<f64>,
    pub hedge: usize,
    /// Maintenance margin over notional, by asset.
    pub maintenance: Vec<f64>,
    pub target_delta: f64,
    pub cost: f64,
    pub risk_aversion: f64,
    /// Annual covariance of the assets.
    pub covariance: Vec<Vec<f64>>,
}

impl Book {
    /// Annual volatility of the hedge's market.
    fn volatility(&self) -> f64 {
        sqrt(self.covariance[self.hedge][self.hedge])
    }

    /// Maintenance margin of these notionals and this hedge.
    fn required(&self, own: &[f64], hedge: f64) -> f64 {
        own.iter().zip(&self.maintenance).map(|(n, m)| n.abs() * m).sum::<f64>()
            + hedge.abs() * self.maintenance[self.hedge]
    }

    /// Annual variance of equity less requirement.
    fn variance(&self, own: &[f64], hedge: f64) -> f64 {
        let held = |k: usize| own[k] + if k == self.hedge { hedge } else { 0.0 };
        // The requirement grows with a notional's size, on whichever side.
        let weight = |k: usize| held(k) - held(k).abs() * self.maintenance[k];
        (0..own.len())
            .map(|i| {
                (0..own.len())
                    .map(|j| weight(i) * weight(j) * self.covariance[i][j])
                    .sum::<f64>()
            })
            .sum()
    }
}

/// When the hedge is traded, and how far.
#[derive(Clone, Copy)]
enum Rule {
    Never,
    /// To the target every so many steps.
    Clock(usize),
    /// To the near edge of a band of this half-width, looked at every so many steps.
    Band(f64, usize),
}

/// Betas as they are known at each step of a path: `[asset]`, from returns before it.
pub(super) type Betas<'a> = &'a dyn Fn(usize) -> Vec<f64>;

struct Walked {
    trades: f64,
    cost: f64,
    /// Sum of squares of a step's profit over equity at the start, and of the exposure beside the target.
    squares: f64,
    beside: f64,
    drawdown: f64,
    alive: f64,
    steps: f64,
}

fn walk(book: &Book, returns: &[Vec<f64>], betas: Betas, rule: Rule, step_years: f64) -> Walked {
    let n = book.notional.len();
    let mut own = book.notional.clone();
    let mut hedge = 0.0;
    let (mut equity, mut peak) = (1.0f64, 1.0f64);
    let mut out = Walked {
        trades: 0.0,
        cost: 0.0,
        squares: 0.0,
        beside: 0.0,
        drawdown: 0.0,
        alive: 1.0,
        steps: returns.len() as f64,
    };
    let mut beta = betas(0);
    for (t, row) in returns.iter().enumerate() {
        let due = match rule {
            Rule::Never => false,
            Rule::Clock(every) | Rule::Band(_, every) => t % every == 0,
        };
        if due || t == 0 {
            beta = betas(t);
        }
        let exposure = own.iter().zip(&beta).map(|(n, b)| n * b).sum::<f64>() + hedge - book.target_delta * equity;
        if due {
            let trade = match rule {
                Rule::Clock(_) => -exposure,
                Rule::Band(half, _) if exposure.abs() > half * equity => half * equity * exposure.signum() - exposure,
                _ => 0.0,
            };
            if trade.abs() > 1e-12 {
                hedge += trade;
                // Opening the hedge costs the same whatever keeps it afterwards, and is told apart.
                if t > 0 {
                    out.trades += 1.0;
                    out.cost += book.cost * trade.abs();
                    equity -= book.cost * trade.abs();
                }
            }
        }
        let beside = own.iter().zip(&beta).map(|(n, b)| n * b).sum::<f64>() + hedge - book.target_delta * equity;
        out.beside += beside * beside;
        let before = equity - book.required(&own, hedge);
        let variance = (book.variance(&own, hedge) * step_years).max(1e-18);
        let mut gain = 0.0;
        for k in 0..n {
            let grown = own[k] * (exp(row[k]) - 1.0);
            gain += grown;
            own[k] += grown;
        }
        let grown = hedge * (exp(row[book.hedge]) - 1.0);
        gain += grown;
        hedge += grown;
        equity += gain;
        let after = equity - book.required(&own, hedge);
        // Between two bars the distance to the requirement is a Brownian bridge.
        out.alive *= if before <= 0.0 || after <= 0.0 {
            0.0
        } else {
            1.0 - exp(-2.0 * before * after / variance)
        };
        out.squares += gain * gain;
        peak = peak.max(equity);
        out.drawdown = out.drawdown.max((1.0 - equity / peak).min(1.0));
        if out.alive <= 0.0 {
            // Liquidated: there is nothing left to hedge.
            out.steps = (t + 1) as f64;
            break;
        }
    }
    out
}

/// Walks one rule over several paths.
fn schedule(name: &str, book: &Book, paths: &[Vec<Vec<f64>>], betas: Betas, rule: Rule, step_hours: f64) -> Schedule {
    let step_years = step_hours / HOURS_PER_YEAR;
    let walked: Vec<Walked> = paths.iter().map(|p| walk(book, p, betas, rule, step_years)).collect();
    let steps: f64 = walked.iter().map(|w| w.steps).sum();
    let years = steps * step_years;
    let a_year = |of: &dyn Fn(&Walked) -> f64| walked.iter().map(of).sum::<f64>() / years;
    let beside = |w: &Walked| w.beside / w.steps;
    let objective =
        |w: &Walked| w.cost / (w.steps * step_years) + 0.5 * book.risk_aversion * book.volatility().powi(2) * beside(w);
    let n = walked.len() as f64;
    let mean = walked.iter().map(objective).sum::<f64>() / n;
    let scatter = walked.iter().map(|w| (objective(w) - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    let mut drawdowns: Vec<f64> = walked.iter().map(|w| w.drawdown).collect();
    drawdowns.sort_by(f64::total_cmp);
    let every_hours = match rule {
        Rule::Never => 0.0,
        Rule::Clock(k) | Rule::Band(_, k) => k as f64 * step_hours,
    };
    Schedule {
        name: name.to_owned(),
        every_hours,
        trades_a_year: a_year(&|w| w.trades),
        cost_a_year: a_year(&|w| w.cost),
        volatility: sqrt(a_year(&|w| w.squares)),
        variance_reduction: 0.0,
        tracking: sqrt(walked.iter().map(beside).sum::<f64>() / n),
        drawdown: drawdowns.iter().sum::<f64>() / n,
        drawdown_95: drawdowns[((0.95 * n) as usize).min(drawdowns.len() - 1)],
        liquidation_probability: 1.0 - walked.iter().map(|w| w.alive).sum::<f64>() / n,
        objective: mean,
        objective_standard_error: sqrt(scatter / n),
    }
}

/// All schedules on the same paths, with the variance each takes off.
pub(super) fn all(
    book: &Book,
    paths: &[Vec<Vec<f64>>],
    betas: Betas,
    half_width: f64,
    check_every: f64,
    step_hours: f64,
) -> Vec<Schedule> {
    let steps = |hours: f64| (hours / step_hours).round().max(1.0) as usize;
    let mut rules = vec![("never", Rule::Never)];
    for (name, hours) in [
        ("hourly", 1.0),
        ("every 4 h", 4.0),
        ("every 12 h", 12.0),
        ("daily", 24.0),
        ("weekly", 168.0),
    ] {
        if hours >= step_hours {
            rules.push((name, Rule::Clock(steps(hours))));
        }
    }
    rules.push(("band", Rule::Band(half_width, steps(check_every))));
    let mut out: Vec<Schedule> = rules
        .into_iter()
        .map(|(name, rule)| schedule(name, book, paths, betas, rule, step_hours))
        .collect();
    let bare = out[0].volatility.powi(2);
    for s in &mut out {
        s.variance_reduction = if bare > 0.0 {
            1.0 - s.volatility.powi(2) / bare
        } else {
            0.0
        };
    }
    out
}
