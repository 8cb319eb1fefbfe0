//! JSON schemas of every operation, made from the types. Used when `schemas.json` is written and checked, not at run time.

use super::alerts::{AlertsRequest, AlertsResponse};
use super::cascade::{CascadeRequest, CascadeResponse};
use super::describe::OPERATIONS;
use super::hawkes::{HawkesRequest, HawkesResponse};
use super::hedge::{HedgeRequest, HedgeResponse};
use super::linked_cascade::{LinkedCascadeRequest, LinkedCascadeResponse};
use super::liquidation_map::{LiquidationMapRequest, LiquidationMapResponse};
use super::replay::{ReplayRequest, ReplayResponse};
use super::request::{
    CalibrationRequest, DescribeRequest, FundingRequest, LiquidationRequest, NormalizeRequest, ProbabilityRequest,
    VolatilityRequest,
};
use super::response::{
    CalibrationResponse, DescribeResponse, FundingResponse, LiquidationResponse, NormalizeResponse, Operation,
    ProbabilityResponse, VolatilityResponse,
};
use super::size::{SizeRequest, SizeResponse};
use super::venues::{VenuesRequest, VenuesResponse};
use super::warning::{WarningRequest, WarningResponse};
use schemars::{JsonSchema, schema_for};

fn operation<Request: JsonSchema, Response: JsonSchema>(op: &str) -> Operation {
    Operation {
        op: op.to_owned(),
        request: schema_for!(Request).to_value(),
        response: schema_for!(Response).to_value(),
    }
}

/// In the order of [`OPERATIONS`].
pub fn operations() -> Vec<Operation> {
    vec![
        operation::<LiquidationRequest, LiquidationResponse>(OPERATIONS[0]),
        operation::<FundingRequest, FundingResponse>(OPERATIONS[1]),
        operation::<VolatilityRequest, VolatilityResponse>(OPERATIONS[2]),
        operation::<ProbabilityRequest, ProbabilityResponse>(OPERATIONS[3]),
        operation::<CalibrationRequest, CalibrationResponse>(OPERATIONS[4]),
        operation::<SizeRequest, SizeResponse>(OPERATIONS[5]),
        operation::<HedgeRequest, HedgeResponse>(OPERATIONS[6]),
        operation::<LiquidationMapRequest, LiquidationMapResponse>(OPERATIONS[7]),
        operation::<CascadeRequest, CascadeResponse>(OPERATIONS[8]),
        operation::<LinkedCascadeRequest, LinkedCascadeResponse>(OPERATIONS[9]),
        operation::<HawkesRequest, HawkesResponse>(OPERATIONS[10]),
        operation::<ReplayRequest, ReplayResponse>(OPERATIONS[11]),
        operation::<VenuesRequest, VenuesResponse>(OPERATIONS[12]),
        operation::<WarningRequest, WarningResponse>(OPERATIONS[13]),
        operation::<AlertsRequest, AlertsResponse>(OPERATIONS[14]),
        operation::<NormalizeRequest, NormalizeResponse>(OPERATIONS[15]),
        operation::<DescribeRequest, DescribeResponse>(OPERATIONS[16]),
    ]
}
