//! The one door: a request in, an answer or an error out.

pub mod alerts;
pub mod calibration;
pub mod cascade;
mod checks;
mod describe;
mod explain;
mod funding;
pub mod hawkes;
pub mod hedge;
pub mod linked_cascade;
mod liquidation;
pub mod liquidation_map;
mod normalize;
pub mod probability;
pub mod replay;
pub mod request;
pub mod response;
mod run;
pub mod schema;
pub mod size;
pub mod venues;
mod volatility;
pub mod warning;

pub use explain::Step;
pub use hedge::HedgeRequest;
pub use request::{
    CalibrationRequest, DescribeRequest, EngineRequest, Envelope, FundingRequest, LiquidationRequest, ModelChoice,
    NormalizeRequest, ProbabilityRequest, VolatilityRequest,
};
pub use response::{
    CalibrationResponse, DescribeResponse, EngineResponse, FundingResponse, LiquidationResponse, NormalizeResponse,
    ProbabilityResponse, SizeResponse, VolatilityResponse,
};
pub use run::Run;
pub use size::SizeRequest;

use crate::error::EngineError;
use serde_json::{Value, json};

/// How far a long calculation has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Share done, 0 to 1.
    pub share: f64,
}

/// Answers a request. The same request gives the same numbers through every door.
pub fn evaluate(
    request: &EngineRequest,
    explain: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<EngineResponse, EngineError> {
    match request {
        EngineRequest::Liquidation(r) => liquidation::liquidation(r, explain).map(EngineResponse::Liquidation),
        EngineRequest::Funding(r) => funding::funding(r, explain).map(EngineResponse::Funding),
        EngineRequest::Probability(r) => {
            probability::probability(r, explain, progress).map(|r| EngineResponse::Probability(Box::new(r)))
        }
        EngineRequest::Volatility(r) => volatility::volatility(r, explain).map(EngineResponse::Volatility),
        EngineRequest::Calibration(r) => {
            calibration::calibration(r, progress).map(|r| EngineResponse::Calibration(Box::new(r)))
        }
        EngineRequest::Size(r) => size::size(r, explain, progress).map(|r| EngineResponse::Size(Box::new(r))),
        EngineRequest::Hedge(r) => hedge::hedge(r, explain, progress).map(|r| EngineResponse::Hedge(Box::new(r))),
        EngineRequest::LinkedCascade(r) => {
            linked_cascade::linked_cascade(r, explain).map(|r| EngineResponse::LinkedCascade(Box::new(r)))
        }
        EngineRequest::LiquidationMap(r) => {
            liquidation_map::liquidation_map(r, explain).map(|r| EngineResponse::LiquidationMap(Box::new(r)))
        }
        EngineRequest::Cascade(r) => {
            cascade::cascade(r, explain, progress).map(|r| EngineResponse::Cascade(Box::new(r)))
        }
        EngineRequest::Hawkes(r) => hawkes::hawkes(r, explain, progress).map(|r| EngineResponse::Hawkes(Box::new(r))),
        EngineRequest::Replay(r) => replay::replay(r, explain, progress).map(|r| EngineResponse::Replay(Box::new(r))),
        EngineRequest::Venues(r) => venues::venues(r, explain, progress).map(|r| EngineResponse::Venues(Box::new(r))),
        EngineRequest::Alerts(r) => alerts::alerts(r, explain, progress).map(|r| EngineResponse::Alerts(Box::new(r))),
        EngineRequest::Warning(r) => {
            warning::warning(r, explain, progress).map(|r| EngineResponse::Warning(Box::new(r)))
        }
        EngineRequest::Normalize(r) => normalize::normalize(r, explain).map(|r| EngineResponse::Normalize(Box::new(r))),
        EngineRequest::Describe(_) => Ok(EngineResponse::Describe(Box::new(describe::describe(explain)))),
    }
}

/// Answers a request written as JSON with JSON, errors included; never panics. `id` is echoed.
pub fn evaluate_json(text: &str, progress: &mut dyn FnMut(Progress)) -> String {
    let (id, outcome) = match Envelope::parse(text) {
        Ok(envelope) => (envelope.id, evaluate(&envelope.request, envelope.explain, progress)),
        Err((id, error)) => (id, Err(error)),
    };
    let written = match &outcome {
        Ok(response) => serde_json::to_string(&Tagged { id: &id, response }),
        Err(error) => serde_json::to_string(&failure(id.as_ref(), error)),
    };
    written.unwrap_or_else(|e| failure(None, &EngineError::unsupported("result", e)).to_string())
}

/// The error object of the contract.
fn failure(id: Option<&Value>, error: &EngineError) -> Value {
    let mut out = json!({ "error": error });
    if let (Some(id), Some(map)) = (id, out.as_object_mut()) {
        map.insert("id".to_owned(), id.clone());
    }
    out
}

/// An answer with the request's id beside it.
#[derive(serde::Serialize)]
struct Tagged<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: &'a Option<Value>,
    #[serde(flatten)]
    response: &'a EngineResponse,
}
