//! Operation `describe`: what this engine is and takes.

use super::explain::Step;
use super::response::{DescribeResponse, Operation, SnapshotGroup, VenueRule};
use crate::market::Venue;
use crate::venue::{endpoint, snapshot};
use serde::Serialize;
use serde_json::Value;

/// Version of the JSON shapes.
pub(super) const CONTRACT: &str = "1";

/// Schemas of all operations, as [`super::schema`] makes them from the types: shipped as text, since the code that makes them is
/// a sixth of the engine.
const SCHEMAS: &str = include_str!("schemas.json");

/// Operations that answer in this version.
pub(super) const OPERATIONS: [&str; 17] = [
    "liquidation",
    "funding",
    "volatility",
    "probability",
    "calibration",
    "size",
    "hedge",
    "liquidation_map",
    "cascade",
    "linked_cascade",
    "hawkes",
    "replay",
    "venues",
    "warning",
    "alerts",
    "normalize",
    "describe",
];

fn values<T: Serialize>(items: impl Iterator<Item = T>) -> Vec<Value> {
    items.filter_map(|i| serde_json::to_value(i).ok()).collect()
}

fn operations() -> Vec<Operation> {
    serde_json::from_str(SCHEMAS).unwrap_or_default()
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
        operations: operations(),
        sources: endpoint::sources().into_iter().map(str::to_owned).collect(),
        endpoints: values(endpoint::all()),
        sockets: values(endpoint::sockets()),
        hosts: values(endpoint::hosts()),
        explanation: explain.then(steps),
    }
}
