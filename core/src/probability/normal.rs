//! The normal distribution, with `libm` so that every platform gives the same bits.

use libm::{erfc, exp, log, sqrt};

/// `Φ(x)`.
pub fn cdf(x: f64) -> f64 {
    0.5 * erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// `ln Φ(x)`, also where `Φ(x)` underflows.
pub fn ln_cdf(x: f64) -> f64 {
    if x > -20.0 {
        log(cdf(x))
    } else {
        // Mills' ratio; the next term is below 1e-9 relative from here on.
        let r = 1.0 / (x * x);
        -0.5 * x * x - log(-x * sqrt(2.0 * std::f64::consts::PI)) + log(1.0 - r * (1.0 - r * (3.0 - 15.0 * r)))
    }
}

/// `Φ⁻¹(p)` for 0 < p < 1.
///
/// Source: Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied Statistics 37 (1988);
/// relative error about 1e-16.
#[expect(clippy::excessive_precision, reason = "coefficients as published")]
pub fn quantile(p: f64) -> f64 {
    let poly = |x: f64, c: [f64; 8]| c.iter().rev().fold(0.0, |acc, k| acc * x + k);
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * poly(
            r,
            [
                3.387_132_872_796_366_608_0,
                133.141_667_891_784_377_45,
                1_971.590_950_306_551_442_7,
                13_731.693_765_509_461_125,
                45_921.953_931_549_871_457,
                67_265.770_927_008_700_853,
                33_430.575_583_588_128_105,
                2_509.080_928_730_122_672_7,
            ],
        ) / poly(
            r,
            [
                1.0,
                42.313_330_701_600_911_252,
                687.187_007_492_057_908_30,
                5_394.196_021_424_751_107_7,
                21_213.794_301_586_595_867,
                39_307.895_800_092_710_610,
                28_729.085_735_721_942_674,
                5_226.495_278_852_854_561_0,
            ],
        );
    }
    let r = sqrt(-log(if q < 0.0 { p } else { 1.0 - p }));
    let tail = if r <= 5.0 {
        let r = r - 1.6;
        poly(
            r,
            [
                1.423_437_110_749_683_577_34,
                4.630_337_846_156_545_295_90,
                5.769_497_221_460_691_405_50,
                3.647_848_324_763_204_605_04,
                1.270_458_252_452_368_382_58,
                0.241_780_725_177_450_611_770,
                0.022_723_844_989_269_184_583_3,
                7.745_450_142_783_414_076_40e-4,
            ],
        ) / poly(
            r,
            [
                1.0,
                2.053_191_626_637_758_821_87,
                1.676_384_830_183_803_849_40,
                0.689_767_334_985_100_004_550,
                0.148_103_976_427_480_074_590,
                0.015_198_666_563_616_457_196_6,
                5.475_938_084_995_344_946_00e-4,
                1.050_750_071_644_416_843_24e-9,
            ],
        )
    } else {
        let r = r - 5.0;
        poly(
            r,
            [
                6.657_904_643_501_103_777_20,
                5.463_784_911_164_114_369_90,
                1.784_826_539_917_291_335_80,
                0.296_560_571_828_504_891_230,
                0.026_532_189_526_576_123_093_0,
                1.242_660_947_388_078_438_60e-3,
                2.711_555_568_743_487_578_15e-5,
                2.010_334_399_292_288_132_65e-7,
            ],
        ) / poly(
            r,
            [
                1.0,
                0.599_832_206_555_887_937_690,
                0.136_929_880_922_735_805_310,
                0.014_875_361_290_850_614_852_5,
                7.868_691_311_456_132_591_00e-4,
                1.846_318_317_510_054_681_80e-5,
                1.421_511_758_316_445_888_70e-7,
                2.044_263_103_389_939_785_64e-15,
            ],
        )
    };
    if q < 0.0 { -tail } else { tail }
}

/// `exp(a)·Φ(x)` without overflow on the way.
pub fn scaled_cdf(a: f64, x: f64) -> f64 {
    if a == f64::NEG_INFINITY {
        0.0
    } else {
        exp(a + ln_cdf(x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantile_inverts_the_distribution() {
        for k in 1..400 {
            let x = -8.0 + f64::from(k) * 0.02;
            assert!((quantile(cdf(x)) - x).abs() < 1e-9 * x.abs().max(1.0), "{x}");
        }
        // Tables: Φ⁻¹(0.975), Φ⁻¹(1e-10).
        assert!((quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-14);
        assert!((quantile(1e-10) + 6.361_340_902_404_056).abs() < 1e-12);
    }

    #[test]
    fn the_tail_joins_its_asymptote() {
        assert!((ln_cdf(-20.000_001) - ln_cdf(-19.999_999)).abs() < 1e-4);
        // ln Φ(−30), from tables of the log normal tail.
        assert!((ln_cdf(-30.0) + 454.321_243_956_343_2).abs() < 1e-9);
    }
}
