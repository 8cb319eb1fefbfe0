//! What a simulation is asked to do: plain data, checked by the caller.

use crate::margin::{Holding, Leg, Payoff};
use crate::market::InstrumentKind;
use crate::market::tiers::Row;
use crate::units::Side;
use crate::volatility::Garch;
use std::sync::Arc;

/// A set of positions that live and die together: one isolated position, or a cross account.
#[derive(Clone, Debug)]
pub struct Pool {
    pub holdings: Vec<Holding>,
    /// Asset of each holding.
    pub assets: Vec<usize>,
    /// Collateral without profit and loss, less what unlisted positions require.
    pub cash: f64,
}

impl Pool {
    /// One linear position at price 1 that is liquidated at `barrier`, with no maintenance margin: a plain barrier.
    pub fn with_barrier(below: bool, barrier: f64) -> Self {
        let direction = if below { 1.0 } else { -1.0 };
        let leg = Leg {
            payoff: Payoff::Linear,
            direction,
            units: 1.0,
            entry_x: 1.0,
            mark_x: 1.0,
            rows: vec![Row {
                floor: 0.0,
                cap: f64::INFINITY,
                rate: 0.0,
                amount: 0.0,
                max_leverage: 1.0,
            }],
            fee_rate: 0.0,
            reserve: 0.0,
            held: 0.0,
        };
        let cash = direction * (1.0 - barrier);
        let holding = Holding {
            symbol: String::new(),
            side: if below { Side::Long } else { Side::Short },
            kind: InstrumentKind::Linear,
            leg,
            cash,
            initial_margin: cash,
            bankrupt_at: 0.0,
            beta: 1.0,
            other_collateral: None,
            inverted_ratio: false,
        };
        Self {
            holdings: vec![holding],
            assets: vec![0],
            cash,
        }
    }
}

/// Funding of one asset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Funding {
    /// Fraction of mark notional at the next payment; positive: longs pay.
    pub rate: f64,
    pub interval_hours: f64,
    /// How the rate moves after that; constant without.
    pub process: Option<Reversion>,
    /// What is paid is clamped to this range.
    pub floor: f64,
    pub cap: f64,
}

impl Funding {
    pub fn constant(rate: f64, interval_hours: f64) -> Self {
        Self {
            rate,
            interval_hours,
            process: None,
            floor: f64::NEG_INFINITY,
            cap: f64::INFINITY,
        }
    }
    /// Nothing is ever paid.
    pub fn is_idle(&self) -> bool {
        self.process.is_none() && self.rate.max(self.floor).min(self.cap) == 0.0
    }
    /// Whether anything is paid within these hours.
    pub fn pays_within(&self, hours: f64) -> bool {
        !self.is_idle() && self.interval_hours <= hours + 1e-9
    }
}

/// Mean reversion of a funding rate, per payment: `f′ = mean + persistence·(f − mean) + deviation·(ρR + √(1−ρ²)·ε)` with
/// `R` the standardised log return of the price since the payment before and `ε` standard normal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reversion {
    pub mean: f64,
    pub persistence: f64,
    pub deviation: f64,
    pub correlation: f64,
}

/// Normal jumps of the log price at Poisson times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jumps {
    /// A year.
    pub intensity: f64,
    pub mean: f64,
    pub deviation: f64,
}

impl Jumps {
    /// `λ·(E[e^J] − 1)`: what the drift gives back so that the price stays a martingale.
    pub fn compensation(&self) -> f64 {
        self.intensity * (libm::exp(self.mean + 0.5 * self.deviation * self.deviation) - 1.0)
    }
    /// Variance of log returns a year that the jumps add.
    pub fn variance(&self) -> f64 {
        self.intensity * (self.mean * self.mean + self.deviation * self.deviation)
    }
}

/// How prices move. Vectors are by asset.
#[derive(Clone, Debug)]
pub enum Model {
    Diffusion {
        /// Annual.
        volatility: Vec<f64>,
        jumps: Vec<Option<Jumps>>,
    },
    /// GARCH with Student-t shocks, as a normal scale mixture with one mixing draw for all assets.
    Garch { step_hours: f64, assets: Vec<Garch> },
    /// GARCH variances with shocks drawn in blocks from the past, the same bars for all assets.
    Bootstrap {
        step_hours: f64,
        assets: Vec<Garch>,
        history: Arc<History>,
    },
}

impl Model {
    /// The same for one asset alone.
    pub fn only(&self, asset: usize) -> Self {
        match self {
            Self::Diffusion { volatility, jumps } => Self::Diffusion {
                volatility: vec![volatility[asset]],
                jumps: vec![jumps[asset]],
            },
            Self::Garch { step_hours, assets } => Self::Garch {
                step_hours: *step_hours,
                assets: vec![assets[asset]],
            },
            Self::Bootstrap {
                step_hours,
                assets,
                history,
            } => Self::Bootstrap {
                step_hours: *step_hours,
                assets: vec![assets[asset]],
                history: Arc::new(history.only(asset, assets.len())),
            },
        }
    }

    /// Multiplies every volatility.
    pub fn scale_volatility(&mut self, factor: &dyn Fn(usize) -> f64) {
        match self {
            Self::Diffusion { volatility, .. } => {
                for (i, v) in volatility.iter_mut().enumerate() {
                    *v *= factor(i);
                }
            }
            Self::Garch { assets, .. } | Self::Bootstrap { assets, .. } => {
                for (i, g) in assets.iter_mut().enumerate() {
                    let square = factor(i).powi(2);
                    g.omega *= square;
                    g.variance_now *= square;
                }
            }
        }
    }
}

/// Standardised shocks of the past, aligned in time, bar by bar.
#[derive(Clone, Debug)]
pub struct History {
    /// `[bar·assets + asset]`, mean 0 and variance 1 an asset.
    pub shocks: Vec<f32>,
    /// Variance of the price's way inside the bar, given where the bar ended, in units of the model's variance.
    pub inner: Vec<f32>,
    /// Third cumulant and fourth cumulant of each asset's shocks.
    pub cumulants: Vec<(f64, f64)>,
    /// Mean length of the blocks in bars.
    pub block_length: f64,
}

impl History {
    fn only(&self, asset: usize, assets: usize) -> Self {
        let column = |v: &[f32]| v.chunks(assets).map(|bar| bar[asset]).collect();
        Self {
            shocks: column(&self.shocks),
            inner: column(&self.inner),
            cumulants: vec![self.cumulants[asset]],
            block_length: self.block_length,
        }
    }
}

/// Everything a simulation needs.
#[derive(Clone, Debug)]
pub struct Job {
    pub pools: Vec<Pool>,
    pub model: Model,
    /// Of the arithmetic price, annual.
    pub drift: Vec<f64>,
    /// Price of each asset now.
    pub mark: Vec<f64>,
    /// A root of the correlation matrix: assets by factors.
    pub factor: Vec<Vec<f64>>,
    pub funding: Vec<Option<Funding>>,
    /// Exact probability at each report if no funding were paid, where it is known: one position, one asset that only
    /// diffuses. The simulation then counts only what funding changes.
    pub without_funding: Option<Vec<f64>>,
    /// Hours at which survival is reported, ascending.
    pub report_hours: Vec<f64>,
    /// Which of them are to reach the target standard error.
    pub judged: Vec<usize>,
    /// No step of a diffusion is longer, in hours; infinite: as long as is exact.
    pub finest_step: f64,
    /// The same where the crossing between grid points is only approximated: several assets in a pool, jumps.
    pub approximate_step: f64,
    pub target_standard_error: f64,
    /// Most points a scramble may use.
    pub max_points: u32,
    pub seed: u32,
}
