//! How large the selected position may be: limits as bars, what the risk is made of, how markets go together.

use super::desk;
use super::part::{Choice, NumberField};
use crate::format;
use crate::state::planning::Wishes;
use headroom_core::api::size::{CorrelationEstimates, LimitSize, SizeResponse};
use headroom_core::units::MarginMode;
use leptos::prelude::*;
use std::sync::Arc;

const SPANS: [(f64, &str); 3] = [(24.0, "1 day"), (168.0, "7 days"), (720.0, "30 days")];

#[component]
pub(crate) fn SizePage() -> impl IntoView {
    let desk = desk();
    let symbol = move || desk.key(desk.index()).map(|k| k.1).unwrap_or_default();
    let side = move || {
        desk.scenario
            .with(|s| s.lines.get(desk.index()).map(|l| l.side.word()))
            .unwrap_or("long")
    };
    let hours = Signal::derive(move || desk.wishes.with(|w| w.hours));
    let percent =
        |read: fn(&Wishes) -> Option<f64>| Signal::derive(move || desk.wishes.with(|w| read(w).map(|x| x * 100.0)));
    let text = |t: &'static str| Signal::derive(move || t.to_owned());
    let set = move |write: fn(&mut Wishes, Option<f64>)| {
        Callback::new(move |v: Option<f64>| desk.wishes.update(|w| write(w, v)))
    };
    let set_wallet = Callback::new(move |v: Option<f64>| {
        if let Some(v) = v {
            desk.scenario.update(|s| s.wallet = v);
        }
    });
    let leverage = Signal::derive(move || Some(desk.wishes.with(|w| w.leverage)));
    let exit_cost = Signal::derive(move || desk.wishes.with(|w| w.exit_cost));
    let wallet = Signal::derive(move || Some(desk.scenario.with(|s| s.wallet)));
    let isolated = move || desk.scenario.with(|s| s.mode == MarginMode::Isolated);
    view! {
        <section class="plan" aria-label="Size" aria-busy=move || desk.sized.with(|p| !p.fine && p.fault.is_none()).to_string()>
            <header>
                <h2>{move || format!("How large may the {} of {} be?", side(), symbol())}</h2>
                <p class="note">"The position chosen on the left is sized anew; the others stay as they are."</p>
            </header>
            <div class="wishes">
                <NumberField label=text("Chance of liquidation, at most") value=percent(|w| Some(w.probability)) unit=text("%") on_change=set(|w, v| w.probability = v.map_or(w.probability, |x| x / 100.0)) />
                <Choice legend="Within" options=SPANS.to_vec() value=hours on_change=move |h| desk.wishes.update(|w| w.hours = h) />
                <NumberField label=text("Mean loss in the worst 1 %, at most") value=percent(|w| w.shortfall) unit=text("% of equity") empty=text("no limit") on_change=set(|w, v| w.shortfall = v.map(|x| x / 100.0)) />
                <NumberField label=text("Leverage of the account, at most") value=leverage unit=text("x") on_change=set(|w, v| w.leverage = v.unwrap_or(w.leverage)) />
                <NumberField label=text("Cost of closing it at once, at most") value=exit_cost unit=text("collateral") empty=text("no limit") on_change=set(|w, v| w.exit_cost = v) />
                <Show when=isolated>
                    <NumberField label=text("Wallet") value=wallet unit=text("collateral") on_change=set_wallet />
                </Show>
            </div>
            {move || desk.sized.with(|p| match (&p.answer, &p.fault) {
                (Some(a), _) => view! { <Answer answer=a.clone() fine=p.fine /> }.into_any(),
                (None, Some(why)) => view! { <p class="fault" role="alert">{why.clone()}</p> }.into_any(),
                (None, None) => view! { <p class="note" role="status">"Being computed."</p> }.into_any(),
            })}
        </section>
    }
}

fn limit_name(name: &str) -> &'static str {
    match name {
        "max_leverage" => "Leverage",
        "venue_tier" => "Venue's tier",
        "wallet_balance" => "Wallet",
        "max_exit_cost" => "Cost of the exit",
        "max_expected_shortfall" => "Mean loss in the worst 1 %",
        _ => "Chance of liquidation",
    }
}

/// A limited value in its own unit.
fn limit_value(name: &str, x: f64) -> String {
    match name {
        "max_leverage" => format!("{}x", format::number(x, 2)),
        "max_liquidation_probability" => format::chance(x, 0.0),
        _ => format::money(x),
    }
}

#[component]
fn Answer(answer: Arc<SizeResponse>, fine: bool) -> impl IntoView {
    let desk = desk();
    let size = answer.size;
    let chance = format::chance(answer.liquidation_probability, answer.standard_error);
    let before = format::chance(answer.liquidation_probability_before, 0.0);
    let mut reason = answer.reason.clone();
    if let Some(first) = reason.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let use_it = move |_| {
        desk.scenario.update(|s| {
            let i = desk.selected.get_untracked().min(s.lines.len().saturating_sub(1));
            if let Some(l) = s.lines.get_mut(i) {
                // Four figures, never more than the limit allows.
                let scale = 10f64.powf(3.0 - size.log10().floor());
                l.size = (size * scale).floor() / scale;
            }
        });
    };
    let largest = answer
        .limits
        .iter()
        .filter_map(|l| l.size)
        .fold(size, f64::max)
        .min(4.0 * size.max(1e-12));
    let bars = answer
        .limits
        .iter()
        .map(|l| view! { <Limit limit=l.clone() binding=answer.binding_limit.as_deref() == Some(l.name.as_str()) largest /> })
        .collect_view();
    let references = references(&answer);
    view! {
        <div class="answer" class:rough=!fine>
            <dl>
                <div class="figure big"><dt>"Largest size"</dt><dd><output>{if answer.feasible { format::significant(size, 4) } else { "0".to_owned() }}</output><small>{format!("{} notional, account at {}x", format::money(answer.notional), format::number(answer.leverage, 2))}</small></dd></div>
                <div class="figure"><dt>"Chance of liquidation"</dt><dd><output>{chance}</output><small>{format!("without it {before}")}</small></dd></div>
                <div class="figure"><dt>"Mean loss in the worst 1 %"</dt><dd><output>{format::money(answer.expected_shortfall)}</output><small>{format!("± {} of computation", format::money(answer.expected_shortfall_standard_error))}</small></dd></div>
                <div class="figure"><dt>"Volatility of equity a year"</dt><dd><output>{format::percent(answer.volatility, 0)}</output><small>"at that size"</small></dd></div>
            </dl>
            <p class="verdict" class:skilled=answer.feasible>{reason}"."</p>
            <button type="button" disabled=!answer.feasible on:click=use_it>"Put this size on the desk"</button>
            {(!fine).then(|| view! { <p class="note" role="status">"A first look; the finer one follows."</p> })}
        </div>
        <div class="pictures">
            <figure class="bars">
                <h3>"What each limit alone would allow"</h3>
                <table><tbody>{bars}</tbody></table>
            </figure>
            <Contributions answer=answer.clone() />
        </div>
        <div class="pictures">
            <Correlation answer=answer.clone() />
            <figure>
                <h3>"Beside it, by other rules"</h3>
                <table><tbody>{references}</tbody></table>
                <p class="note">"For comparison only: none of them is used."</p>
            </figure>
        </div>
        <details class="behind">
            <summary>"What was assumed"</summary>
            <ul>{answer.assumptions.iter().map(|a| view! { <li>{a.clone()}</li> }).collect_view()}<li>{format!("Model: {} ({})", answer.model.kind, answer.model.reason)}</li></ul>
        </details>
    }
}

#[component]
fn Limit(limit: LimitSize, binding: bool, largest: f64) -> impl IntoView {
    let size = limit.size;
    let width = size.map_or(100.0, |s| (100.0 * s / largest.max(1e-12)).min(100.0));
    let told = size.map_or_else(|| "any".to_owned(), |s| format::significant(s, 4));
    let value = limit
        .value
        .map(|v| {
            format!(
                "{} of {}",
                limit_value(&limit.name, v),
                limit_value(&limit.name, limit.limit)
            )
        })
        .unwrap_or_default();
    view! {
        <tr class:current=binding>
            <th scope="row">{limit_name(&limit.name)}{binding.then_some(" (binds)")}</th>
            <td class="bar-cell"><span class="bar-fill" class:binding=binding style:width=format!("{width:.1}%")></span></td>
            <td>{told}<small>{value}</small></td>
        </tr>
    }
}

#[component]
fn Contributions(answer: Arc<SizeResponse>) -> impl IntoView {
    let whole = answer.expected_shortfall;
    let most = answer
        .risk_contributions
        .iter()
        .map(|c| c.expected_shortfall.abs())
        .fold(1e-12, f64::max);
    let rows = answer
        .risk_contributions
        .iter()
        .map(|c| {
            let negative = c.expected_shortfall < 0.0;
            view! {
                <tr>
                    <th scope="row">{format!("{} {}", c.symbol, c.side.word())}</th>
                    <td class="bar-cell"><span class="bar-fill" class:hedges=negative style:width=format!("{:.1}%", 100.0 * c.expected_shortfall.abs() / most)></span></td>
                    <td>{format::money(c.expected_shortfall)}<small>{if negative { "takes risk off" } else { "adds risk" }}</small></td>
                    <td>{format::percent(c.volatility, 1)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <figure class="bars">
            <h3>"What the risk is made of"</h3>
            <table>
                <thead><tr><th scope="col">"Position"</th><td></td><th scope="col">"Worst 1 %"</th><th scope="col">"Volatility"</th></tr></thead>
                <tbody>{rows}<tr><th scope="row">"Together"</th><td></td><td>{format::money(whole)}</td><td>{format::percent(answer.volatility, 1)}</td></tr></tbody>
            </table>
        </figure>
    }
}

/// Colour of a correlation: together in one hue, against each other in the other.
fn tint(x: f64) -> String {
    let colour = if x < 0.0 { "--short" } else { "--long" };
    format!("color-mix(in srgb, var({colour}) {:.0}%, transparent)", 30.0 * x.abs())
}

fn matrix(symbols: &[String], of: &[Vec<f64>]) -> impl IntoView + use<> {
    let rows: Vec<_> = symbols
        .iter()
        .enumerate()
        .map(|(i, s)| {
            let cells: Vec<_> = (0..symbols.len())
                .map(|j| {
                    let x = of[i][j];
                    view! { <td style:background=tint(x)>{format::number(x, 2)}</td> }
                })
                .collect();
            view! { <tr><th scope="row">{s.clone()}</th>{cells}</tr> }
        })
        .collect();
    let heads: Vec<_> = symbols
        .iter()
        .map(|s| view! { <th scope="col">{s.clone()}</th> })
        .collect();
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label="Correlations">
            <table class="heat"><thead><tr><th scope="col">"Market"</th>{heads}</tr></thead><tbody>{rows}</tbody></table>
        </div>
    }
}

#[component]
fn Correlation(answer: Arc<SizeResponse>) -> impl IntoView {
    let c = &answer.correlation;
    let beside = c
        .estimates
        .clone()
        .map(|e| view! { <Estimates symbols=c.symbols.clone() estimates=e /> });
    view! {
        <figure>
            <h3>"How the markets go together"</h3>
            {matrix(&c.symbols, &c.matrix)}
            {beside}
        </figure>
    }
}

#[component]
fn Estimates(symbols: Vec<String>, estimates: CorrelationEstimates) -> impl IntoView {
    let n = symbols.len();
    let rows: Vec<_> = (0..n)
        .flat_map(|i| (0..i).map(move |j| (i, j)))
        .map(|(i, j)| {
            view! {
                <tr>
                    <th scope="row">{format!("{} with {}", symbols[i], symbols[j])}</th>
                    <td>{format!("{} ({} to {})", format::number(estimates.ewma[i][j], 2), format::number(estimates.low[i][j], 2), format::number(estimates.high[i][j], 2))}</td>
                    <td>{format::number(estimates.ledoit_wolf[i][j], 2)}</td>
                    <td>{estimates.dcc.as_ref().map_or_else(|| format::UNKNOWN.to_owned(), |d| format::number(d[i][j], 2))}</td>
                    <td>{format::number(estimates.downside[i][j], 2)}</td>
                    <td>{estimates.tail.as_ref().map_or_else(|| format::UNKNOWN.to_owned(), |t| format::percent(t[i][j], 0))}</td>
                </tr>
            }
        })
        .collect();
    view! {
        <details class="behind">
            <summary>{format!("Estimated in other ways, on {} bars", estimates.bars)}</summary>
            <div class="scroll" tabindex="0" role="region" aria-label="Correlations estimated in other ways">
                <table>
                    <thead><tr><th scope="col">"Pair"</th><th scope="col">"Weighted (90 %)"</th><th scope="col">"Shrunk"</th><th scope="col">"Next hour"</th><th scope="col">"Falls alone"</th><th scope="col">"Worst 5 % together"</th></tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </details>
    }
}

fn references(answer: &SizeResponse) -> impl IntoView + use<> {
    let r = &answer.references;
    let told = |x: Option<f64>, none: &str| x.map_or_else(|| none.to_owned(), |s| format::significant(s, 4));
    [
        ("Taken as independent", told(r.independent, "one market only")),
        (
            "Volatility of 40 % a year",
            told(r.volatility_target, "not reached, or passed already"),
        ),
        ("Kelly", told(r.kelly, "no drift is given")),
        ("Half Kelly", told(r.half_kelly, "no drift is given")),
        (
            "Kelly, 10 % chance to halve",
            told(r.drawdown_kelly, "no drift is given"),
        ),
    ]
    .into_iter()
    .map(|(name, value)| view! { <tr><th scope="row">{name}</th><td>{value}</td></tr> })
    .collect_view()
}
