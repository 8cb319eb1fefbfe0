//! What can be asked.

use crate::error::{EngineError, ErrorCode};
use crate::market::{Account, Interval, Market, Position, Venue};
use crate::units::Side;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A request with the fields that every operation may carry taken off.
#[derive(Clone, Debug)]
pub struct Envelope {
    pub id: Option<Value>,
    pub explain: bool,
    pub request: EngineRequest,
}

/// One operation and its arguments. In JSON the variant is the field `op`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(tag = "op", rename_all = "snake_case")]
#[allow(
    clippy::large_enum_variant,
    reason = "made once a request and passed by reference; so only on 32 bits"
)]
pub enum EngineRequest {
    Liquidation(LiquidationRequest),
    Funding(FundingRequest),
    Probability(ProbabilityRequest),
    Volatility(VolatilityRequest),
    Calibration(CalibrationRequest),
    Size(super::size::SizeRequest),
    Hedge(super::hedge::HedgeRequest),
    LinkedCascade(super::linked_cascade::LinkedCascadeRequest),
    LiquidationMap(super::liquidation_map::LiquidationMapRequest),
    Cascade(super::cascade::CascadeRequest),
    Hawkes(super::hawkes::HawkesRequest),
    Replay(super::replay::ReplayRequest),
    Venues(super::venues::VenuesRequest),
    Warning(super::warning::WarningRequest),
    Alerts(super::alerts::AlertsRequest),
    Normalize(NormalizeRequest),
    Describe(DescribeRequest),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct LiquidationRequest {
    pub account: Account,
    /// How far each symbol moves for a common market move of 1; symbols not named move by 1.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "wasm", tsify(type = "Record<string, number>", optional))]
    pub betas: BTreeMap<String, f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct FundingRequest {
    pub position: Position,
    pub market: Market,
    pub horizon_hours: f64,
    /// Whose margin rule the liquidation price follows; without it the common tier rule (Binance's) is used and said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue: Option<Venue>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct ProbabilityRequest {
    pub account: Account,
    /// By symbol. Volatility is given or estimated from candles; funding is given, forecast from history, or none.
    #[cfg_attr(feature = "wasm", tsify(type = "Record<string, Market>"))]
    pub markets: BTreeMap<String, Market>,
    /// `[symbol, symbol, correlation]`, for pairs whose markets carry no candles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub correlations: Vec<(String, String, f64)>,
    /// One to fifty horizons.
    pub horizons_hours: Vec<f64>,
    #[serde(default)]
    pub model: ModelChoice,
    /// Sampling stops when no horizon's standard error is larger; 0.001 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_standard_error: Option<f64>,
    /// Asks what margin to add, or what share of the size to cut, for this probability at the longest horizon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_probability: Option<f64>,
    /// Asks for the probability by hour at these leverages (notional over equity), everything else equal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leverages: Vec<f64>,
    /// The same seed gives the same bits.
    #[serde(default)]
    pub seed: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct VolatilityRequest {
    /// With candles.
    pub market: Market,
    pub horizon_hours: f64,
}

/// The record of a model on one market's past.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct CalibrationRequest {
    /// With candles: a month before the first forecast, and what is to be forecast after it.
    pub market: Market,
    /// "auto", "gbm", "ewma", "garch", "filtered_historical", "past_touches" or "learned".
    #[serde(default = "ModelChoice::auto")]
    pub model: ModelChoice,
    pub leverages: Vec<f64>,
    /// Both when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sides: Vec<Side>,
    pub horizons_hours: Vec<f64>,
    /// Hours between forecasts, counted from midnight UTC; 8 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_hours: Option<f64>,
    /// Of the positions forecast; 0.005 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance_margin_rate: Option<f64>,
}

/// Which model of prices, and how finely it is walked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct ModelChoice {
    /// "gbm", "garch", "filtered_historical", "jump_diffusion" or "auto".
    pub kind: String,
    /// No step of a diffusion is longer; as long as is exact when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_hours: Option<f64>,
}

impl ModelChoice {
    pub(super) fn auto() -> Self {
        Self {
            kind: "auto".to_owned(),
            step_hours: None,
        }
    }
}

impl Default for ModelChoice {
    fn default() -> Self {
        Self {
            kind: "gbm".to_owned(),
            step_hours: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct NormalizeRequest {
    /// `venue.endpoint`, as `describe` lists them.
    pub source: String,
    /// The answer as text, or as JSON already read.
    #[cfg_attr(feature = "wasm", tsify(type = "unknown"))]
    pub body: Value,
    /// Candle length, for answers that do not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// Keep only rows of this symbol where an answer carries many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct DescribeRequest {}

impl Envelope {
    /// Reads a request; an error carries the id when there was one.
    pub fn parse(text: &str) -> Result<Self, (Option<Value>, EngineError)> {
        let value: Value = serde_json::from_str(text)
            .map_err(|e| (None, EngineError::invalid("request", format!("is not JSON: {e}"))))?;
        let Value::Object(mut map) = value else {
            return Err((None, EngineError::invalid("request", "must be a JSON object")));
        };
        let id = map.remove("id");
        let fail = |error| (id.clone(), error);
        let explain = match map.remove("explain") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(b)) => b,
            Some(_) => return Err(fail(EngineError::invalid("explain", "must be true or false"))),
        };
        let op = match map.remove("op") {
            Some(Value::String(op)) => op,
            Some(_) => return Err(fail(EngineError::invalid("op", "must be text"))),
            None => return Err(fail(EngineError::invalid("op", "is missing"))),
        };
        let rest = Value::Object(map);
        let request = match op.as_str() {
            "liquidation" => read(rest).map(EngineRequest::Liquidation),
            "funding" => read(rest).map(EngineRequest::Funding),
            "probability" => read(rest).map(EngineRequest::Probability),
            "volatility" => read(rest).map(EngineRequest::Volatility),
            "calibration" => read(rest).map(EngineRequest::Calibration),
            "size" => read(rest).map(EngineRequest::Size),
            "hedge" => read(rest).map(EngineRequest::Hedge),
            "linked_cascade" => read(rest).map(EngineRequest::LinkedCascade),
            "liquidation_map" => read(rest).map(EngineRequest::LiquidationMap),
            "cascade" => read(rest).map(EngineRequest::Cascade),
            "hawkes" => read(rest).map(EngineRequest::Hawkes),
            "replay" => read(rest).map(EngineRequest::Replay),
            "venues" => read(rest).map(EngineRequest::Venues),
            "warning" => read(rest).map(EngineRequest::Warning),
            "alerts" => read(rest).map(EngineRequest::Alerts),
            "normalize" => read(rest).map(EngineRequest::Normalize),
            "describe" => read(rest).map(EngineRequest::Describe),
            other => {
                let shown: String = other.chars().take(40).collect();
                Err(EngineError::new(
                    ErrorCode::Unsupported,
                    "op",
                    format!(
                        "'{shown}' is not an operation of this version: {}",
                        super::describe::OPERATIONS.join(", ")
                    ),
                ))
            }
        };
        request
            .map(|request| Self {
                id: id.clone(),
                explain,
                request,
            })
            .map_err(fail)
    }
}

/// The reader would also take a list for an object and an object for a word; the contract does not.
fn check_shapes(value: &Value, path: &str) -> Result<(), EngineError> {
    const OBJECTS: [&str; 22] = [
        "event",
        "map",
        "impact",
        "options",
        "uncertainty",
        "costs",
        "sweep",
        "shock",
        "hedge_instrument",
        "policy",
        "candidate",
        "limits",
        "jumps",
        "garch",
        "funding_process",
        "account",
        "position",
        "market",
        "instrument",
        "model",
        "candles",
        "book",
    ];
    const LISTS_OF_OBJECTS: [&str; 6] = ["positions", "tiers", "wallets", "alternatives", "accounts", "beside"];
    const WORDS: [&str; 6] = ["venue", "margin_mode", "side", "interval", "token", "kind"];
    let Value::Object(map) = value else { return Ok(()) };
    for (key, inner) in map {
        let at = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        if OBJECTS.contains(&key.as_str()) && inner.is_array() {
            return Err(EngineError::invalid(at, "must be an object"));
        }
        if WORDS.contains(&key.as_str()) && (inner.is_array() || inner.is_object()) {
            return Err(EngineError::invalid(at, "must be a word"));
        }
        if let (true, Value::Array(items)) = (LISTS_OF_OBJECTS.contains(&key.as_str()), inner) {
            for (i, item) in items.iter().enumerate() {
                if !item.is_object() {
                    return Err(EngineError::invalid(format!("{at}[{i}]"), "must be an object"));
                }
                check_shapes(item, &format!("{at}[{i}]"))?;
            }
        }
        // An exchange's own answer has its own shapes.
        if key != "body" {
            check_shapes(inner, &at)?;
        }
    }
    Ok(())
}

/// Reads arguments so that an error names the field by its path.
fn read<T: DeserializeOwned>(value: Value) -> Result<T, EngineError> {
    check_shapes(&value, "")?;
    serde_path_to_error::deserialize(value).map_err(|e| {
        // What a caller wrote may be of any length; an error is for reading.
        let path: String = e.path().to_string().chars().take(200).collect();
        let message: String = e.into_inner().to_string().chars().take(400).collect();
        let name = |after: &str| {
            message
                .strip_prefix(after)
                .and_then(|m| m.split('`').next())
                .map(str::to_owned)
        };
        let join = |field: &str| {
            if path == "." {
                field.to_owned()
            } else {
                format!("{path}.{field}")
            }
        };
        if let Some(field) = name("missing field `") {
            EngineError::invalid(join(&field), "is missing")
        } else if let Some(field) = name("unknown field `") {
            let full = if path == field || path.ends_with(&format!(".{field}")) {
                path.clone()
            } else {
                join(&field)
            };
            EngineError::invalid(full, message)
        } else {
            EngineError::invalid(
                if path == "." {
                    "request".to_owned()
                } else {
                    path.clone()
                },
                message,
            )
        }
    })
}
