//! Whether to trade a hedge now: exposure inside its band, what keeping it costs and leaves, the plan as data, paper.

use super::desk;
use super::part::{NumberField, next_id};
use super::price_pane::{PricePane, save_as};
use crate::format;
use crate::state::planning::{self, Paper, PaperTrade};
use headroom_core::api::hedge::{HedgeResponse, Schedule};
use headroom_core::units::Side;
use leptos::prelude::*;
use std::sync::Arc;

#[component]
pub(crate) fn HedgePage() -> impl IntoView {
    let desk = desk();
    let text = |t: &'static str| Signal::derive(move || t.to_owned());
    let id = next_id("hedge");
    let for_id = id.clone();
    let wish = move |change: &dyn Fn(&mut planning::HedgeWishes)| desk.hedge_wishes.update(change);
    let set = move |write: fn(&mut planning::HedgeWishes, f64)| {
        Callback::new(move |v: Option<f64>| {
            if let Some(v) = v {
                desk.hedge_wishes.update(|w| write(w, v));
            }
        })
    };
    let number = |read: fn(&planning::HedgeWishes) -> f64| Signal::derive(move || Some(desk.hedge_wishes.with(read)));
    view! {
        <section class="plan" aria-label="Hedge">
            <header>
                <h2>"Is there a hedge to trade now?"</h2>
                <p class="note">"Exposure of the whole account through betas to one market, and a band inside of which trading costs more than it saves."</p>
            </header>
            <div class="wishes">
                <div class="field">
                    <label for=for_id>"Hedge with"</label>
                    <select id=id on:change=move |e| { let s = event_target_value(&e); wish(&|w| w.symbol = Some(s.clone())) }>
                        {move || planning::hedge_choices(desk).into_iter().map(|s| {
                            let chosen = planning::hedge_symbol(desk) == s;
                            view! { <option value=s.clone() selected=chosen>{s.clone()}</option> }
                        }).collect_view()}
                    </select>
                </div>
                <NumberField label=text("Exposure wanted") value=number(|w| w.target_delta * 100.0) unit=text("% of equity") on_change=set(|w, v| w.target_delta = v / 100.0) />
                <NumberField label=text("Cost of a trade") value=number(|w| w.cost * 10_000.0) unit=text("bp of notional") on_change=set(|w, v| w.cost = v / 10_000.0) />
                <NumberField label=text("Price of risk") value=number(|w| w.risk_aversion) unit=text("× variance / 2") on_change=set(|w, v| w.risk_aversion = v) />
                <NumberField label=text("Looked at every") value=number(|w| w.check_every) unit=text("hours") on_change=set(|w, v| w.check_every = v) />
            </div>
            {move || desk.hedged.with(|p| match (&p.answer, &p.fault) {
                (Some(a), _) => view! { <Answer answer=a.clone() /> }.into_any(),
                (None, Some(why)) => view! { <p class="fault" role="alert">{why.clone()}</p> }.into_any(),
                (None, None) => view! { <p class="note" role="status">"Being computed."</p> }.into_any(),
            })}
            <PricePane />
            <OnPaper />
        </section>
    }
}

#[component]
fn Answer(answer: Arc<HedgeResponse>) -> impl IntoView {
    let symbol = planning::hedge_symbol(desk());
    let t = answer.trade_now.clone();
    let words = match t.side {
        Some(side) => format!(
            "{} {} {symbol}",
            if side == Side::Long { "Long" } else { "Short" },
            format::significant(t.size, 4)
        ),
        None => "Nothing to do".to_owned(),
    };
    let until = match answer.band_prices {
        [Some(low), Some(high)] => format!(
            "until {symbol} leaves {} to {}, all else by its beta",
            format::price(low, None),
            format::price(high, None)
        ),
        [Some(low), None] => format!(
            "until {symbol} falls under {}, all else by its beta",
            format::price(low, None)
        ),
        [None, Some(high)] => format!(
            "until {symbol} rises over {}, all else by its beta",
            format::price(high, None)
        ),
        [None, None] => "no common move of the markets leaves the band: only moves against the betas do".to_owned(),
    };
    let mut reason = t.reason.clone();
    if let Some(first) = reason.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let after = format::chance(answer.probability_after, answer.standard_error);
    let before = format::chance(answer.probability_before, answer.standard_error);
    let (json, csv) = (plan_json(&answer), plan_csv(&answer));
    let kills = answer
        .kills
        .iter()
        .map(|k| {
            view! {
                <tr>
                    <th scope="row">{k.symbol.clone()}</th>
                    <td>{k.move_to_liquidation.map_or_else(|| "no move of it alone".to_owned(), |m| format::percent(m, 1))}</td>
                    <td>{k.price.map_or_else(|| format::UNKNOWN.to_owned(), |p| format::price(p, None))}</td>
                </tr>
            }
        })
        .collect_view();
    let betas = answer
        .betas
        .iter()
        .map(|b| {
            view! {
                <tr>
                    <th scope="row">{b.symbol.clone()}</th>
                    <td>{format::number(b.beta, 2)}{b.standard_error.filter(|e| *e > 0.0).map(|e| format!(" ± {}", format::number(e, 2)))}</td>
                    <td class="words">{b.source.clone()}</td>
                </tr>
            }
        })
        .collect_view();
    let others = answer
        .alternatives
        .iter()
        .map(|a| {
            view! {
                <tr>
                    <th scope="row">{format!("{} {}", a.side.map_or("", |s| s.word()), a.symbol)}</th>
                    <td>{format::significant(a.size, 4)}</td>
                    <td>{format::money(a.cost)}</td>
                    <td>{format::percent(a.funding_a_year, 1)}</td>
                    <td>{format::percent(a.residual_volatility, 0)}</td>
                    <td>{format::chance(a.probability_after, 0.0)}</td>
                </tr>
            }
        })
        .collect_view();
    let has_others = !answer.alternatives.is_empty();
    view! {
        <div class="answer">
            <dl>
                <div class="figure big"><dt>"Trade now"</dt><dd><output>{words}</output><small>{until}</small></dd></div>
                <div class="figure"><dt>"Exposure now"</dt><dd><output>{format::percent(answer.net_delta, 0)}</output><small>{format!("of equity; hedge ratio {}", format::number(answer.hedge_ratio, 2))}</small></dd></div>
                <div class="figure"><dt>"Chance of liquidation in 7 days"</dt><dd><output>{after}</output><small>{format!("with the trade; {before} without")}</small></dd></div>
                <div class="figure"><dt>"Costs"</dt><dd><output>{format::money(answer.cost.now)}</output><small>{format!("now; keeping it {} of equity a year, funding {}", format::percent(answer.cost.rebalancing_a_year, 2), format::percent(answer.cost.funding_a_year, 1))}</small></dd></div>
            </dl>
            <p class="verdict" class:skilled=t.side.is_none()>{reason}"."</p>
            <Band answer=answer.clone() />
            <div class="tools">
                <button type="button" disabled=t.side.is_none() on:click=move |_| save_as(&json, "headroom-hedge.json")>"Plan as JSON"</button>
                <button type="button" disabled=t.side.is_none() on:click=move |_| save_as(&csv, "headroom-hedge.csv")>"Plan as CSV"</button>
            </div>
            <p class="note">"Headroom holds no keys and trades nothing: the plan is a file for a person or a bot."</p>
        </div>
        <div class="pictures">
            <Frontier title="On simulated months" rows=answer.schedules.clone() />
            {(!answer.history.is_empty()).then(|| view! { <Frontier title="On the past of these markets" rows=answer.history.clone() /> })}
        </div>
        <div class="pictures">
            <figure>
                <h3>"Which coin kills it, and at what move"</h3>
                <table><thead><tr><th scope="col">"Coin alone"</th><th scope="col">"Move"</th><th scope="col">"Price"</th></tr></thead><tbody>{kills}</tbody></table>
            </figure>
            <figure>
                <h3>"Betas"</h3>
                <table><tbody>{betas}</tbody></table>
            </figure>
        </div>
        {has_others.then(|| view! {
            <figure>
                <h3>"With another instrument, all the way to the target"</h3>
                <div class="scroll" tabindex="0" role="region" aria-label="Other instruments">
                    <table>
                        <thead><tr><th scope="col">"Trade"</th><th scope="col">"Size"</th><th scope="col">"Cost"</th><th scope="col">"Funding a year"</th><th scope="col">"Volatility left"</th><th scope="col">"Chance after"</th></tr></thead>
                        <tbody>{others}</tbody>
                    </table>
                </div>
            </figure>
        })}
    }
}

/// Where the exposure stands beside its band.
#[component]
fn Band(answer: Arc<HedgeResponse>) -> impl IntoView {
    let (width, height) = (640.0, 64.0);
    let [low, high] = answer.band;
    let target = 0.5 * (low + high);
    let now = answer.net_delta;
    let reach = (now - target).abs().max(2.0 * (high - target)).max(0.05) * 1.15;
    let x = move |d: f64| width * (0.5 + 0.5 * (d - target) / reach);
    let label = format!(
        "Exposure {} of equity; band {} to {}",
        format::percent(now, 0),
        format::percent(low, 1),
        format::percent(high, 1)
    );
    view! {
        <figure class="plot band-gauge">
            <svg viewBox=format!("0 0 {width} {height}") role="img" aria-label=label.clone()>
                <rect x="0" y="26" width=width height="6" class="track" />
                <rect x=x(low) y="20" width={(x(high) - x(low)).max(2.0)} height="18" class="band" />
                <line x1=x(target) x2=x(target) y1="16" y2="42" class="ideal" />
                <circle cx=x(now) cy="29" r="7" class="dot" />
                <text x=x(now) y="12" text-anchor={if now > target { "end" } else { "start" }}>"now"</text>
                <text x=x(target) y="58" text-anchor="middle">"target and band"</text>
            </svg>
            <figcaption>{label}"."</figcaption>
        </figure>
    }
}

/// Cost against what is left beside the target, each way of keeping the hedge a point.
#[component]
fn Frontier(title: &'static str, rows: Vec<Schedule>) -> impl IntoView {
    let (width, height, left, bottom) = (320.0, 200.0, 44.0, 34.0);
    let kept: Vec<Schedule> = rows.iter().filter(|s| s.name != "never").cloned().collect();
    let most_cost = kept.iter().map(|s| s.cost_a_year).fold(1e-6, f64::max) * 1.1;
    let most_risk = kept.iter().map(|s| s.tracking).fold(1e-6, f64::max) * 1.15;
    let x = move |cost: f64| left + (width - left - 10.0) * cost / most_cost;
    let y = move |risk: f64| height - bottom - (height - bottom - 10.0) * risk / most_risk;
    let dots = kept
        .iter()
        .map(|s| {
            let class = if s.name == "band" { "dot" } else { "plain-dot" };
            let anchor = if x(s.cost_a_year) > 0.7 * width { "end" } else { "start" };
            let dx = if anchor == "end" { -8.0 } else { 8.0 };
            view! {
                <circle cx=x(s.cost_a_year) cy=y(s.tracking) r="5" class=class />
                <text x=x(s.cost_a_year) + dx y=y(s.tracking) - 4.0 text-anchor=anchor>{s.name.clone()}</text>
            }
        })
        .collect_view();
    let table = rows
        .iter()
        .map(|s| {
            view! {
                <tr class:current=s.name == "band">
                    <th scope="row">{s.name.clone()}</th>
                    <td>{format::number(s.trades_a_year, 0)}</td>
                    <td>{format::percent(s.cost_a_year, 2)}</td>
                    <td>{format::percent(s.variance_reduction, 1)}</td>
                    <td>{format::percent(s.tracking, 1)}</td>
                    <td>{format::percent(s.drawdown, 0)}</td>
                    <td>{format::chance(s.liquidation_probability, 0.0)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <figure class="plot">
            <h3>{title}</h3>
            <svg viewBox=format!("0 0 {width} {height}") role="img" aria-label="Cost a year against exposure left beside the target">
                <line x1=left x2=width - 10.0 y1=height - bottom y2=height - bottom class="rule" />
                <line x1=left x2=left y1="10" y2=height - bottom class="rule" />
                {dots}
                <text x=width - 10.0 y=height - 6.0 text-anchor="end">{format!("cost a year, up to {} of equity", format::percent(most_cost, 1))}</text>
                <text x="2" y="12">{format::percent(most_risk, 0)}</text>
                <text x="2" y=height - bottom>"0 %"</text>
            </svg>
            <figcaption>"Up: exposure left beside the target. Right: cost of trading, the opening left out. Near the corner is better."</figcaption>
            <details class="behind">
                <summary>"Numbers behind it"</summary>
                <div class="scroll" tabindex="0" role="region" aria-label=title>
                    <table>
                        <thead><tr><th scope="col">"Kept"</th><th scope="col">"Trades a year"</th><th scope="col">"Cost a year"</th><th scope="col">"Variance taken off"</th><th scope="col">"Left beside"</th><th scope="col">"Drawdown"</th><th scope="col">"Liquidated"</th></tr></thead>
                        <tbody>{table}</tbody>
                    </table>
                </div>
            </details>
        </figure>
    }
}

/// What the plan did on paper, and what a person says they did: two lists that never mix.
#[component]
fn OnPaper() -> impl IntoView {
    let desk = desk();
    let symbol = Memo::new(move |_| planning::hedge_symbol(desk));
    let price = move || {
        let venue = desk.scenario.with(|s| s.venue);
        desk.markets
            .with(|m| m.get(&(venue, symbol.get())).and_then(|m| m.mark()))
    };
    let list = move |name: &'static str, read: fn(&Paper) -> &Vec<PaperTrade>| {
        let trades = desk.paper.with(|p| read(p).clone());
        let held = Paper::held(&trades, &symbol.get());
        let won = price().map(|p| Paper::won(&trades, &symbol.get(), p));
        let rows = trades
            .iter()
            .rev()
            .take(20)
            .map(|t| {
                view! {
                    <tr>
                        <th scope="row">{format::date(t.time)}</th>
                        <td>{format!("{} {}", if t.size > 0.0 { "long" } else { "short" }, format::significant(t.size.abs(), 4))}</td>
                        <td>{t.symbol.clone()}</td>
                        <td>{format::price(t.price, None)}</td>
                        <td>{format::money(t.cost)}</td>
                    </tr>
                }
            })
            .collect_view();
        view! {
            <figure>
                <h3>{name}</h3>
                <p class="note">{format!("{} trades; holds {} {}; won or lost so far {}", trades.len(), format::significant(held, 4), symbol.get(), won.map_or_else(|| format::UNKNOWN.to_owned(), format::money))}</p>
                <table><tbody>{rows}</tbody></table>
            </figure>
        }
    };
    let manual = move |_| {
        if let Some(a) = desk.hedged.with_untracked(|h| h.answer.clone()) {
            planning::note_manual(desk, &a);
        }
    };
    view! {
        <section class="paper" aria-label="On paper">
            <h3>"Autopilot on paper"</h3>
            <p class="note">"Follows the plan at its check times while this page is open, and writes down what it would have traded. Nothing is sent anywhere. The list stays in this browser."</p>
            <div class="tools">
                <button type="button" aria-pressed=move || desk.paper.with(|p| p.on).to_string() on:click=move |_| desk.paper.update(|p| { p.on = !p.on; p.last_check = 0.0; })>
                    {move || if desk.paper.with(|p| p.on) { "Stop the autopilot" } else { "Start the autopilot" }}
                </button>
                <button type="button" on:click=manual>"I made this trade myself"</button>
                <button type="button" on:click=move |_| desk.paper.set(Paper::default())>"Clear both lists"</button>
            </div>
            <div class="pictures">
                {move || list("By the plan", |p| &p.automatic)}
                {move || list("By hand", |p| &p.manual)}
            </div>
        </section>
    }
}

fn data_uri(kind: &str, text: &str) -> String {
    format!("data:{kind};charset=utf-8,{}", js_sys::encode_uri_component(text))
}

fn plan_json(answer: &HedgeResponse) -> String {
    let plan = serde_json::json!({
        "orders": answer.orders,
        "reason": answer.trade_now.reason,
        "band": answer.band,
        "probability_before": answer.probability_before,
        "probability_after": answer.probability_after,
    });
    data_uri(
        "application/json",
        &serde_json::to_string_pretty(&plan).unwrap_or_default(),
    )
}

fn plan_csv(answer: &HedgeResponse) -> String {
    let mut out = "venue,symbol,side,size,limit\n".to_owned();
    for o in &answer.orders {
        out += &format!("{},{},{},{},{}\n", o.venue, o.symbol, o.side, o.size, o.limit);
    }
    data_uri("text/csv", &out)
}
