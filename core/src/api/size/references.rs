//! Sizes by other rules, told beside: independent bets, Kelly, a volatility target.

use super::{CONFIDENCE, DrawdownLimit, LimitSize, ReferenceSizes, Sizing, VOLATILITY};
use crate::probability::Model;
use libm::{log, sqrt};
use std::cell::{Cell, RefCell};

impl Sizing<'_> {
    /// Annual volatility of the book over equity at this size, and each holding's part of it.
    pub(super) fn volatility(&self, size: f64) -> (f64, Vec<f64>) {
        let factors = self.factors(size);
        let holdings: Vec<_> = self
            .job
            .pools
            .iter()
            .flat_map(|p| p.holdings.iter().zip(&p.assets))
            .collect();
        let exposure: Vec<f64> = holdings
            .iter()
            .zip(&factors)
            .map(|((h, _), f)| h.side.sign() * h.leg.notional(h.leg.mark_x) * f)
            .collect();
        let covariance = |i: usize, j: usize| self.covariance(*holdings[i].1, *holdings[j].1);
        let with_book: Vec<f64> = (0..holdings.len())
            .map(|i| (0..holdings.len()).map(|j| covariance(i, j) * exposure[j]).sum::<f64>())
            .collect();
        let variance: f64 = exposure.iter().zip(&with_book).map(|(e, c)| e * c).sum();
        let whole = sqrt(variance.max(0.0));
        let equity = self.equity.unwrap_or(1.0);
        let parts = exposure
            .iter()
            .zip(&with_book)
            .map(|(e, c)| if whole > 0.0 { e * c / whole / equity } else { 0.0 })
            .collect();
        (whole / equity, parts)
    }

    /// Annual covariance of two assets.
    pub(super) fn covariance(&self, a: usize, b: usize) -> f64 {
        let assets = &self.plan.markets.assets;
        self.plan.correlation(a, b) * assets[a].volatility * assets[b].volatility
    }

    pub(super) fn references(&self, limits: &[LimitSize]) -> ReferenceSizes {
        let l = self.request.limits;
        let target = l.volatility_target.unwrap_or(VOLATILITY);
        let cap = self.cap();
        let volatility_target = self.equity.and_then(|_| {
            let at = |s: f64| self.volatility(s).0;
            if at(0.0) >= target || at(cap) < target {
                return None;
            }
            let (mut low, mut high) = (0.0, cap);
            for _ in 0..80 {
                let middle = 0.5 * (low + high);
                if at(middle) <= target {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            Some(low)
        });
        // Growth of log equity is highest where Σ covariance·exposure/equity = drift (Kelly 1956, Merton 1969).
        let candidate = self.job.pools[self.at.0].assets[self.at.1];
        let sign = self.request.candidate.side.sign();
        let drift = sign * self.plan.markets.assets[candidate].drift;
        let own = self.covariance(candidate, candidate);
        let kelly = self.equity.filter(|_| drift != 0.0 && own > 0.0).map(|equity| {
            let beside: f64 = self
                .job
                .pools
                .iter()
                .enumerate()
                .flat_map(|(p, pool)| {
                    pool.holdings
                        .iter()
                        .zip(&pool.assets)
                        .enumerate()
                        .map(move |(h, x)| (p, h, x))
                })
                .filter(|(p, h, _)| (*p, *h) != self.at)
                .map(|(_, _, (h, a))| {
                    sign * h.side.sign() * h.leg.notional(h.leg.mark_x) / equity * self.covariance(*a, candidate)
                })
                .sum();
            (((drift - beside) / own) * equity / self.notional_per_size).max(0.0)
        });
        let d = l.drawdown.unwrap_or(DrawdownLimit {
            probability: 0.1,
            floor: 0.5,
        });
        // A fraction f of Kelly falls to a share α ever with chance α^(2/f − 1).
        let fraction = (2.0 / (1.0 + log(d.probability) / log(d.floor))).min(1.0);
        ReferenceSizes {
            volatility_target,
            kelly,
            half_kelly: kelly.map(|k| 0.5 * k),
            drawdown_kelly: kelly.map(|k| fraction * k),
            independent: self.independent(limits),
        }
    }

    /// The size were every pair of markets without correlation, under constant volatility.
    pub(super) fn independent(&self, limits: &[LimitSize]) -> Option<f64> {
        let assets = self.plan.markets.assets.len();
        if assets < 2 {
            return None;
        }
        let mut alone = Sizing {
            request: self.request,
            plan: self.plan.unmapped(),
            job: self.job.clone(),
            notes: Vec::new(),
            points: Cell::new(256),
            known: RefCell::default(),
            ..*self
        };
        alone.job.factor = (0..assets)
            .map(|i| (0..assets).map(|j| f64::from(u8::from(i == j))).collect())
            .collect();
        alone.job.model = Model::Diffusion {
            volatility: self.plan.markets.assets.iter().map(|a| a.volatility).collect(),
            jumps: vec![None; assets],
        };
        let l = self.request.limits;
        let mut smallest = limits
            .iter()
            .filter(|b| {
                !matches!(
                    b.name.as_str(),
                    "max_liquidation_probability" | "max_expected_shortfall"
                )
            })
            .filter_map(|b| b.size)
            .fold(f64::INFINITY, f64::min);
        if let Some(limit) = l.max_expected_shortfall {
            let found = alone.shortfall(limit, l.confidence.unwrap_or(CONFIDENCE));
            smallest = smallest.min(found.size.unwrap_or(f64::INFINITY));
        }
        if let Some(limit) = l.max_liquidation_probability {
            let found = alone.roughly(limit);
            smallest = smallest.min(found.unwrap_or(f64::INFINITY));
        }
        smallest.is_finite().then_some(smallest)
    }
}
