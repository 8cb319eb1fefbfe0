//! Operation `describe`: what this engine is and takes.

use super::cascade::{CascadeRequest, CascadeResponse};
use super::explain::Step;
use super::hawkes::{HawkesRequest, HawkesResponse};
use super::hedge::{HedgeRequest, HedgeResponse};
use super::liquidation_map::{LiquidationMapRequest, LiquidationMapResponse};
use super::replay::{ReplayRequest, ReplayResponse};
use super::request::{
    CalibrationRequest, DescribeRequest, FundingRequest, LiquidationRequest, NormalizeRequest, ProbabilityRequest,
    VolatilityRequest,
};
use super::response::{
    CalibrationResponse, DescribeResponse, FundingResponse, LiquidationResponse, NormalizeResponse, Operation,
    ProbabilityResponse, SnapshotGroup, VenueRule, VolatilityResponse,
};
use super::size::{SizeRequest, SizeResponse};
use super::venues::{VenuesRequest, VenuesResponse};
use super::warning::{WarningRequest, WarningResponse};
use crate::market::Venue;
use crate::venue::{endpoint, snapshot};
use schemars::{JsonSchema, schema_for};
use serde::Serialize;
use serde_json::Value;

/// Version of the JSON shapes.
pub(super) const CONTRACT: &str = "1";

/// Operations that answer in this version.
pub(super) const OPERATIONS: [&str; 15] = [
    "liquidation",
    "funding",
    "volatility",
    "probability",
    "calibration",
    "size",
    "hedge",
    "liquidation_map",
    "cascade",
    "hawkes",
    "replay",
    "venues",
    "warning",
    "normalize",
    "describe",
];

fn operation<Request: JsonSchema, Response: JsonSchema>(op: &str) -> Operation {
    Operation {
        op: op.to_owned(),
        request: schema_for!(Request).to_value(),
        response: schema_for!(Response).to_value(),
    }
}

fn values<T: Serialize>(items: &[T]) -> Vec<Value> {
    items.iter().filter_map(|i| serde_json::to_value(i).ok()).collect()
}

/// One step a shipped group of tiers: where it is from and how many instruments it holds.
fn steps() -> Vec<Step> {
    snapshot::groups()
        .iter()
        .map(|g| {
            Step::new(
                format!("tiers of {} as of {}", g.venue, g.date),
                "instruments in the shipped snapshot",
                &[],
                Some(g.symbols().count() as f64),
                "instruments",
                g.source,
            )
        })
        .collect()
}

pub(super) fn describe(explain: bool) -> DescribeResponse {
    DescribeResponse {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        contract: CONTRACT.to_owned(),
        venues: Venue::ALL
            .into_iter()
            .map(|venue| VenueRule {
                venue,
                rule: venue.rule().into(),
            })
            .collect(),
        snapshot: snapshot::groups()
            .iter()
            .map(|g| SnapshotGroup {
                venue: g.venue,
                date: g.date.to_owned(),
                source: g.source.to_owned(),
                listings: g.listings(),
            })
            .collect(),
        operations: vec![
            operation::<LiquidationRequest, LiquidationResponse>(OPERATIONS[0]),
            operation::<FundingRequest, FundingResponse>(OPERATIONS[1]),
            operation::<VolatilityRequest, VolatilityResponse>(OPERATIONS[2]),
            operation::<ProbabilityRequest, ProbabilityResponse>(OPERATIONS[3]),
            operation::<CalibrationRequest, CalibrationResponse>(OPERATIONS[4]),
            operation::<SizeRequest, SizeResponse>(OPERATIONS[5]),
            operation::<HedgeRequest, HedgeResponse>(OPERATIONS[6]),
            operation::<LiquidationMapRequest, LiquidationMapResponse>(OPERATIONS[7]),
            operation::<CascadeRequest, CascadeResponse>(OPERATIONS[8]),
            operation::<HawkesRequest, HawkesResponse>(OPERATIONS[9]),
            operation::<ReplayRequest, ReplayResponse>(OPERATIONS[10]),
            operation::<VenuesRequest, VenuesResponse>(OPERATIONS[11]),
            operation::<WarningRequest, WarningResponse>(OPERATIONS[12]),
            operation::<NormalizeRequest, NormalizeResponse>(OPERATIONS[13]),
            operation::<DescribeRequest, DescribeResponse>(OPERATIONS[14]),
        ],
        sources: endpoint::sources().into_iter().map(str::to_owned).collect(),
        endpoints: values(endpoint::ENDPOINTS),
        hosts: values(endpoint::HOSTS),
        explanation: explain.then(steps),
    }
}
