//! Corsi's heterogeneous autoregression of realised variance (J. Financial Econometrics 7, 2009): tomorrow's variance from
//! that of the last day, the last five and the last 22.

use super::estimators::daily_variances;
use crate::market::Candles;
use libm::sqrt;
use nalgebra::{DMatrix, DVector, RowDVector};

const MONTH: usize = 22;
/// Fewest regressions equations, whole days beyond the first 22.
const LEAST: usize = 15;

#[derive(Clone, Debug, PartialEq)]
pub struct Har {
    /// Constant, day, week, month; of daily variances.
    pub coefficients: [f64; 4],
    pub standard_errors: [f64; 4],
    pub days: usize,
    /// Forecast of the mean daily variance over each number of days ahead, by iteration.
    path: Vec<f64>,
}

impl Har {
    /// Annualised volatility over the days ahead.
    pub fn volatility(&self, days: f64) -> f64 {
        let n = (days.ceil() as usize).clamp(1, self.path.len());
        sqrt(365.0 * self.path[..n].iter().sum::<f64>() / n as f64)
    }
}

/// Least squares on the whole UTC days of the candles; a reason where there are too few.
pub fn fit(candles: &Candles) -> Result<Har, String> {
    let rv = daily_variances(candles);
    let rows = rv.len().saturating_sub(MONTH);
    if rows < LEAST {
        return Err(format!(
            "needs {} whole days of bars shorter than a day; there are {}",
            MONTH + LEAST,
            rv.len()
        ));
    }
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let regressors = |past: &[f64]| {
        let n = past.len();
        [1.0, past[n - 1], mean(&past[n - 5..]), mean(&past[n - MONTH..])]
    };
    // Variances are tiny: scaled to near 1 for the arithmetic.
    let scale = mean(&rv);
    if scale <= 0.0 {
        return Err("prices do not move".to_owned());
    }
    let y: Vec<f64> = rv.iter().map(|v| v / scale).collect();
    let x = DMatrix::from_rows(
        &(0..rows)
            .map(|i| RowDVector::from_row_slice(&regressors(&y[..i + MONTH])))
            .collect::<Vec<_>>(),
    );
    let target = DVector::from_row_slice(&y[MONTH..]);
    let inverse = (x.transpose() * &x)
        .try_inverse()
        .ok_or("the days are too alike to tell the terms apart")?;
    let b = &inverse * x.transpose() * &target;
    let residual = &target - &x * &b;
    let noise = residual.dot(&residual) / (rows as f64 - 4.0);
    let unit = [scale, 1.0, 1.0, 1.0];
    // What is forecast feeds the forecast after it; a variance stays above a hundredth of the mean.
    let mut past = y.clone();
    let path = (0..30)
        .map(|_| {
            let r = regressors(&past);
            let next = (0..4).map(|k| b[k] * r[k]).sum::<f64>().clamp(0.01, 100.0);
            past.push(next);
            next * scale
        })
        .collect();
    Ok(Har {
        coefficients: std::array::from_fn(|k| b[k] * unit[k]),
        standard_errors: std::array::from_fn(|k| sqrt(noise * inverse[(k, k)]) * unit[k]),
        days: rv.len(),
        path,
    })
}
