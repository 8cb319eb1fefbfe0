//! Merton's jump diffusion from returns: moves beyond what the bipower variation of their neighbourhood explains are taken
//! as jumps, the rest as diffusion.
//!
//! Source: Lee and Mykland, "Jumps in financial markets" (Review of Financial Studies 21, 2008), with a fixed threshold.

use super::garch::LEAST_RETURNS;
use crate::probability::Jumps;
use libm::sqrt;

/// Local standard deviations beyond which a return is a jump: 4.5 of a normal happen once in 150,000 bars.
const THRESHOLD: f64 = 4.5;
/// Returns on each side of which the local volatility is taken, before the return itself.
const WINDOW: usize = 100;

#[derive(Clone, Debug, PartialEq)]
pub struct JumpFit {
    /// Annual volatility of the diffusion.
    pub volatility: f64,
    pub jumps: Jumps,
    pub count: usize,
    /// Standard errors of intensity, mean and deviation; the last absent with fewer than two jumps.
    pub standard_errors: [Option<f64>; 3],
}

/// `bars_a_year` turns returns into annual figures. A reason where it cannot be used.
pub fn fit(returns: &[f64], bars_a_year: f64) -> Result<JumpFit, String> {
    if returns.len() < LEAST_RETURNS {
        return Err(format!("needs {LEAST_RETURNS} returns; there are {}", returns.len()));
    }
    // E|z₁||z₂| of two standard normals is 2/π.
    let bipower = |w: &[f64]| {
        std::f64::consts::FRAC_PI_2 * w.windows(2).map(|p| (p[0] * p[1]).abs()).sum::<f64>() / (w.len() - 1) as f64
    };
    if bipower(returns) <= 0.0 {
        return Err("prices do not move".to_owned());
    }
    let (mut smooth, mut large) = (Vec::new(), Vec::new());
    for (i, r) in returns.iter().enumerate() {
        let from = i.saturating_sub(WINDOW).min(returns.len() - WINDOW - 1);
        let local = sqrt(bipower(&returns[from..from + WINDOW]));
        if local > 0.0 && r.abs() > THRESHOLD * local {
            large.push(*r);
        } else {
            smooth.push(*r);
        }
    }
    if large.is_empty() {
        return Err(format!("no return of {} stands out as a jump", returns.len()));
    }
    let n = smooth.len() as f64;
    let mean = smooth.iter().sum::<f64>() / n;
    let variance = smooth.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / (n - 1.0);
    let years = returns.len() as f64 / bars_a_year;
    let k = large.len() as f64;
    let jump_mean = large.iter().sum::<f64>() / k;
    let spread = large.iter().map(|r| (r - jump_mean) * (r - jump_mean)).sum::<f64>();
    // With one jump only its size is known: it serves as the deviation too.
    let deviation = if large.len() > 1 {
        sqrt(spread / (k - 1.0))
    } else {
        jump_mean.abs()
    };
    Ok(JumpFit {
        volatility: sqrt(variance * bars_a_year),
        jumps: Jumps {
            intensity: k / years,
            mean: jump_mean,
            deviation,
        },
        count: large.len(),
        standard_errors: [
            Some(sqrt(k) / years),
            (large.len() > 1).then(|| deviation / sqrt(k)),
            (large.len() > 1).then(|| deviation / sqrt(2.0 * (k - 1.0))),
        ],
    })
}
