//! The mixing variable of Student's t: a t variable is a normal one times the root of `(ν − 2)/χ²_ν`, standardised.

use super::lanes::{F, LANES, U};
use libm::{exp, lgamma, log};
use wide::bytemuck::cast;

/// Table cells an octave of `u`, as a power of 2.
const CELL_BITS: u32 = 6;
/// Octaves: uniform numbers have 23 bits.
const OCTAVES: u32 = 23;
const BASE: u32 = (127 - OCTAVES) << CELL_BITS;

/// `w²(u)`, the standardised variance at the lower quantile `u` of χ²: large where `u` is small. Linear in cells that are
/// the leading bits of `u`; scaled so that its mean is exactly 1.
pub(super) struct Mixing {
    table: Vec<f32>,
}

impl Mixing {
    /// `None` where the shocks are normal for all purposes.
    pub(super) fn new(degrees_of_freedom: f64) -> Option<Self> {
        if degrees_of_freedom > 200.0 {
            return None;
        }
        let nu = degrees_of_freedom;
        let nodes = ((OCTAVES << CELL_BITS) + 1) as usize;
        let u = |i: usize| f64::from(f32::from_bits((BASE + i as u32) << (23 - CELL_BITS)));
        // Half χ² is gamma of shape ν/2.
        let shape = 0.5 * nu;
        let mut x = exp((log(u(0)) + lgamma(shape + 1.0)) / shape);
        let mut values: Vec<f64> = (0..nodes)
            .map(|i| {
                if i + 1 == nodes {
                    return 0.0;
                }
                x = gamma_quantile(shape, u(i), x);
                (nu - 2.0) / (2.0 * x)
            })
            .collect();
        let mean = u(0) * values[0]
            + (1..nodes)
                .map(|i| 0.5 * (u(i) - u(i - 1)) * (values[i] + values[i - 1]))
                .sum::<f64>();
        values.iter_mut().for_each(|v| *v /= mean);
        Some(Self {
            table: values.iter().map(|v| *v as f32).collect(),
        })
    }

    /// Variance factors for eight uniform numbers in (0, 1].
    #[inline]
    pub(super) fn variance(&self, u: F) -> F {
        let bits = cast::<F, U>(u).to_array();
        let mut out = [0.0f32; LANES];
        for (o, b) in out.iter_mut().zip(bits) {
            let cell = ((b >> (23 - CELL_BITS)).saturating_sub(BASE) as usize).min(self.table.len() - 1);
            let share = (b & ((1 << (23 - CELL_BITS)) - 1)) as f32 * (1.0 / (1 << (23 - CELL_BITS)) as f32);
            let (low, high) = (self.table[cell], self.table[(cell + 1).min(self.table.len() - 1)]);
            *o = low + (high - low) * share;
        }
        F::from(out)
    }
}

/// Where the regularised lower incomplete gamma function of this shape is `u`, by Newton's method from `x`, which lies
/// below (the function is walked upwards).
fn gamma_quantile(shape: f64, u: f64, mut x: f64) -> f64 {
    let ln_gamma = lgamma(shape);
    for _ in 0..60 {
        let density = exp((shape - 1.0) * log(x) - x - ln_gamma);
        // Never more than doubled: far up the density is too flat for Newton's step.
        let step = ((u - gamma_cdf(shape, x, ln_gamma)) / density).clamp(-0.5 * x, x);
        x += step;
        if step.abs() < 1e-10 * x {
            break;
        }
    }
    x
}

/// Regularised lower incomplete gamma function: its series, or one less the continued fraction.
fn gamma_cdf(shape: f64, x: f64, ln_gamma: f64) -> f64 {
    let front = exp(shape * log(x) - x - ln_gamma);
    if x < shape + 1.0 {
        let (mut term, mut sum, mut k) = (1.0 / shape, 1.0 / shape, shape);
        while term > 1e-16 * sum {
            k += 1.0;
            term *= x / k;
            sum += term;
        }
        front * sum
    } else {
        // Lentz's algorithm.
        let mut b = x + 1.0 - shape;
        let (mut c, mut d) = (1e300, 1.0 / b);
        let mut h = d;
        for i in 1..500 {
            let i = f64::from(i);
            let a = -i * (i - shape);
            b += 2.0;
            d = 1.0 / (a * d + b);
            c = b + a / c;
            h *= c * d;
            if (c * d - 1.0).abs() < 1e-15 {
                break;
            }
        }
        1.0 - front * h
    }
}

#[cfg(test)]
mod tests {
    use super::super::lanes::Random;
    use super::*;

    #[test]
    fn quantiles_of_chi_square_are_those_of_the_tables() {
        // scipy.stats.chi2.ppf(u, nu) / 2.
        for (nu, u, want) in [
            (5.0, 0.01, 0.277_149_038_436_1),
            (5.0, 0.5, 2.175_730_095_547_8),
            (3.5, 0.95, 4.332_560_880_295_2),
            (10.0, 1e-5, 0.272_584_770_439_5),
        ] {
            let start = exp((log(1e-7) + lgamma(0.5 * nu + 1.0)) / (0.5 * nu));
            let got = gamma_quantile(0.5 * nu, u, start);
            assert!((got / want - 1.0).abs() < 1e-8, "{nu} {u}: {got} {want}");
            assert!(
                (gamma_cdf(0.5 * nu, got, lgamma(0.5 * nu)) - u).abs() < 1e-9,
                "{nu} {u}"
            );
        }
    }

    #[test]
    fn shocks_have_the_tails_of_student() {
        // P(|T| > 3) of a t with 5 degrees, standardised to variance 1: P(|t₅| > 3·√(5/3)) = 0.0117248 (scipy).
        let m = Mixing::new(5.0).unwrap();
        let mut r = Random::new(1, 0);
        let (n, mut beyond, mut square) = (2_000_000, 0u32, 0.0);
        for _ in 0..n / LANES {
            let w = m.variance(r.unit()).sqrt();
            for t in (w * r.normal()).to_array() {
                beyond += u32::from(t.abs() > 3.0);
                square += f64::from(t * t);
            }
        }
        let p = f64::from(beyond) / n as f64;
        assert!((p - 0.011_724_8).abs() < 4.5 * (0.0117f64 / n as f64).sqrt(), "{p}");
        assert!((square / n as f64 - 1.0).abs() < 0.02, "{square}");
    }
}
