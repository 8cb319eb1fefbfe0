//! What the selected position would have lived through, left alone and kept by a rule.

use super::desk;
use super::part::{Choice, NumberField};
use super::price_pane::save_as;
use crate::format;
use crate::state::market::Origin;
use crate::state::replaying::{self, Rule};
use headroom_core::api::replay::{Lived, ReplayResponse, SweepAnswer};
use leptos::prelude::*;
use std::sync::Arc;

const RULES: [(Rule, &str); 2] = [(Rule::Cap, "Capped chance"), (Rule::Volatility, "Even volatility")];

#[component]
pub(crate) fn ReplayPage() -> impl IntoView {
    let desk = desk();
    let title = move || {
        desk.scenario.with(|s| {
            s.lines.get(desk.index()).map_or_else(String::new, |l| {
                format!(
                    "What would {}x {} {} have lived through?",
                    format::number(l.leverage, 1).trim_end_matches(".0"),
                    l.side.word(),
                    l.symbol
                )
            })
        })
    };
    let rule = Signal::derive(move || desk.replay_wishes.with(|w| w.rule));
    let capped = move || rule.get() == Rule::Cap;
    let number = Signal::derive(move || {
        Some(
            desk.replay_wishes
                .with(|w| if w.rule == Rule::Cap { w.limit } else { w.target })
                * 100.0,
        )
    });
    let label = Signal::derive(move || {
        if capped() {
            "Chance within a day, at most"
        } else {
            "Volatility of equity a year"
        }
        .to_owned()
    });
    let percent = Signal::derive(|| "%".to_owned());
    let set = Callback::new(move |v: Option<f64>| {
        desk.replay_wishes.update(|w| {
            if let Some(v) = v {
                *(if w.rule == Rule::Cap {
                    &mut w.limit
                } else {
                    &mut w.target
                }) = v / 100.0;
            }
        });
    });
    let source = move || {
        desk.past.with(|p| {
            p.as_ref().map(|p| match &p.origin {
                Origin::Live(t) => format!(
                    "{} hours of {}, fetched {} ago.",
                    p.candles.rows.len(),
                    p.key.1,
                    format::age(desk.now.get() - t)
                ),
                Origin::Recorded { venue, until } => format!(
                    "{} recorded hours of {} on {venue}, until {}.",
                    p.candles.rows.len(),
                    p.key.1,
                    format::date(until - 1.0)
                ),
            })
        })
    };
    let explained = move || {
        if capped() {
            "The position is cut as soon as its chance of liquidation within a day, by the volatility known at that hour, passes the limit, and restored when it is under half of it."
        } else {
            "Leverage is this volatility over that of the market as known at that hour, and at most that of the entry."
        }
    };
    view! {
        <section class="plan replay" aria-label="Replay" aria-busy=move || desk.replayed.with(|p| !p.fine && p.fault.is_none()).to_string()>
            <header>
                <h2>{title}</h2>
                <p class="note">"Ten thousand are put behind the position chosen on the left; costs are 0.05 % fee and 0.02 % slippage an order, funding as far as it is known. " {source}</p>
            </header>
            <div class="wishes">
                <label class="field" for="replay-window">
                    <span>"When"</span>
                    <select id="replay-window" prop:value=move || desk.replay_wishes.with(|w| w.window).to_string() on:change=move |e| {
                        let chosen = event_target_value(&e).parse().unwrap_or(0);
                        desk.replay_wishes.update(|w| w.window = chosen);
                    }>
                        {move || desk.past.with(|p| p.as_ref().map_or_else(Vec::new, |p| p.windows.clone())).into_iter().enumerate().map(|(k, w)| view! {
                            <option value=k.to_string()>{w.name}</option>
                        }).collect_view()}
                    </select>
                </label>
                <Choice legend="Kept by" options=RULES.to_vec() value=rule on_change=move |r| desk.replay_wishes.update(|w| w.rule = r) />
                <NumberField label=label value=number unit=percent on_change=set />
            </div>
            <p class="note">{explained}</p>
            {move || desk.replayed.with(|p| match (&p.answer, &p.fault) {
                (Some(a), _) => view! { <Answer answer=a.clone() /> }.into_any(),
                (None, Some(why)) => view! { <p class="fault" role="alert">{why.clone()}</p> }.into_any(),
                (None, None) => view! { <p class="note" role="status">"The past is being read."</p> }.into_any(),
            })}
        </section>
    }
}

fn ended(l: &Lived) -> String {
    match l.liquidated_at {
        Some(t) => format!("liquidated {}", format::date(t)),
        None => format!("{} from its highest at worst", format::percent(-l.max_drawdown, 0)),
    }
}

#[component]
fn Answer(answer: Arc<ReplayResponse>) -> impl IntoView {
    let (plan, alone) = (&answer.policy, &answer.fixed);
    let better = plan.final_equity - alone.final_equity;
    let gained = better >= 0.0;
    let verdict = match (alone.liquidated_at, plan.liquidated_at) {
        (Some(_), None) => "Left alone the position ended; the rule lived through it.".to_owned(),
        (None, Some(_)) => "The rule did not save it, and doing nothing would have.".to_owned(),
        (Some(_), Some(_)) => "Both ended in liquidation.".to_owned(),
        (None, None) if better < 0.0 => format!(
            "Both lived. The rule ended with {} less than doing nothing: that was its price here.",
            format::money(-better)
        ),
        (None, None) => format!("Both lived. The rule ended with {} more.", format::money(better)),
    };
    let csv = {
        let mut text = "time,plan,left_alone\n".to_owned();
        for (a, b) in plan.equity_curve.iter().zip(&alone.equity_curve) {
            text.push_str(&format!("{},{},{}\n", a[0], a[1], b[1]));
        }
        text
    };
    let row = |name: &'static str, read: fn(&Lived) -> f64| {
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td>{format::money(read(plan))}</td>
                <td>{format::money(read(alone))}</td>
            </tr>
        }
    };
    let rows = [
        row("Profit of the price", |l| l.price_pnl),
        row("Funding", |l| l.funding),
        row("Fees", |l| -l.fees),
        row("Slippage", |l| -l.slippage),
        row("Taken by liquidation", |l| -l.liquidation_loss),
        row("Left of 10 000", |l| l.final_equity),
    ]
    .collect_view();
    view! {
        <div class="answer">
            <dl>
                <div class="figure big"><dt>"By the rule"</dt><dd><output>{format::money(plan.final_equity)}</output><small>{ended(plan)}</small></dd></div>
                <div class="figure big"><dt>"Left alone"</dt><dd><output>{format::money(alone.final_equity)}</output><small>{ended(alone)}</small></dd></div>
                <div class="figure"><dt>"Orders of the rule"</dt><dd><output>{plan.trade_count.to_string()}</output><small>{format!("{}x its equity traded", format::number(plan.turnover, 1))}</small></dd></div>
                <div class="figure"><dt>"The market itself"</dt><dd><output>{format::percent(-answer.market_drawdown[1], 1)}</output><small>"worst way from its best, wicks counted"</small></dd></div>
            </dl>
            <p class="verdict" class:skilled=gained>{verdict}</p>
        </div>
        <div class="pictures">
            <Curves answer=answer.clone() />
            <figure class="bars">
                <h3>"Where the money went"</h3>
                <table>
                    <thead><tr><th scope="col">"Part"</th><th scope="col">"By the rule"</th><th scope="col">"Left alone"</th></tr></thead>
                    <tbody>{rows}</tbody>
                </table>
                <button type="button" on:click=move |_| save_as(&format!("data:text/csv;charset=utf-8,{}", js_sys::encode_uri_component(&csv)), "headroom-replay.csv")>"Curves as CSV"</button>
            </figure>
        </div>
        <Sweeps />
        <details class="behind">
            <summary>"What was assumed"</summary>
            <ul>{answer.assumptions.iter().map(|a| view! { <li>{a.clone()}</li> }).collect_view()}</ul>
        </details>
    }
}

/// Both equity curves on one scale.
#[component]
fn Curves(answer: Arc<ReplayResponse>) -> impl IntoView {
    let (width, height, left, bottom) = (640.0, 240.0, 52.0, 22.0);
    let (plan, alone) = (&answer.policy.equity_curve, &answer.fixed.equity_curve);
    let all = || plan.iter().chain(alone);
    let most = all().map(|p| p[1]).fold(10_000.0, f64::max) * 1.05;
    let (start, end) = all().fold((f64::MAX, 0.0f64), |s, p| (s.0.min(p[0]), s.1.max(p[0])));
    let x = move |t: f64| left + (width - left - 8.0) * (t - start) / (end - start).max(1.0);
    let y = move |e: f64| height - bottom - (height - bottom - 10.0) * (e / most).max(0.0);
    let line = |points: &[[f64; 2]]| {
        points
            .iter()
            .map(|p| format!("{:.1},{:.1}", x(p[0]), y(p[1])))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let (by_rule, by_itself) = (line(plan), line(alone));
    let label = format!(
        "Equity over time: by the rule from 10 000 to {}, left alone to {}",
        format::money(answer.policy.final_equity),
        format::money(answer.fixed.final_equity)
    );
    let dead = answer.fixed.liquidated_at;
    view! {
        <figure class="plot">
            <h3>"Equity"</h3>
            <svg viewBox=format!("0 0 {width} {height}") role="img" aria-label=label>
                <line x1=left x2=width - 8.0 y1=height - bottom y2=height - bottom class="rule" />
                <line x1=left x2=width - 8.0 y1=y(10_000.0) y2=y(10_000.0) class="ideal" />
                <polyline points=by_itself class="curve alone" />
                <polyline points=by_rule class="curve" />
                {dead.map(|t| view! { <circle cx=x(t) cy=y(0.0) r="5" class="plain-dot" /> })}
                <text x="2" y=y(10_000.0) + 4.0>"10 000"</text>
                {(most > 12_000.0).then(|| view! { <text x="2" y="20">{format::number(most / 1.05, 0)}</text> })}
                <text x=left y=height - 6.0>{format::date(start)}</text>
                <text x=width - 8.0 y=height - 6.0 text-anchor="end">{format::date(end - 1.0)}</text>
            </svg>
            <figcaption>"Solid: by the rule. Dashed: left alone; a ring marks its liquidation."</figcaption>
        </figure>
    }
}

/// Not one lucky entry but one a day.
#[component]
fn Sweeps() -> impl IntoView {
    let desk = desk();
    view! {
        <figure class="sweep">
            <h3>"Not one entry but one a day"</h3>
            <button type="button" on:click=move |_| replaying::sweep(desk)>"Enter on every day of the year, hold for thirty"</button>
            {move || desk.swept.with(|p| match (&p.answer, &p.fault) {
                (Some(a), _) => a.sweep.clone().map(|s| view! { <SweepTable sweep=s /> }.into_any()),
                (None, Some(why)) => Some(view! { <p class="fault" role="alert">{why.clone()}</p> }.into_any()),
                (None, None) => None,
            })}
        </figure>
    }
}

#[component]
fn SweepTable(sweep: SweepAnswer) -> impl IntoView {
    let n = sweep.starts;
    let words = format!(
        "Of {n} entries {} ended in liquidation left alone and {} by the rule. The rule ended with less than doing nothing {} times{}. Neighbouring entries share most of their days: this counts for far fewer than {n} independent trials.",
        sweep.fixed.liquidated,
        sweep.policy.liquidated,
        sweep.worse_than_static,
        sweep
            .policy
            .upside_kept
            .map(|u| format!(
                ", and kept {} of the gains where there were some",
                format::percent(u, 0)
            ))
            .unwrap_or_default()
    );
    let row = |name: &'static str, read: fn(&headroom_core::api::replay::Swept) -> f64| {
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td>{format::percent(read(&sweep.policy), 1)}</td>
                <td>{format::percent(read(&sweep.fixed), 1)}</td>
            </tr>
        }
    };
    let rows = [
        row("Mean return", |s| s.mean_return),
        row("Worst twentieth, at best", |s| s.quantiles[0]),
        row("Middle", |s| s.quantiles[2]),
        row("Best twentieth, at least", |s| s.quantiles[4]),
        row("Mean drawdown", |s| -s.mean_drawdown),
        row("Worst drawdown", |s| -s.worst_drawdown),
    ]
    .collect_view();
    view! {
        <p class="verdict">{words}</p>
        <table>
            <thead><tr><th scope="col">"Over all entries"</th><th scope="col">"By the rule"</th><th scope="col">"Left alone"</th></tr></thead>
            <tbody>{rows}</tbody>
        </table>
    }
}
