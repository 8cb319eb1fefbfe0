//! What the pool charges: price impact, funding between longs and shorts, borrowing from the pool.
//!
//! Source: gmx-io/gmx-synthetics v2.2 (PricingUtils, MarketUtils), March 2026.

use crate::units::Side;

/// `diff^exponent·factor`; an input under 1 USD with a fractional exponent counts as 0, as in the contract.
pub fn impact_factor(diff_usd: f64, factor: f64, exponent: f64) -> f64 {
    if diff_usd < 1.0 && exponent.fract() != 0.0 {
        0.0
    } else {
        diff_usd.powf(exponent) * factor
    }
}

/// Price-impact settings of a market.
#[derive(Clone, Copy, Debug)]
pub struct ImpactTerms {
    pub positive_factor: f64,
    pub negative_factor: f64,
    pub positive_exponent: f64,
    pub negative_exponent: f64,
}

/// USD that a change of open interest earns (positive) or costs (negative).
pub fn price_impact(terms: ImpactTerms, long_before: f64, short_before: f64, long_after: f64, short_after: f64) -> f64 {
    let (before, after) = ((long_before - short_before).abs(), (long_after - short_after).abs());
    // The contract never pays more than it would charge.
    let positive = terms.positive_factor.min(terms.negative_factor);
    let crosses = (long_before <= short_before) != (long_after <= short_after);
    if crosses {
        impact_factor(before, positive, terms.positive_exponent)
            - impact_factor(after, terms.negative_factor, terms.negative_exponent)
    } else {
        let (f, e) = if after < before {
            (positive, terms.positive_exponent)
        } else {
            (terms.negative_factor, terms.negative_exponent)
        };
        impact_factor(before, f, e) - impact_factor(after, f, e)
    }
}

/// Share by which the sides differ: `|L − S|^e / (L + S)`.
pub fn imbalance(long: f64, short: f64, exponent: f64) -> f64 {
    (long - short).abs().powf(exponent) / (long + short)
}

/// Rate per second that the larger side pays under the static model.
pub fn static_funding_rate(factor: f64, long: f64, short: f64, exponent: f64) -> f64 {
    factor * imbalance(long, short, exponent)
}

/// Settings of the adaptive model, per second.
#[derive(Clone, Copy, Debug)]
pub struct AdaptiveFunding {
    pub threshold_stable: f64,
    pub threshold_decrease: f64,
    pub increase_per_second: f64,
    pub decrease_per_second: f64,
}

impl AdaptiveFunding {
    /// Change of the saved rate (positive: longs pay) over `seconds`, before the cap and floor.
    /// `skew` is +1 with more longs, −1 with more shorts.
    pub fn change(&self, saved: f64, skew: f64, imbalance: f64, seconds: f64) -> f64 {
        let same_direction = saved == 0.0 || saved.signum() == skew;
        if !same_direction {
            return skew * self.increase_per_second * imbalance * seconds;
        }
        if imbalance > self.threshold_stable {
            skew * self.increase_per_second * imbalance * seconds
        } else if imbalance < self.threshold_decrease {
            -skew * (self.decrease_per_second * seconds).min(saved.abs())
        } else {
            0.0
        }
    }
}

/// What each side earns at a paying rate: `(longs, shorts)`, negative for the payer.
pub fn funding_split(paying_rate: f64, longs_pay: bool, long: f64, short: f64) -> (f64, f64) {
    if longs_pay {
        (-paying_rate, paying_rate * long / short)
    } else {
        (paying_rate * short / long, -paying_rate)
    }
}

/// Borrowing rate per second of the curve model: `factor·reserved^exponent / pool`.
pub fn borrowing_curve(factor: f64, reserved_usd: f64, exponent: f64, pool_usd: f64) -> f64 {
    factor * reserved_usd.powf(exponent) / pool_usd
}

/// Borrowing rate of the kink model, in the unit of its factors.
pub fn borrowing_kink(usage: f64, optimal: f64, base: f64, above_optimal: f64) -> f64 {
    let extra = if usage > optimal {
        (above_optimal - base) * (usage - optimal) / (1.0 - optimal)
    } else {
        0.0
    };
    base * usage + extra
}

/// Liquidation price of a GMX v1 position (closed to new trading). `margin_fee` is a fraction of size.
#[expect(
    clippy::too_many_arguments,
    reason = "the terms of a closed product, each named as its source names them"
)]
pub fn v1_liquidation_price(
    long: bool,
    size: f64,
    collateral: f64,
    average: f64,
    funding_fee: f64,
    margin_fee: f64,
    liquidation_fee: f64,
    max_leverage: f64,
) -> f64 {
    let fees = size * margin_fee + funding_fee + liquidation_fee;
    let sign = if long { 1.0 } else { -1.0 };
    let at = |amount: f64| average - sign * (collateral - amount) * average / size;
    let (by_fees, by_leverage) = (at(fees), at(size / max_leverage));
    if long {
        by_fees.max(by_leverage)
    } else {
        by_fees.min(by_leverage)
    }
}

/// The oracle price at which a position falls to its least collateral (dollars): collateral fixed in dollars, or coins of the index
/// whose price moves with it. `None` where no price above zero does it.
pub fn liquidation_price(
    side: Side,
    size_usd: f64,
    tokens: f64,
    fixed_usd: f64,
    coins: f64,
    fees: f64,
    least: f64,
) -> Option<f64> {
    let price = match side {
        Side::Long => (least + size_usd + fees - fixed_usd) / (tokens + coins),
        Side::Short if tokens > coins => (fixed_usd + size_usd - fees - least) / (tokens - coins),
        Side::Short => return None,
    };
    (price > 0.0).then_some(price)
}
