//! Eight paths side by side in single precision: the arithmetic of the simulation's inner loop.
//!
//! Only operations that IEEE 754 rounds exactly (+, −, ×, ÷, √, comparisons, integers) are used, never a fused
//! multiply-add or an approximate reciprocal, so that a native machine and WebAssembly give the same bits. The
//! polynomials are those of Moshier's Cephes library (single precision), and Giles' for the normal quantile; the tests
//! below measure each against double precision.

use wide::bytemuck::cast;
use wide::{f32x8, i32x8, u32x8};

pub(super) type F = f32x8;
pub(super) type U = u32x8;
pub(super) const LANES: usize = 8;

/// 1.5·2²³: adding it leaves the nearest integer in the low bits.
const ROUND: f32 = 12_582_912.0;

#[inline(always)]
pub(super) fn splat(x: f32) -> F {
    F::splat(x)
}

/// Evaluates a polynomial, highest coefficient first.
#[inline(always)]
fn polynomial<const N: usize>(x: F, coefficients: [f32; N]) -> F {
    let mut y = F::splat(coefficients[0]);
    for c in &coefficients[1..] {
        y = y * x + F::splat(*c);
    }
    y
}

/// `e^x` for |x| < 80; beyond, the value at the edge.
#[inline(always)]
pub(super) fn exp(x: F) -> F {
    let x = x.fast_max(splat(-80.0)).fast_min(splat(80.0));
    let t = x * splat(std::f32::consts::LOG2_E) + splat(ROUND);
    let n = t - splat(ROUND);
    let r = x - n * splat(0.693_359_4) - n * splat(-2.121_944_4e-4);
    let p = polynomial(
        r,
        [
            1.987_569_1e-4,
            1.398_199_9e-3,
            8.333_452e-3,
            4.166_579_6e-2,
            1.666_666_5e-1,
            5e-1,
        ],
    );
    let y = p * (r * r) + r + splat(1.0);
    cast::<U, F>(cast::<F, U>(y) + (cast::<F, U>(t) << 23))
}

/// `ln x` for normal x > 0.
#[inline(always)]
pub(super) fn ln(x: F) -> F {
    // The mantissa is brought into [√½, √2).
    const HALF_ROOT: u32 = 0x3f35_04f3;
    let bits: U = cast(x);
    let shifted = bits - U::splat(HALF_ROOT);
    let exponent: i32x8 = cast::<U, i32x8>(shifted) >> 23;
    let e = cast::<i32x8, F>(exponent + i32x8::splat(0x4b40_0000)) - splat(ROUND);
    let m = cast::<U, F>((shifted & U::splat(0x007f_ffff)) + U::splat(HALF_ROOT)) - splat(1.0);
    let z = m * m;
    let p = polynomial(
        m,
        [
            7.037_684e-2,
            -1.151_461e-1,
            1.167_699_9e-1,
            -1.242_014_1e-1,
            1.424_932_3e-1,
            -1.666_805_8e-1,
            2.000_071_5e-1,
            -2.499_999_4e-1,
            3.333_333e-1,
        ],
    );
    let y = p * m * z + e * splat(-2.121_944_4e-4) - z * splat(0.5);
    m + y + e * splat(0.693_359_4)
}

/// 23 random bits as a number in (0, 1].
#[inline(always)]
pub(super) fn unit(bits: U) -> F {
    splat(2.0) - cast::<U, F>((bits >> 9) | U::splat(0x3f80_0000))
}

/// Where `mask` is set `a`, else `b`.
#[inline(always)]
pub(super) fn select(mask: F, a: F, b: F) -> F {
    mask.bitselect(a, b)
}

#[inline(always)]
pub(super) fn less(a: F, b: F) -> F {
    a.simd_lt(b)
}

/// Two independent standard normals from two words of random bits (Box and Muller 1958).
#[inline(always)]
fn normal_pair(a: U, b: U) -> (F, F) {
    let radius = (ln(unit(a)) * splat(-2.0)).sqrt();
    // An angle in [−π/4, π/4); the top two bits turn it to the other quarters.
    let t = cast::<U, F>(((b << 2) >> 9) | U::splat(0x3f80_0000)) - splat(1.5);
    let t = t * splat(std::f32::consts::FRAC_PI_2);
    let z = t * t;
    let sin = t + t * z * polynomial(z, [-1.951_529_6e-4, 8.332_161e-3, -1.666_665_5e-1]);
    let cos = polynomial(z, [2.443_315_7e-5, -1.388_731_6e-3, 4.166_664_6e-2]) * (z * z) - z * splat(0.5) + splat(1.0);
    let cos = cast::<U, F>(cast::<F, U>(cos) ^ ((b << 1) & U::splat(0x8000_0000)));
    let swap = cast::<i32x8, F>(cast::<U, i32x8>(b) >> 31);
    (radius * select(swap, sin, cos), radius * select(swap, cos, sin))
}

/// `Φ⁻¹` of 32 bits read as a number in (0, 1).
///
/// Source: Giles, "Approximating the erfinv function", GPU Computing Gems Jade Edition (2012), single precision.
#[inline(always)]
pub(super) fn quantile(bits: U) -> F {
    // The lower half only, kept to full relative precision, and the sign apart: the upper half is mirrored.
    let upper: U = cast(cast::<U, i32x8>(bits) >> 31);
    let low = (bits ^ upper) & U::splat(0x7fff_ffff);
    // 31 bits do not fit a mantissa: high and low parts are added up.
    let coarse = cast::<U, F>((low >> 16) | U::splat(0x4b00_0000)) - splat(8_388_608.0);
    let fine = cast::<U, F>((low & U::splat(0xffff)) | U::splat(0x4b00_0000)) - splat(8_388_608.0);
    let p = (coarse * splat(65_536.0) + (fine + splat(0.5))) * splat(1.0 / 4_294_967_296.0);
    let x = splat(1.0) - p * splat(2.0);
    let w = splat(0.0) - ln(p * (splat(1.0) - p) * splat(4.0));
    let c = w - splat(2.5);
    let centre = polynomial(
        c,
        [
            2.810_226_4e-8,
            3.432_739_4e-7,
            -3.523_387_7e-6,
            -4.391_506_5e-6,
            2.185_808_7e-4,
            -1.253_725e-3,
            -4.177_681_6e-3,
            2.466_407_3e-1,
            1.501_409_4,
        ],
    );
    let s = w.fast_max(splat(0.0)).sqrt() - splat(3.0);
    let tail = polynomial(
        s,
        [
            -2.002_142_6e-4,
            1.009_505_6e-4,
            1.349_343_2e-3,
            -3.673_428_4e-3,
            5.739_507_7e-3,
            -7.622_461_3e-3,
            9.438_870_5e-3,
            1.001_674,
            2.832_976_8,
        ],
    );
    let z = select(less(w, splat(5.0)), centre, tail) * x * splat(std::f32::consts::SQRT_2);
    // Low half of (0, 1): negative.
    cast::<U, F>(cast::<F, U>(z) ^ (!bits & U::splat(0x8000_0000)))
}

/// Random words, one stream a lane.
///
/// Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47 (2021): xoshiro128+. Its
/// weak lowest bits are not used.
pub(super) struct Random {
    s: [U; 4],
    spare: Option<F>,
}

impl Random {
    /// Streams of the paths `first..first + 8`: a path's stream depends on `seed` and its own number alone.
    pub(super) fn new(seed: u64, first: u32) -> Self {
        let mut words = [[0u32; LANES]; 4];
        for lane in 0..LANES as u32 {
            let mut z = mix(seed ^ mix(u64::from(first + lane) + 1));
            for pair in words.chunks_exact_mut(2) {
                z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let w = mix(z);
                pair[0][lane as usize] = w as u32;
                pair[1][lane as usize] = (w >> 32) as u32 | 1;
            }
        }
        Self {
            s: words.map(U::from),
            spare: None,
        }
    }

    #[inline(always)]
    pub(super) fn next(&mut self) -> U {
        let [s0, s1, s2, s3] = self.s;
        let result = s0 + s3;
        let t = s1 << 9;
        let s2 = s2 ^ s0;
        let s3 = s3 ^ s1;
        let s1 = s1 ^ s2;
        let s0 = s0 ^ s3;
        self.s = [s0, s1, s2 ^ t, (s3 << 11) | (s3 >> 21)];
        result
    }

    #[inline(always)]
    pub(super) fn normal(&mut self) -> F {
        if let Some(z) = self.spare.take() {
            return z;
        }
        let (a, b) = (self.next(), self.next());
        let (z, spare) = normal_pair(a, b);
        self.spare = Some(spare);
        z
    }

    /// Fills with independent standard normals.
    pub(super) fn fill(&mut self, out: &mut [F]) {
        let (pairs, rest) = out.as_chunks_mut::<2>();
        for pair in pairs {
            let (a, b) = (self.next(), self.next());
            let (z, y) = normal_pair(a, b);
            *pair = [z, y];
        }
        if let [z] = rest {
            *z = self.normal();
        }
    }

    #[inline(always)]
    pub(super) fn unit(&mut self) -> F {
        unit(self.next())
    }
}

/// Finaliser of SplitMix64 (Steele, Lea, Flood 2014).
pub(super) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probability::normal;

    fn each(values: impl Iterator<Item = f32>, mut check: impl FnMut(f32)) {
        values.for_each(&mut check);
    }

    #[test]
    fn exp_and_ln_agree_with_double_precision() {
        each((-6000..6000).map(|k| k as f32 * 0.013), |x| {
            let got = f64::from(exp(splat(x)).to_array()[3]);
            assert!((got / f64::from(x).exp() - 1.0).abs() < 2.5e-7, "exp {x}: {got}");
        });
        each((1..40_000).map(|k| k as f32 * 0.000_37), |x| {
            for x in [x, x * 1e-12, x * 1e12] {
                let got = f64::from(ln(splat(x)).to_array()[5]);
                let want = f64::from(x).ln();
                assert!(
                    (got - want).abs() < 1.5e-7 * want.abs().max(1.0),
                    "ln {x}: {got} {want}"
                );
            }
        });
    }

    #[test]
    fn the_quantile_agrees_with_double_precision_into_both_tails() {
        let words = (0..60_000u32)
            .map(|k| k.wrapping_mul(71_583))
            .chain((0..20).map(|k| 1 << k));
        for bits in words.flat_map(|b| [b, !b]) {
            let p = (f64::from(bits) + 0.5) / 4_294_967_296.0;
            let (got, want) = (f64::from(quantile(U::splat(bits)).to_array()[0]), normal::quantile(p));
            // Giles' fit ends at 5.2 standard deviations (1e-7); beyond, its error grows to 4e-4.
            let tolerance = if want.abs() < 5.2 { 3e-6 } else { 5e-4 };
            assert!(
                (got - want).abs() < tolerance * want.abs().max(1.0),
                "{p}: {got} {want}"
            );
        }
    }

    #[test]
    fn normals_are_normal_and_independent() {
        let mut r = Random::new(5, 0);
        let n = 1_000_000;
        let (mut moments, mut lag, mut beyond, mut before) = ([0.0; 4], 0.0, [0u32; 3], 0.0);
        for _ in 0..n / LANES {
            for z in r.normal().to_array() {
                let z = f64::from(z);
                for (k, m) in moments.iter_mut().enumerate() {
                    *m += z.powi(k as i32 + 1);
                }
                lag += z * before;
                before = z;
                for (k, c) in beyond.iter_mut().enumerate() {
                    *c += u32::from(z.abs() > k as f64 + 1.0);
                }
            }
        }
        let n = n as f64;
        for (k, (m, want)) in moments.iter().zip([0.0, 1.0, 0.0, 3.0]).enumerate() {
            // Variances of z, z², z³, z⁴: 1, 2, 15, 96.
            let error = ([1.0f64, 2.0, 15.0, 96.0][k] / n).sqrt();
            assert!((m / n - want).abs() < 4.5 * error, "moment {k}: {}", m / n);
        }
        assert!((lag / n).abs() < 4.5 / n.sqrt());
        for (k, p) in [0.317_310_5, 0.045_500_26, 0.002_699_796].into_iter().enumerate() {
            let error = (p * (1.0 - p) / n).sqrt();
            assert!((f64::from(beyond[k]) / n - p).abs() < 4.5 * error, "beyond {k}");
        }
    }
}
