//! Candles with the lines that matter, and the same as a table.

use super::desk;
use super::part::next_id;
use crate::format;
use crate::state::Desk;
use crate::state::desk::Page;
use crate::state::market::{MarketData, Origin};
use crate::state::planning;
use leptos::html::Div;
use leptos::prelude::*;
use serde_json::json;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/js/chart.js")]
extern "C" {
    type PriceChart;
    #[wasm_bindgen(constructor)]
    fn new(element: &web_sys::HtmlElement, on_hover: &Closure<dyn FnMut(JsValue)>) -> PriceChart;
    #[wasm_bindgen(method)]
    fn candles(this: &PriceChart, flat: &[f64]);
    #[wasm_bindgen(method, js_name = setLines)]
    fn set_lines(this: &PriceChart, json: &str);
    #[wasm_bindgen(method)]
    fn fan(this: &PriceChart, flat: &[f64]);
    #[wasm_bindgen(method)]
    fn tick(this: &PriceChart, step: f64);
    #[wasm_bindgen(method)]
    fn theme(this: &PriceChart);
    #[wasm_bindgen(method)]
    fn picture(this: &PriceChart) -> Option<String>;
    #[wasm_bindgen(method)]
    fn remove(this: &PriceChart);
}

/// The chart and the closure it calls, dropped together.
struct Mounted {
    chart: PriceChart,
    _hover: Closure<dyn FnMut(JsValue)>,
}

/// Lines on the price axis: what, where, and its role for colour and dash.
fn lines(desk: Desk) -> Vec<(&'static str, f64, &'static str)> {
    let i = desk.index();
    let mut out = Vec::new();
    let Some(mark) = desk.mark(i) else { return out };
    // An entry at mark would only hide the mark.
    if let Some(entry) = desk.scenario.with(|s| s.lines.get(i).and_then(|l| l.entry)) {
        out.push(("Entry", entry, "entry"));
    }
    out.push(("Mark", mark, "mark"));
    if let Some(p) = desk.position_room(i).and_then(|p| p.liquidation_price) {
        out.push(("Liquidation", p, "liquidation"));
    }
    if desk.page.get() == Page::Hedge {
        let names = ["Band, low", "Band, high"];
        let prices = band(desk, i, mark).unwrap_or_default();
        out.extend(
            names
                .into_iter()
                .zip(prices)
                .filter_map(|(name, p)| Some((name, p?, "entry"))),
        );
    }
    out
}

/// Prices of the market shown at which the hedge leaves its band: the hedge's own, or where this one stands then by its beta.
fn band(desk: Desk, i: usize, mark: f64) -> Option<[Option<f64>; 2]> {
    let (venue, symbol) = desk.key(i)?;
    let hedge = planning::hedge_symbol(desk);
    let answer = desk.hedged.with(|h| h.answer.clone())?;
    if symbol == hedge {
        return Some(answer.band_prices);
    }
    let beta = answer.betas.iter().find(|b| b.symbol == symbol)?.beta;
    let from = desk
        .markets
        .with(|m| m.get(&(venue, hedge)).and_then(MarketData::mark))?;
    let there = |p: f64| mark * (1.0 + beta * (p / from - 1.0));
    Some(answer.band_prices.map(|p| p.map(there).filter(|p| *p > 0.0)))
}

#[component]
pub(crate) fn PricePane() -> impl IntoView {
    let desk = desk();
    let element: NodeRef<Div> = NodeRef::new();
    let mounted: Rc<RefCell<Option<Mounted>>> = Rc::default();
    let hovered = RwSignal::new(None::<[f64; 5]>);
    let candles = Memo::new(move |_| desk.market(desk.index(), |m| m.candles.clone()));
    let shown = Memo::new(move |_| lines(desk));

    let chart = mounted.clone();
    Effect::new(move |_| {
        let Some(node) = element.get() else { return };
        if chart.borrow().is_none() {
            let hover = Closure::new(move |v: JsValue| {
                let bar: Option<[f64; 5]> = v
                    .is_object()
                    .then(|| js_sys::Float64Array::from(v).to_vec())
                    .and_then(|v| v.try_into().ok());
                let _ = hovered.try_set(bar);
            });
            *chart.borrow_mut() = Some(Mounted {
                chart: PriceChart::new(&node, &hover),
                _hover: hover,
            });
        }
    });
    let chart = mounted.clone();
    Effect::new(move |_| {
        let flat: Vec<f64> = candles.get().map_or_else(Vec::new, |(c, _)| {
            c.rows.iter().flat_map(|r| [r.0, r.1, r.2, r.3, r.4]).collect()
        });
        let tick = desk.tick(desk.index());
        element.track();
        if let Some(m) = chart.borrow().as_ref() {
            if let Some(t) = tick {
                m.chart.tick(t);
            }
            m.chart.candles(&flat);
        }
    });
    let chart = mounted.clone();
    Effect::new(move |_| {
        let rows: Vec<_> = shown
            .get()
            .into_iter()
            .map(|(title, price, role)| json!({"title": title, "price": price, "role": role}))
            .collect();
        element.track();
        if let Some(m) = chart.borrow().as_ref() {
            m.chart.set_lines(&serde_json::Value::Array(rows).to_string());
        }
    });
    // Quantiles of the price ahead, from the last candle on.
    let fan = Memo::new(move |_| {
        let symbol = desk.key(desk.index())?.1;
        let answer = desk.whole_chance().ok()?;
        let ahead = answer.price_fan.iter().find(|f| f.symbol == symbol)?.rows.clone();
        let (start, mark) = (candles.get()?.0.rows.last()?.0, desk.mark(desk.index())?);
        let mut flat = vec![start, mark, mark, mark, mark, mark];
        for [hours, quantiles @ ..] in ahead {
            flat.push(start + (hours * 3_600_000.0).round());
            flat.extend(quantiles);
        }
        Some(flat)
    });
    let chart = mounted.clone();
    Effect::new(move |_| {
        let flat = fan.get().unwrap_or_default();
        element.track();
        if let Some(m) = chart.borrow().as_ref() {
            m.chart.fan(&flat);
        }
    });
    let chart = mounted.clone();
    Effect::new(move |_| {
        desk.dark.track();
        desk.green_red.track();
        if let Some(m) = chart.borrow().as_ref() {
            m.chart.theme();
        }
    });
    let chart = StoredValue::new_local(mounted);
    on_cleanup(move || {
        if let Some(m) = chart.try_get_value().and_then(|c| c.borrow_mut().take()) {
            m.chart.remove();
        }
    });

    let symbol = move || desk.key(desk.index()).map(|k| k.1).unwrap_or_default();
    let origin = move || match candles.get() {
        Some((_, Origin::Recorded { venue, until })) => format!(
            "recorded hourly candles of {venue}, until {}",
            format::date(until - 1.0)
        ),
        Some((_, origin)) => format!("hourly, {}", origin.told(desk.now.get())),
        None => "no candles yet".to_owned(),
    };
    let index = move || {
        desk.market(desk.index(), |m| m.quote.as_ref().and_then(|q| q.0.index_price))
            .map(|p| format!("index {}", format::price(p, desk.tick(desk.index()))))
    };
    let summary = move || {
        let parts: Vec<String> = shown
            .get()
            .iter()
            .map(|(t, p, _)| format!("{} {}", t.to_lowercase(), format::price(*p, desk.tick(desk.index()))))
            .collect();
        if parts.is_empty() {
            "Waiting for a price.".to_owned()
        } else {
            format!("{}: {}.", symbol(), parts.join(", "))
        }
    };
    // The chart keeps lines in view only while the candles stay readable.
    let beyond = move || {
        let all = shown.get();
        let of = |role: &str| all.iter().find(|l| l.2 == role).map(|l| l.1);
        let (Some(mark), Some(p)) = (of("mark"), of("liquidation")) else {
            return String::new();
        };
        let side = if p < mark * 0.2 {
            "below"
        } else if p > mark * 3.0 {
            "above"
        } else {
            return String::new();
        };
        format!(
            "Liquidation {} lies far {side} the candles.",
            format::price(p, desk.tick(desk.index()))
        )
    };
    let at_cursor = move || {
        hovered
            .get()
            .map(|b| {
                let p = |v| format::price(v, desk.tick(desk.index()));
                format!("O {} H {} L {} C {}", p(b[1]), p(b[2]), p(b[3]), p(b[4]))
            })
            .unwrap_or_default()
    };
    let save = move |_| {
        let picture = chart
            .try_get_value()
            .and_then(|c| c.borrow().as_ref().and_then(|m| m.chart.picture()));
        if let Some(address) = picture {
            save_as(&address, &format!("headroom-{}.png", symbol()));
        }
    };
    let csv = move |_| {
        let Some((c, _)) = candles.get_untracked() else { return };
        let rows: String = c
            .rows
            .iter()
            .map(|r| format!("{},{},{},{},{},{}\n", r.0, r.1, r.2, r.3, r.4, r.5))
            .collect();
        let text = String::from(js_sys::encode_uri_component(&format!(
            "time,open,high,low,close,volume\n{rows}"
        )));
        save_as(
            &format!("data:text/csv;charset=utf-8,{text}"),
            &format!("headroom-{}.csv", symbol()),
        );
    };
    let title_id = next_id("chart");
    let labelled_by = title_id.clone();
    view! {
        <figure class="price-pane" aria-labelledby=labelled_by>
            <figcaption>
                <h2 id=title_id>{symbol}</h2>
                <p class="origin">{origin}</p>
                <p class="origin">{index}</p>
                <p class="origin">{beyond}</p>
                <p class="cursor" aria-hidden="true">{at_cursor}</p>
            </figcaption>
            <div class="chart" node_ref=element role="img" aria-label=summary></div>
            <p class="origin">{move || fan.get().map(|_| "Ahead: the middle of what the model expects, half of all paths between the solid lines, nine of ten between the dotted ones.")}</p>
            <details class="behind">
                <summary>"Numbers behind the chart"</summary>
                <div class="tools">
                    <button type="button" on:click=save>"Save picture (PNG)"</button>
                    <button type="button" on:click=csv>"Save candles (CSV)"</button>
                </div>
                <table>
                    <caption>{summary}</caption>
                    <thead><tr><th scope="col">"Line"</th><th scope="col">"Price"</th></tr></thead>
                    <tbody>
                        {move || shown.get().into_iter().map(|(t, p, _)| view! { <tr><th scope="row">{t}</th><td>{format::price(p, desk.tick(desk.index()))}</td></tr> }).collect_view()}
                    </tbody>
                </table>
                {move || fan.get().map(|flat| view! {
                    <table>
                        <caption>"Price ahead, by share of paths below"</caption>
                        <thead><tr><th scope="col">"Hour"</th><th scope="col">"5 %"</th><th scope="col">"25 %"</th><th scope="col">"50 %"</th><th scope="col">"75 %"</th><th scope="col">"95 %"</th></tr></thead>
                        <tbody>
                            {flat.chunks(6).skip(1).map(|r| {
                                let hour = (r[0] - flat[0]) / 3_600_000.0;
                                let cells = r[1..].iter().map(|p| view! { <td>{format::price(*p, desk.tick(desk.index()))}</td> }).collect_view();
                                view! { <tr><th scope="row">{format::number(hour, 0)}</th>{cells}</tr> }
                            }).collect_view()}
                        </tbody>
                    </table>
                })}
            </details>
        </figure>
    }
}

/// Offers an address as a file.
pub(super) fn save_as(address: &str, name: &str) {
    let Ok(link) = document().create_element("a") else {
        return;
    };
    let _ = link.set_attribute("href", address);
    let _ = link.set_attribute("download", name);
    if let Ok(link) = link.dyn_into::<web_sys::HtmlElement>() {
        link.click();
    }
}
