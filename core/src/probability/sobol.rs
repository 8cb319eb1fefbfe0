//! Randomised Sobol points, one scramble at a time.
//!
//! Direction numbers: Joe and Kuo, "Constructing Sobol sequences with better two-dimensional projections", SIAM J. Sci.
//! Comput. 30 (2008), file new-joe-kuo-6 (as scipy ships it). Scramble: Matoušek, "On the L2-discrepancy for anchored
//! boxes", J. Complexity 14 (1998): a random lower triangular matrix and a random shift a dimension, which has the
//! variance of Owen's nested scrambling (Owen, "Variance with alternative scramblings", ACM TOMACS 13, 2003) at the price
//! of an exclusive or.

use super::lanes::{LANES, U, mix};

/// Dimensions held; the first is van der Corput's.
pub(super) const DIMENSIONS: usize = 64;
/// Points a scramble can give: 2 to this power.
pub(super) const BITS: usize = 17;

/// Of each further dimension: coefficients of its primitive polynomial without the first and last, and its first numbers.
#[rustfmt::skip]
const JOE_KUO: [(u32, &[u32]); DIMENSIONS - 1] = [
    (0, &[1]), (1, &[1, 3]), (1, &[1, 3, 1]), (2, &[1, 1, 1]), (1, &[1, 1, 3, 3]), (4, &[1, 3, 5, 13]), (2, &[1, 1,
    5, 5, 17]), (4, &[1, 1, 5, 5, 5]), (7, &[1, 1, 7, 11, 19]), (11, &[1, 1, 5, 1, 1]), (13, &[1, 1, 1, 3, 11]),
    (14, &[1, 3, 5, 5, 31]), (1, &[1, 3, 3, 9, 7, 49]), (13, &[1, 1, 1, 15, 21, 21]), (16, &[1, 3, 1, 13, 27, 49]),
    (19, &[1, 1, 1, 15, 7, 5]), (22, &[1, 3, 1, 15, 13, 25]), (25, &[1, 1, 5, 5, 19, 61]), (1, &[1, 3, 7, 11, 23,
    15, 103]), (4, &[1, 3, 7, 13, 13, 15, 69]), (7, &[1, 1, 3, 13, 7, 35, 63]), (8, &[1, 3, 5, 9, 1, 25, 53]), (14,
    &[1, 3, 1, 13, 9, 35, 107]), (19, &[1, 3, 1, 5, 27, 61, 31]), (21, &[1, 1, 5, 11, 19, 41, 61]), (28, &[1, 3, 5,
    3, 3, 13, 69]), (31, &[1, 1, 7, 13, 1, 19, 1]), (32, &[1, 3, 7, 5, 13, 19, 59]), (37, &[1, 1, 3, 9, 25, 29,
    41]), (41, &[1, 3, 5, 13, 23, 1, 55]), (42, &[1, 3, 7, 3, 13, 59, 17]), (50, &[1, 3, 1, 3, 5, 53, 69]), (55,
    &[1, 1, 5, 5, 23, 33, 13]), (56, &[1, 1, 7, 7, 1, 61, 123]), (59, &[1, 1, 7, 9, 13, 61, 49]), (62, &[1, 3, 3, 5,
    3, 55, 33]), (14, &[1, 3, 1, 15, 31, 13, 49, 245]), (21, &[1, 3, 5, 15, 31, 59, 63, 97]), (22, &[1, 3, 1, 11,
    11, 11, 77, 249]), (38, &[1, 3, 1, 11, 27, 43, 71, 9]), (47, &[1, 1, 7, 15, 21, 11, 81, 45]), (49, &[1, 3, 7, 3,
    25, 31, 65, 79]), (50, &[1, 3, 1, 1, 19, 11, 3, 205]), (52, &[1, 1, 5, 9, 19, 21, 29, 157]), (56, &[1, 3, 7, 11,
    1, 33, 89, 185]), (67, &[1, 3, 3, 3, 15, 9, 79, 71]), (70, &[1, 3, 7, 11, 15, 39, 119, 27]), (84, &[1, 1, 3, 1,
    11, 31, 97, 225]), (97, &[1, 1, 1, 3, 23, 43, 57, 177]), (103, &[1, 3, 7, 7, 17, 17, 37, 71]), (115, &[1, 3, 1,
    5, 27, 63, 123, 213]), (122, &[1, 1, 3, 5, 11, 43, 53, 133]), (8, &[1, 3, 5, 5, 29, 17, 47, 173, 479]), (13,
    &[1, 3, 3, 11, 3, 1, 109, 9, 69]), (16, &[1, 1, 1, 5, 17, 39, 23, 5, 343]), (22, &[1, 3, 1, 5, 25, 15, 31, 103,
    499]), (25, &[1, 1, 1, 11, 11, 17, 63, 105, 183]), (44, &[1, 1, 5, 11, 9, 29, 97, 231, 363]), (47, &[1, 1, 5,
    15, 19, 45, 41, 7, 383]), (52, &[1, 3, 7, 7, 31, 19, 83, 137, 221]), (55, &[1, 1, 1, 3, 23, 15, 111, 223, 83]),
    (59, &[1, 1, 5, 13, 31, 15, 55, 25, 161]), (62, &[1, 1, 3, 13, 25, 47, 39, 87, 257]),
];

fn directions(dimension: usize) -> [u32; BITS] {
    let mut v = [0; BITS];
    if dimension == 0 {
        for (i, v) in v.iter_mut().enumerate() {
            *v = 1 << (31 - i);
        }
        return v;
    }
    let (a, m) = JOE_KUO[dimension - 1];
    let s = m.len();
    for i in 0..BITS {
        v[i] = if i < s {
            m[i] << (31 - i)
        } else {
            let mut next = v[i - s] ^ (v[i - s] >> s);
            for k in 1..s {
                next ^= ((a >> (s - 1 - k)) & 1) * v[i - k];
            }
            next
        };
    }
    v
}

/// One scramble of the first dimensions.
pub(super) struct Sobol {
    columns: Vec<[u32; BITS]>,
    shifts: Vec<u32>,
}

impl Sobol {
    pub(super) fn new(dimensions: usize, seed: u64) -> Self {
        let mut state = seed;
        let mut random = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            (mix(state) >> 32) as u32
        };
        let mut columns = Vec::new();
        let mut shifts = Vec::new();
        for d in 0..dimensions.min(DIMENSIONS) {
            // Row i of the matrix: bit i from the top, and random ones above it.
            let rows: [u32; 32] = std::array::from_fn(|i| (1 << (31 - i)) | (random() & !(u32::MAX >> i)));
            columns.push(directions(d).map(|v| {
                rows.iter()
                    .fold(0, |out, row| (out << 1) | ((v & row).count_ones() & 1))
            }));
            shifts.push(random());
        }
        Self { columns, shifts }
    }

    pub(super) fn dimensions(&self) -> usize {
        self.columns.len()
    }

    /// One point in one dimension.
    pub(super) fn point(&self, index: u32, dimension: usize) -> u32 {
        let columns = &self.columns[dimension];
        let mut x = self.shifts[dimension];
        let mut rest = index;
        let mut bit = 0;
        while rest != 0 && bit < BITS {
            x ^= columns[bit] * (rest & 1);
            rest >>= 1;
            bit += 1;
        }
        x
    }

    /// Points `first..first + 8`, `first` a multiple of 8.
    pub(super) fn points(&self, first: u32, dimension: usize) -> U {
        let base = self.point(first, dimension);
        let c = &self.columns[dimension];
        let lane: [u32; LANES] = std::array::from_fn(|k| {
            let k = k as u32;
            base ^ (c[0] * (k & 1)) ^ (c[1] * ((k >> 1) & 1)) ^ (c[2] * (k >> 2))
        });
        U::from(lane)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A (t, m, s)-net has one point in each of the elementary intervals it promises; in one dimension, in each of 2^m.
    #[test]
    fn every_dimension_is_stratified_under_every_scramble() {
        for seed in 0..3 {
            let s = Sobol::new(DIMENSIONS, seed);
            for d in 0..DIMENSIONS {
                let mut seen = vec![false; 1024];
                for i in 0..1024 {
                    seen[(s.point(i, d) >> 22) as usize] = true;
                }
                assert!(seen.iter().all(|s| *s), "dimension {d}");
            }
        }
    }

    #[test]
    fn the_first_two_dimensions_form_a_net() {
        // t = 0 for the first two: 256 points fill every 16 by 16 and 4 by 64 box once.
        let s = Sobol::new(2, 9);
        for (a, b) in [(4, 4), (2, 6), (6, 2), (0, 8)] {
            let mut seen = vec![false; 256];
            for i in 0..256 {
                let (x, y) = (s.point(i, 0), s.point(i, 1));
                seen[((x.checked_shr(32 - a).unwrap_or(0) << b) | y.checked_shr(32 - b).unwrap_or(0)) as usize] = true;
            }
            assert!(seen.iter().all(|s| *s), "{a} {b}");
        }
    }

    #[test]
    fn lanes_are_the_points_one_by_one() {
        let s = Sobol::new(5, 1);
        for d in 0..5 {
            for first in [0, 8, 4096, 65_528] {
                let lanes = s.points(first, d).to_array();
                for (k, x) in lanes.into_iter().enumerate() {
                    assert_eq!(x, s.point(first + k as u32, d));
                }
            }
        }
    }

    #[test]
    fn it_integrates_what_the_unscrambled_sequence_is_known_for() {
        // The mean of Π (1 + (x_j − ½)) is 1; with 4096 points and 16 scrambles the error falls far below the random one.
        let n = 4096;
        let means: Vec<f64> = (0..16)
            .map(|seed| {
                let s = Sobol::new(8, seed);
                (0..n)
                    .map(|i| {
                        (0..8)
                            .map(|d| 0.5 + (f64::from(s.point(i, d)) + 0.5) / 4_294_967_296.0)
                            .product::<f64>()
                    })
                    .sum::<f64>()
                    / f64::from(n)
            })
            .collect();
        let mean = means.iter().sum::<f64>() / 16.0;
        let spread = (means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / 15.0).sqrt();
        // Plain sampling: sd √((13/12)^8 − 1)/√4096 = 0.0149.
        assert!(
            spread < 0.0149 / 10.0 && (mean - 1.0).abs() < spread,
            "{mean} ± {spread}"
        );
    }
}
