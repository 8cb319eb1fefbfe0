//! Five-minute bars of one instrument, from its venue.

use super::request::fill_as;
use crate::state::Desk;
use crate::state::market::{Key, Origin};
use headroom_core::market::{Candles, Interval};
use headroom_core::venue::endpoint::{self, Role};
use leptos::prelude::*;
use std::cell::RefCell;

const BAR: f64 = 300_000.0;
/// Bars asked for.
const BARS: f64 = 1000.0;

thread_local! {
    static LAST: RefCell<Option<(Key, f64, Candles)>> = const { RefCell::new(None) };
}

/// The last bars that have ended; asked for again once another has.
pub(crate) async fn load(desk: Desk, key: &Key) -> Result<(Candles, Origin), String> {
    let now = js_sys::Date::now();
    let kept = LAST.with(|l| {
        let l = l.borrow();
        let (of, at, candles) = l.as_ref()?;
        (of == key && (now / BAR).floor() == (at / BAR).floor()).then(|| (candles.clone(), Origin::Live(*at)))
    });
    if let Some(kept) = kept {
        return Ok(kept);
    }
    let family = desk.books.with_untracked(|b| {
        let kind = b.get(&key.0)?.listings.get(&key.1)?.instrument.kind;
        Some(if kind == headroom_core::market::InstrumentKind::Inverse {
            "inverse"
        } else {
            "linear"
        })
    });
    let endpoint = endpoint::find(key.0, Role::Candles, family.unwrap_or("linear"))
        .ok_or_else(|| format!("{} tells no bars of five minutes", key.0.title()))?;
    let found = fill_as(endpoint, &key.1, Interval::M5, now - BARS * BAR, now)
        .ask()
        .await?;
    let mut candles = found.candles.ok_or("The venue answered without bars.")?;
    if !matches!(candles.interval, Interval::M5 | Interval::M1) {
        return Err(format!(
            "{} answered with bars of {}.",
            key.0.title(),
            candles.interval.word()
        ));
    }
    // The bar that is not over is no bar.
    let length = candles.interval.millis();
    candles.rows.retain(|r| r.0 + length <= now);
    LAST.with(|l| *l.borrow_mut() = Some((key.clone(), now, candles.clone())));
    Ok((candles, Origin::Live(now)))
}
