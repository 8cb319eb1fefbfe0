//! Operation `alerts`: which of a series of values would have been told.

use super::{Progress, Step};
use crate::alerts::{Alert, Observation, Settings, State, step};
use crate::error::EngineError;
use crate::units;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const MOST: usize = 2_000_000;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct AlertsRequest {
    /// As shipped if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
    /// In order of time; one that is older than another of its kind before it changes nothing.
    pub observations: Vec<Observation>,
    /// Of an earlier answer, to go on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct AlertsResponse {
    /// Every change of state, told or not.
    pub alerts: Vec<Alert>,
    /// Messages: those told within a minute of each other about one position are one.
    pub messages: u32,
    pub state: State,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub explanation: Option<Vec<Step>>,
}

pub(super) fn alerts(
    request: &AlertsRequest,
    explain: bool,
    _: &mut dyn FnMut(Progress),
) -> Result<AlertsResponse, EngineError> {
    let settings = request.settings.clone().unwrap_or_default();
    settings.check()?;
    if request.observations.len() > MOST {
        return Err(EngineError::invalid("observations", format!("at most {MOST} values")));
    }
    let mut state = request.state.clone().unwrap_or_default();
    let mut out = Vec::new();
    for (i, o) in request.observations.iter().enumerate() {
        units::millis(format_args!("observations[{i}].time"), o.time)?;
        units::money(format_args!("observations[{i}].value"), o.value)?;
        if o.position.is_empty() || o.position.len() > 100 {
            return Err(EngineError::invalid(
                format!("observations[{i}].position"),
                "must be 1 to 100 characters",
            ));
        }
        out.extend(step(&settings, &mut state, o));
    }
    let messages = out.iter().filter(|a| a.told && a.reason.is_empty()).count() as u32;
    Ok(AlertsResponse {
        explanation: explain.then(|| {
            vec![Step::new(
                "messages",
                "changes to raised that were told, those within a minute of each other about one position counted once",
                &[],
                Some(f64::from(messages)),
                "messages",
                "core/src/alerts",
            )]
        }),
        alerts: out,
        messages,
        state,
    })
}
