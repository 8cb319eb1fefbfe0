//! Markup from signals. No fetching, no finance: a figure shown here was computed by the engine or by `format`.

pub(crate) mod account;
pub(crate) mod account_table;
pub(crate) mod cascade_page;
pub(crate) mod chance_panel;
pub(crate) mod data_panel;
pub(crate) mod explain;
pub(crate) mod footer;
pub(crate) mod header;
pub(crate) mod headline;
mod heat;
pub(crate) mod hedge_page;
pub(crate) mod part;
pub(crate) mod picker;
pub(crate) mod positions;
pub(crate) mod price_pane;
pub(crate) mod record_page;
pub(crate) mod replay_page;
mod replay_report;
pub(crate) mod room_panel;
mod scrub;
pub(crate) mod size_page;
mod storm;

pub(crate) mod venues_page;
pub(crate) mod watch_page;

use crate::state::Desk;
use leptos::prelude::*;

/// The page's signals.
pub(crate) fn desk() -> Desk {
    expect_context::<Desk>()
}
