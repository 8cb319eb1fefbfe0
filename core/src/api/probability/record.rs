//! What `auto` takes from the record of its models: which model to use, and how to read its chance.

use super::extras::Extra;
use super::markets::Asset;
use super::plan::on_points;
use super::types::RecordUsed;
use crate::api::calibration::own_standing;
use crate::api::request::ProbabilityRequest;
use crate::error::EngineError;
use crate::forecast::standing::{Lens, Standing};
use crate::probability::{Estimate, Job, Pool};
use crate::units::{self, Side};

/// Points a scramble behind each level of a record.
const LEVEL_POINTS: u32 = 128;
/// Hours between a record's end and that of the candles, at most.
const STALE: f64 = 48.0;
/// Most horizons of a record, and most levels of one.
const MOST: usize = 400;

/// The record of each asset, given or made from its candles; `None` where there is neither.
pub(super) fn standings(
    request: &ProbabilityRequest,
    assets: &[Asset],
    notes: &mut Vec<String>,
) -> Result<Vec<Option<Standing>>, EngineError> {
    assets
        .iter()
        .map(|a| {
            let market = &request.markets[&a.symbol];
            if market.volatility.is_some() || market.implied_volatility.is_some() {
                notes.push(format!("{}: a volatility is given: its record is not used", a.symbol));
                return Ok(None);
            }
            let end = market
                .candles
                .as_ref()
                .and_then(|c| Some(c.rows.last()?.0 + c.interval.millis()));
            match &market.record {
                Some(record) => {
                    check(record, &format!("markets.{}.record", a.symbol))?;
                    let apart = end.map_or(0.0, |e| (e - record.until).abs() / 3_600_000.0);
                    if apart > STALE {
                        notes.push(format!(
                            "{}: its record ends {:.0} hours away from its candles and is not used",
                            a.symbol, apart
                        ));
                        return Ok(None);
                    }
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

/// What the plan's own simulation says of every level of a record: `[horizon][level]`, of this asset alone.
fn simulated(job: &Job, asset: usize, standing: &Standing, sides: (bool, bool)) -> (Vec<Vec<f64>>, f64) {
    let hours: Vec<f64> = standing.horizons.iter().map(|h| h.horizon_hours).collect();
    let mut out: Vec<Vec<f64>> = standing.horizons.iter().map(|h| vec![0.0; h.levels.len()]).collect();
    let mut distances: Vec<f64> = standing
        .horizons
        .iter()
        .flat_map(|h| &h.levels)
        .map(|l| l.distance)
        .collect();
    distances.sort_by(f64::total_cmp);
    distances.dedup();
    // Levels on a side that the account does not hold are not asked for.
    distances.retain(|d| if *d < 0.0 { sides.0 } else { sides.1 });
    let mut worst = 0.0f64;
    for distance in distances {
        let one = Job {
            pools: vec![Pool::with_barrier(distance < 0.0, libm::exp(distance))],
            model: job.model.only(asset),
            drift: vec![job.drift[asset]],
            mark: vec![1.0],
            factor: vec![vec![1.0]],
            funding: vec![None],
            without_funding: None,
            report_hours: hours.clone(),
            judged: vec![hours.len() - 1],
            ..job.clone()
        };
        let (chances, error) = on_points(&one, LEVEL_POINTS);
        worst = worst.max(error);
        for ((row, h), p) in out.iter_mut().zip(&standing.horizons).zip(chances) {
            for (cell, level) in row.iter_mut().zip(&h.levels) {
                if level.distance == distance {
                    *cell = p;
                }
            }
        }
    }
    (out, worst)
}

/// How the chance at each report is read.
#[derive(Clone)]
pub(crate) struct Lenses {
    by_report: Vec<Lens>,
    /// Standard error of the levels they are drawn through.
    error: f64,
}

impl Lenses {
    /// By the records of the assets, each for the share and the side that the account holds of it; an asset whose record
    /// shows no skill leaves its share as simulated.
    pub(super) fn new(records: &[Option<Standing>], job: &Job) -> Self {
        let exposure = |asset: usize| {
            job.pools
                .iter()
                .flat_map(|p| p.holdings.iter().zip(&p.assets))
                .filter(|(_, a)| **a == asset)
                .fold((0.0, 0.0), |(below, above), (h, _)| {
                    let notional = h.leg.notional(h.leg.mark_x);
                    match h.side {
                        Side::Long => (below + notional, above),
                        Side::Short => (below, above + notional),
                    }
                })
        };
        let skilled: Vec<_> = records
            .iter()
            .enumerate()
            .filter_map(|(k, r)| {
                let r = r.as_ref().filter(|r| r.has_skill)?;
                let (below, above) = exposure(k);
                Some((k, r, simulated(job, k, r, (below > 0.0, above > 0.0))))
            })
            .collect();
        let by_report = job
            .report_hours
            .iter()
            .map(|hours| {
                let parts: Vec<(Lens, f64)> = (0..records.len())
                    .map(|k| {
                        let (below, above) = exposure(k);
                        let lens = skilled
                            .iter()
                            .find(|s| s.0 == k)
                            .map_or_else(Lens::clear, |(_, r, own)| r.lens(*hours, below, above, &own.0));
                        (lens, below + above)
                    })
                    .collect();
                Lens::mean(&parts)
            })
            .collect();
        Self {
            by_report,
            error: skilled.iter().map(|s| s.2.1).fold(0.0, f64::max),
        }
    }

    fn last(&self) -> Lens {
        self.by_report.last().cloned().unwrap_or_else(Lens::clear)
    }

    /// The one at this report.
    pub(super) fn at(&self, hours: f64, reports: &[f64]) -> Option<Lens> {
        let k = reports.iter().position(|r| (r - hours).abs() < 1e-9)?;
        self.by_report.get(k).cloned()
    }

    pub(super) fn read_last(&self, p: f64, error: f64) -> (f64, f64) {
        let lens = self.last();
        (lens.apply(p), self.whole(error, lens.gain(p), p))
    }

    /// The simulated chance at the last report that is read as this one.
    pub(super) fn invert(&self, target: f64) -> f64 {
        self.last().invert(target)
    }

    /// How much errors may grow where chances matter.
    pub(super) fn gain(&self) -> f64 {
        let at = |p: f64| self.by_report.iter().map(|l| l.gain(p)).fold(1.0, f64::max);
        [0.02, 0.1, 0.3, 0.5].map(at).into_iter().fold(1.0, f64::max).min(4.0)
    }

    /// Error of sampling as the lens stretches it, and that of the lens itself, which is smaller for chances near 0 and 1.
    fn whole(&self, sampling: f64, gain: f64, p: f64) -> f64 {
        let own = self.error * libm::sqrt((4.0 * p * (1.0 - p)).max(0.0));
        gain * libm::sqrt(sampling * sampling + own * own)
    }

    /// What of an error at the last report is the lens's own.
    pub(super) fn own_error(&self, p: f64) -> f64 {
        self.whole(0.0, self.last().gain(p), p)
    }

    fn read(&self, chances: &mut [f64]) {
        let mut most = 0.0f64;
        for (p, lens) in chances.iter_mut().zip(&self.by_report) {
            most = most.max(lens.apply(*p));
            *p = most;
        }
    }

    pub(super) fn estimate(&self, e: &Estimate, judged: &[usize], target: f64) -> Estimate {
        let mut out = e.clone();
        self.read(&mut out.probability);
        for ((error, p), lens) in out.standard_error.iter_mut().zip(&e.probability).zip(&self.by_report) {
            *error = self.whole(*error, lens.gain(*p), *p);
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
        // The sampling reached what was asked of it; what the lens adds is told with the error.
        let sampled = |k: &usize| e.standard_error[*k] * self.by_report[*k].gain(e.probability[*k]);
        out.reached_target = judged.iter().all(|k| sampled(k) <= target);
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
                    let worst = chances
                        .iter()
                        .zip(&self.by_report)
                        .map(|(p, l)| l.gain(*p))
                        .fold(1.0, f64::max);
                    *error *= worst.min(4.0);
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
