//! What may move the warning and is too little recorded to be fitted: forced selling, open interest, funding, the book, the map. Each
//! enters the log-odds with a stated prior weight, labelled provisional, and learns from what happened after it was told.
//!
//! Weights are normal and independent; an outcome moves each by one step of the Laplace approximation to a logistic likelihood, after the
//! precision has faded towards the prior's (half-life [`HALF_LIFE`] outcomes), so that what was learnt is forgotten again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Largest part of one adjustment, and of all together, in log-odds: less than doubling the odds.
const MOST: f64 = 0.5;
const MOST_TOGETHER: f64 = 0.7;
/// Outcomes after which half of what was learnt has faded.
const HALF_LIFE: f64 = 500.0;

/// Name, prior weight, its deviation, largest value counted, and what the value is.
pub const PRIORS: [(&str, f64, f64, f64, &str); 5] = [
    (
        "forced_selling",
        0.15,
        0.15,
        4.0,
        "ln of liquidations of the last 15 minutes over the stream's own mean of as long, each plus one",
    ),
    (
        "open_interest",
        0.05,
        0.05,
        5.0,
        "change over the last hours given, percent",
    ),
    (
        "funding",
        0.03,
        0.05,
        10.0,
        "size of the rate of eight hours, basis points",
    ),
    (
        "book",
        0.25,
        0.25,
        1.0,
        "depth within 1 % on the side that is run away from less that on the other, over both",
    ),
    (
        "map",
        0.05,
        0.1,
        10.0,
        "heaviest levels due before the price over all that the map holds, percent",
    ),
];

/// Values by name; what is not known is absent.
#[cfg_attr(feature = "wasm", tsify::declare)]
pub type Values = Vec<(String, f64)>;

/// What was told with provisional parts, and whether the level was touched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Without the provisional parts: log-odds.
    pub log_odds: f64,
    pub values: Values,
    pub happened: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct Adjustment {
    pub name: String,
    pub meaning: String,
    /// Null: not known now, and no part.
    pub value: Option<f64>,
    /// Before any outcome, and now.
    pub prior: f64,
    pub weight: f64,
    pub deviation: f64,
    /// Of the log-odds.
    pub part: f64,
}

/// Weights and deviations after these outcomes, oldest first.
pub fn learn(outcomes: &[Outcome]) -> Vec<(f64, f64)> {
    let mut weights: Vec<(f64, f64)> = PRIORS.iter().map(|p| (p.1, 1.0 / (p.2 * p.2))).collect();
    let fade = libm::pow(0.5, 1.0 / HALF_LIFE);
    for o in outcomes {
        let parts: Vec<f64> = PRIORS
            .iter()
            .map(|p| value(&o.values, p.0, p.3).unwrap_or(0.0))
            .collect();
        let shift: f64 = parts.iter().zip(&weights).map(|(x, w)| x * w.0).sum();
        let p = super::touch::sigmoid(o.log_odds + shift.clamp(-MOST_TOGETHER, MOST_TOGETHER));
        let surprise = f64::from(u8::from(o.happened)) - p;
        for ((w, precision), (x, prior)) in weights.iter_mut().zip(parts.iter().zip(PRIORS)) {
            let own = 1.0 / (prior.2 * prior.2);
            // Faded towards the prior: what is left of the evidence, and of the distance it had moved.
            let kept = own + fade * (*precision - own);
            *w = (own * prior.1 + fade * (*precision * *w - own * prior.1)) / kept;
            *precision = kept + p * (1.0 - p) * x * x;
            *w += surprise * x / *precision;
        }
    }
    weights
        .into_iter()
        .map(|(w, precision)| (w, (1.0 / precision).sqrt()))
        .collect()
}

fn value(values: &Values, name: &str, most: f64) -> Option<f64> {
    values.iter().find(|v| v.0 == name).map(|v| v.1.clamp(-most, most))
}

/// Each adjustment at these values, and the sum that may be added to the log-odds.
pub fn adjust(values: &Values, outcomes: &[Outcome]) -> (Vec<Adjustment>, f64) {
    let parts: Vec<Adjustment> = PRIORS
        .iter()
        .zip(learn(outcomes))
        .map(|((name, prior, _, most, meaning), (weight, deviation))| {
            let value = value(values, name, *most);
            Adjustment {
                name: (*name).to_owned(),
                meaning: (*meaning).to_owned(),
                value,
                prior: *prior,
                weight,
                deviation,
                part: value.map_or(0.0, |v| (v * weight).clamp(-MOST, MOST)),
            }
        })
        .collect();
    let sum: f64 = parts.iter().map(|p| p.part).sum();
    (parts, sum.clamp(-MOST_TOGETHER, MOST_TOGETHER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(x: f64, happened: bool) -> Outcome {
        Outcome {
            log_odds: 0.0,
            values: vec![("book".to_owned(), x)],
            happened,
        }
    }

    #[test]
    fn without_outcomes_the_priors_stand_and_without_values_nothing_moves() {
        let (all, sum) = adjust(&Vec::new(), &[]);
        assert_eq!(sum, 0.0);
        assert!(
            all.iter()
                .zip(PRIORS)
                .all(|(a, p)| a.weight == p.1 && (a.deviation - p.2).abs() < 1e-12)
        );
        let (_, sum) = adjust(&vec![("book".to_owned(), 0.8)], &[]);
        assert!((sum - 0.2).abs() < 1e-12);
        let (_, sum) = adjust(&vec![("forced_selling".to_owned(), 1e9), ("book".to_owned(), 1e9)], &[]);
        assert_eq!(sum, MOST_TOGETHER);
    }

    /// The posterior of one weight, by a grid over it: normal prior, logistic likelihood.
    #[test]
    fn learning_is_near_the_posterior_by_brute_force() {
        let mut state = 7u64;
        let mut unit = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        // Truly no effect; fewer outcomes than fade.
        let outcomes: Vec<Outcome> = (0..120).map(|_| outcome(2.0 * unit() - 1.0, unit() < 0.5)).collect();
        let learnt = learn(&outcomes)[3];
        let (mut mass, mut mean) = (0.0, 0.0);
        for i in 0..4001 {
            let w = -2.0 + f64::from(i) / 1000.0;
            let mut log = -0.5 * ((w - 0.25) / 0.25f64).powi(2);
            for o in &outcomes {
                let p = super::super::touch::sigmoid(w * o.values[0].1);
                log += if o.happened { p.ln() } else { (1.0 - p).ln() };
            }
            mass += log.exp();
            mean += w * log.exp();
        }
        assert!((learnt.0 - mean / mass).abs() < 0.05, "{} {}", learnt.0, mean / mass);
        assert!(learnt.1 < 0.25);
    }

    #[test]
    fn what_is_always_wrong_is_unlearnt_and_then_forgotten() {
        let wrong: Vec<Outcome> = (0..600)
            .map(|i| outcome(if i % 2 == 0 { 1.0 } else { -1.0 }, i % 2 == 1))
            .collect();
        let after = learn(&wrong)[3].0;
        assert!(after < -0.2, "{after}");
        let quiet: Vec<Outcome> = wrong
            .into_iter()
            .chain((0..5000).map(|_| outcome(0.0, false)))
            .collect();
        let later = learn(&quiet)[3].0;
        assert!((later - 0.25).abs() < 0.1 && later > after, "{later}");
    }
}
