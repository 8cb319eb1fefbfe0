//! The map as a picture: levels through time behind the candles, the ladder of today beside them.

use super::cascade_page::large;
use super::desk;
use crate::format;
use crate::state::cascading;
use headroom_core::api::liquidation_map::LiquidationMapResponse;
use leptos::html::Canvas;
use leptos::prelude::*;
use serde_json::json;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/js/heat.js")]
extern "C" {
    #[wasm_bindgen(js_name = drawHeat)]
    fn draw(canvas: &web_sys::HtmlCanvasElement, json: &str);
    #[wasm_bindgen(js_name = heatAt)]
    fn at(canvas: &web_sys::HtmlCanvasElement, offset_y: f64) -> Option<Vec<f64>>;
}

/// The picture in words.
fn told(answer: &LiquidationMapResponse) -> String {
    let heaviest = answer.clusters.first().map_or_else(
        || "no level".to_owned(),
        |c| {
            format!(
                "the heaviest is {} of {}s at {}",
                large(c.notional),
                c.side.word(),
                format::price(c.price, None)
            )
        },
    );
    format!(
        "Liquidation levels over time and now: {} of longs and {} of shorts; {heaviest}. The list below tells them in numbers.",
        large(answer.long_notional),
        large(answer.short_notional)
    )
}

#[component]
pub(crate) fn Heat() -> impl IntoView {
    let desk = desk();
    let canvas: NodeRef<Canvas> = NodeRef::new();
    let under = RwSignal::new(String::new());
    let label = move || desk.cascading.map.with(|m| m.answer.as_ref().map(|a| told(a)));
    let resized = RwSignal::new(0);
    let handle = window_event_listener(leptos::ev::resize, move |_| resized.update(|n| *n += 1));
    on_cleanup(move || handle.remove());
    Effect::new(move |_| {
        resized.track();
        desk.dark.track();
        desk.green_red.track();
        let Some(canvas) = canvas.get() else { return };
        let Some(a) = desk.cascading.map.with(|m| m.answer.clone()) else {
            return;
        };
        let index = desk.index();
        let candles = desk.market(index, |m| {
            m.candles.as_ref().map(|c| {
                let rows = &c.0.rows[c.0.rows.len().saturating_sub(500)..];
                rows.iter().map(|r| [r.0, r.1, r.2, r.3, r.4]).collect::<Vec<_>>()
            })
        });
        let candles = candles.unwrap_or_default();
        let price = cascading::price(desk);
        let own = desk.position_room(index).and_then(|r| r.liquidation_price);
        let (from, to) = desk.cascading.pushed.with(|p| {
            p.answer
                .as_ref()
                .map_or((None, None), |a| (Some(a.shocked_price), Some(a.final_price)))
        });
        // All of the heat, and what the person asks about, as far as it is not absurd.
        let (mut low, mut high) = a
            .heat
            .as_ref()
            .map_or_else(|| price.map_or((0.0, 1.0), |p| (0.7 * p, 1.3 * p)), |h| (h.low, h.high));
        for p in [own, from, to].into_iter().flatten() {
            if price.is_some_and(|now| p > 0.4 * now && p < 1.8 * now) {
                low = low.min(p * 0.98);
                high = high.max(p * 1.02);
            }
        }
        let levels: Vec<[f64; 4]> = a
            .levels
            .iter()
            .zip(&a.observed)
            .map(|(l, seen)| {
                let all = l[1] + l[2];
                [
                    l[0],
                    l[1],
                    l[2],
                    if all > 0.0 { (seen[1] + seen[2]) / all } else { 0.0 },
                ]
            })
            .collect();
        draw(
            &canvas,
            &json!({"heat": a.heat, "candles": candles, "levels": levels, "price": price, "own": own, "from": from, "to": to, "low": low, "high": high})
                .to_string(),
        );
    });
    let ask = move |e: leptos::ev::PointerEvent| {
        let found = canvas.get_untracked().and_then(|c| at(&c, f64::from(e.offset_y())));
        let words = found.filter(|f| f.len() == 4).map(|f| {
            format!(
                "At {}: {} of longs, {} of shorts, {} seen",
                format::price(f[0], None),
                large(f[1]),
                large(f[2]),
                format::percent(f[3], 0)
            )
        });
        under.set(words.unwrap_or_default());
    };
    view! {
        <figure class="heatmap">
            <canvas node_ref=canvas role="img" aria-label=label on:pointermove=ask on:pointerleave=move |_| under.set(String::new())></canvas>
            <figcaption>
                <span class="long"><span class="side">"■ longs closed by a fall"</span></span>
                <span class="short"><span class="side">"■ shorts closed by a rise"</span></span>
                <span>"full colour: seen in wallets; pale: inferred"</span>
                <output class="cursor">{under}</output>
            </figcaption>
        </figure>
    }
}
