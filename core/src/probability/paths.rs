//! Brownian paths from a scrambled Sobol sequence in Brownian-bridge order: the first points of the sequence decide where
//! a path ends, the later ones only its detail, which is what makes the sequence worth having.
//!
//! Dimensions beyond the sequence's 256 are filled from a hash of (seed, path, dimension): unbiased, and small in effect
//! because they carry the last details.

use super::normal::quantile;

/// Dimensions of the Sobol sequence used.
const SOBOL_DIMENSIONS: u32 = sobol_burley::NUM_DIMENSIONS;

/// How a path is filled in: each row sets one grid point between two that are known.
struct Fill {
    at: usize,
    /// Index of the known point on the left, `None` for time 0.
    left: Option<usize>,
    right: Option<usize>,
    weight_left: f64,
    weight_right: f64,
    spread: f64,
}

/// The plan for one time grid.
pub(super) struct Bridge {
    fills: Vec<Fill>,
}

impl Bridge {
    /// `times` ascending and above 0.
    pub(super) fn new(times: &[f64]) -> Self {
        let n = times.len();
        let mut fills = Vec::with_capacity(n);
        let time = |i: Option<usize>| i.map_or(0.0, |i| times[i]);
        if n > 0 {
            fills.push(Fill {
                at: n - 1,
                left: None,
                right: None,
                weight_left: 1.0,
                weight_right: 0.0,
                spread: times[n - 1].sqrt(),
            });
        }
        // Intervals still to be halved, breadth first: coarse before fine.
        let mut queue = std::collections::VecDeque::from([(None, n.saturating_sub(1))]);
        while let Some((left, right)) = queue.pop_front() {
            let first = left.map_or(0, |l: usize| l + 1);
            if first >= right {
                continue;
            }
            let at = (first + right) / 2;
            let (tl, t, tr) = (time(left), times[at], times[right]);
            fills.push(Fill {
                at,
                left,
                right: Some(right),
                weight_left: (tr - t) / (tr - tl),
                weight_right: (t - tl) / (tr - tl),
                spread: ((t - tl) * (tr - t) / (tr - tl)).sqrt(),
            });
            queue.push_back((left, at));
            queue.push_back((Some(at), right));
        }
        Self { fills }
    }

    /// Fills `paths[asset][time]` with independent standard Brownian motions for point `index` of scramble `seed`.
    pub(super) fn draw(&self, index: u32, seed: u32, paths: &mut [Vec<f64>]) {
        let assets = paths.len() as u32;
        for (level, f) in self.fills.iter().enumerate() {
            for (j, path) in paths.iter_mut().enumerate() {
                let z = quantile(uniform(index, level as u32 * assets + j as u32, seed));
                let left = f.left.map_or(0.0, |i| path[i]);
                let right = f.right.map_or(0.0, |i| path[i]);
                path[f.at] = f.weight_left * left + f.weight_right * right + f.spread * z;
            }
        }
    }
}

/// A number strictly between 0 and 1.
fn uniform(index: u32, dimension: u32, seed: u32) -> f64 {
    if dimension < SOBOL_DIMENSIONS && index < 1 << 16 {
        // 24 bits come back: half a step keeps away from 0 and centres the cell.
        f64::from(sobol_burley::sample(index, dimension, seed)) + 0.5 / f64::from(1u32 << 24)
    } else {
        let h =
            mix(mix((u64::from(seed) << 32) | u64::from(index))
                ^ u64::from(dimension).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        ((h >> 12) as f64 + 0.5) / (1u64 << 52) as f64
    }
}

/// Finaliser of SplitMix64 (Steele, Lea, Flood 2014).
fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn increments_have_the_variance_of_their_time_and_are_uncorrelated() {
        let times: Vec<f64> = (1..=300)
            .map(|i| f64::from(i) * 0.01 + if i > 100 { 0.5 } else { 0.0 })
            .collect();
        let bridge = Bridge::new(&times);
        assert_eq!(bridge.fills.len(), times.len());
        let mut paths = vec![vec![0.0; times.len()]; 2];
        let n = 4096;
        let (mut first, mut middle, mut cross, mut between) = (0.0, 0.0, 0.0, 0.0);
        for i in 0..n {
            bridge.draw(i, 7, &mut paths);
            let p = &paths[0];
            let (a, b) = (p[99], p[100] - p[99]);
            first += a * a;
            middle += b * b;
            cross += a * b;
            between += p[299] * paths[1][299];
        }
        let n = f64::from(n);
        assert!((first / n - times[99]).abs() < 0.05 * times[99], "{}", first / n);
        assert!(
            (middle / n - (times[100] - times[99])).abs() < 0.05 * 0.51,
            "{}",
            middle / n
        );
        assert!((cross / n).abs() < 0.05, "{}", cross / n);
        assert!((between / n).abs() < 0.1, "{}", between / n);
    }
}
