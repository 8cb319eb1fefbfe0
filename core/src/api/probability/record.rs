//! What `auto` takes from the record of its models: which model to use, and how to read its chance.

use super::extras::Extra;
use super::markets::Asset;
use super::types::RecordUsed;
use crate::api::calibration::own_standing;
use crate::api::request::ProbabilityRequest;
use crate::error::EngineError;
use crate::forecast::standing::{Lens, Standing};
use crate::margin::Holding;
use crate::probability::Estimate;
use crate::units::{self, Side};

/// Most horizons of a record, and most levels of one.
const MOST: usize = 400;

/// The record of each asset, given or made from its candles; `None` where there is neither.
pub(super) fn standings(request: &ProbabilityRequest, assets: &[Asset]) -> Result<Vec<Option<Standing>>, EngineError> {
    assets
        .iter()
        .map(|a| {
            let market = &request.markets[&a.symbol];
            match &market.record {
                Some(record) => {
                    check(record, &format!("markets.{}.record", a.symbol))?;
                    Ok(Some(record.clone()))
                }
                None => Ok(market.candles.as_ref().and_then(own_standing)),
            }
        })
        .collect()
}

fn check(s: &Standing, field: &str) -> Result<(), EngineError> {
    let at = |name: &str| format!("{field}.{name}");
    units::millis(at("from"), s.from)?;
    units::millis(at("until"), s.until)?;
    if s.horizons.is_empty() || s.horizons.len() > MOST {
        return Err(EngineError::invalid(at("horizons"), "must hold 1 to 400 horizons"));
    }
    for (k, h) in s.horizons.iter().enumerate() {
        let at = |name: String| format!("{field}.horizons[{k}].{name}");
        units::horizon_hours(at("horizon_hours".to_owned()), h.horizon_hours)?;
        if k > 0 && h.horizon_hours <= s.horizons[k - 1].horizon_hours {
            return Err(EngineError::invalid(at("horizon_hours".to_owned()), "must ascend"));
        }
        if h.weights.len() != s.members.len() {
            return Err(EngineError::invalid(
                at("weights".to_owned()),
                format!("must be one for each of the {} members", s.members.len()),
            ));
        }
        for (i, w) in h.weights.iter().enumerate() {
            units::between(at(format!("weights[{i}]")), *w, 0.0, 1.0 + 1e-9)?;
        }
        units::millis(at("since".to_owned()), h.since)?;
        if h.levels.len() > MOST {
            return Err(EngineError::invalid(at("levels".to_owned()), "at most 400"));
        }
        for (i, l) in h.levels.iter().enumerate() {
            units::between(at(format!("levels[{i}].distance")), l.distance, -20.0, 20.0)?;
            units::between(at(format!("levels[{i}].simulated")), l.simulated, 0.0, 1.0)?;
            units::between(at(format!("levels[{i}].auto")), l.auto, 0.0, 1.0)?;
        }
    }
    Ok(())
}

/// How the chance at each report is read.
pub(super) struct Lenses(Vec<Lens>);

impl Lenses {
    /// By the records of the assets, each for the share and the side that the account holds of it; an asset without one
    /// leaves its share as simulated.
    pub(super) fn new(records: &[Option<Standing>], assets: &[Asset], holdings: &[Holding], reports: &[f64]) -> Self {
        let exposure = |symbol: &str| {
            holdings
                .iter()
                .filter(|h| h.symbol == symbol)
                .fold((0.0, 0.0), |(below, above), h| {
                    let notional = h.leg.notional(h.leg.mark_x);
                    match h.side {
                        Side::Long => (below + notional, above),
                        Side::Short => (below, above + notional),
                    }
                })
        };
        Self(
            reports
                .iter()
                .map(|hours| {
                    Lens::mean(records.iter().zip(assets).map(|(r, a)| {
                        let (below, above) = exposure(&a.symbol);
                        let total = below + above;
                        let lens = r
                            .as_ref()
                            .filter(|_| total > 0.0)
                            .map_or(Lens::CLEAR, |r| r.lens(*hours, below / total, above / total));
                        (lens, total)
                    }))
                })
                .collect(),
        )
    }

    fn last(&self) -> Lens {
        self.0.last().copied().unwrap_or(Lens::CLEAR)
    }

    /// The one at this report.
    pub(super) fn at(&self, hours: f64, reports: &[f64]) -> Option<Lens> {
        let k = reports.iter().position(|r| (r - hours).abs() < 1e-9)?;
        self.0.get(k).copied()
    }

    /// The simulated chance at the last report that is read as this one.
    pub(super) fn invert(&self, target: f64) -> f64 {
        self.last().invert(target)
    }

    /// How much errors may grow where chances matter.
    pub(super) fn gain(&self) -> f64 {
        let at = |p: f64| self.0.iter().map(|l| l.gain(p)).fold(1.0, f64::max);
        [0.02, 0.1, 0.3, 0.5].map(at).into_iter().fold(1.0, f64::max).min(2.0)
    }

    fn read(&self, chances: &mut [f64]) {
        let mut most = 0.0f64;
        for (p, lens) in chances.iter_mut().zip(&self.0) {
            most = most.max(lens.apply(*p));
            *p = most;
        }
    }

    pub(super) fn estimate(&self, e: &Estimate, judged: &[usize], target: f64) -> Estimate {
        let mut out = e.clone();
        self.read(&mut out.probability);
        for ((error, p), lens) in out.standard_error.iter_mut().zip(&e.probability).zip(&self.0) {
            *error *= lens.gain(*p);
        }
        let last = e.probability.last().copied().unwrap_or(0.0);
        let share = if last > 0.0 {
            out.probability.last().copied().unwrap_or(0.0) / last
        } else {
            1.0
        };
        // Causes add up to the whole; pools are judged one by one.
        out.by_holding.iter_mut().for_each(|p| *p *= share);
        out.by_pool.iter_mut().for_each(|p| *p = self.last().apply(*p));
        out.reached_target = judged.iter().all(|k| out.standard_error[*k] <= target);
        out
    }

    /// The numbers of an extra as they are to be told.
    pub(super) fn extra(&self, extra: Extra, numbers: &mut [f64]) {
        match extra {
            Extra::Fan => {}
            Extra::Sensitivity(..) | Extra::Remedy(_) => {
                if let Some(p) = numbers.first_mut() {
                    *p = self.last().apply(*p);
                }
            }
            Extra::Base | Extra::WithoutFunding => self.read(numbers),
            Extra::Leverage(_) => {
                if let Some((error, chances)) = numbers.split_last_mut() {
                    let worst = chances.iter().zip(&self.0).map(|(p, l)| l.gain(*p)).fold(1.0, f64::max);
                    *error *= worst.min(2.0);
                    self.read(chances);
                }
            }
        }
    }
}

/// What the answer says of each record.
pub(super) fn used(records: &[Option<Standing>], assets: &[Asset], longest: f64) -> Vec<RecordUsed> {
    records
        .iter()
        .zip(assets)
        .filter_map(|(r, a)| {
            let r = r.as_ref()?;
            let k = r
                .horizons
                .partition_point(|h| h.horizon_hours < longest)
                .min(r.horizons.len() - 1);
            let h = &r.horizons[k];
            Some(RecordUsed {
                symbol: a.symbol.clone(),
                from: r.from,
                until: r.until,
                forecasts: r.forecasts,
                skill_gbm: r.skill_gbm,
                skill_gbm_interval: r.skill_gbm_interval,
                has_skill: r.has_skill,
                horizon_hours: h.horizon_hours,
                weights: r.members.iter().cloned().zip(h.weights.iter().copied()).collect(),
                leading: h.leading.clone(),
                since: h.since,
            })
        })
        .collect()
}
