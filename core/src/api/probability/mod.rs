//! Operation `probability`: [`plan`] checks a request and makes a job of it, [`session`] cuts the work into pieces,
//! [`extras`] are the pieces beside the main one, [`record`] is what `auto` learned, [`answer`] puts everything together.

mod answer;
mod extras;
pub(crate) mod markets;
mod plan;
mod record;
mod session;
mod types;

pub(crate) use answer::plan_model as model_used;
pub(crate) use plan::{Plan, on_points, pool_due as lone_due};
pub use session::Session;
pub use types::{
    Cause, FundingEffect, HorizonProbability, LeverageRow, MarketUsed, ModelUsed, PoolProbability, PriceFan,
    ProbabilityResponse, RecordUsed, Remedy, Sensitivity, TimeToLiquidation,
};

use super::Progress;
use super::request::ProbabilityRequest;
use crate::error::EngineError;

/// All pieces one after the other.
pub(crate) fn probability(
    request: &ProbabilityRequest,
    explain: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<ProbabilityResponse, EngineError> {
    let mut session = Session::new(request, explain)?;
    loop {
        let numbers = session.pending().into_iter().map(|piece| session.run(piece)).collect();
        let last = session.merge(numbers)?;
        progress(Progress { share: session.share() });
        if last {
            return session.answer();
        }
    }
}
