//! The desks that plan: how large the selected position may be, and whether to trade a hedge now.

use super::chance::{fit, markets};
use super::desk::{Desk, Page};
use super::latest;
use super::recalc::{account, text};
use super::scenario::{Scenario, coin};
use crate::engine::{self, Fault, Lane};
use crate::feed::depth;
use headroom_core::api::hedge::{HedgeInstrument, HedgeResponse, Policy};
use headroom_core::api::size::{Candidate, Limits, SizeResponse};
use headroom_core::api::{HedgeRequest, ModelChoice, SizeRequest};
use headroom_core::market::{Account, Market, Position};
use headroom_core::units::{MarginMode, Side};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use wasm_bindgen_futures::spawn_local;

/// What the size must keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Wishes {
    pub probability: f64,
    pub hours: f64,
    /// Share of equity that may be lost on average in the worst hundredth; `None`: no limit.
    pub shortfall: Option<f64>,
    pub leverage: f64,
    /// Collateral units; `None`: no limit.
    pub exit_cost: Option<f64>,
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            probability: 0.01,
            hours: 168.0,
            shortfall: Some(0.3),
            leverage: 3.0,
            exit_cost: None,
        }
    }
}

/// How the hedge is to be kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HedgeWishes {
    /// `None`: the venue's bitcoin.
    pub symbol: Option<String>,
    pub target_delta: f64,
    pub cost: f64,
    pub risk_aversion: f64,
    pub check_every: f64,
}

impl Default for HedgeWishes {
    fn default() -> Self {
        Self {
            symbol: None,
            target_delta: 0.0,
            cost: 0.0006,
            risk_aversion: 1.0,
            check_every: 12.0,
        }
    }
}

/// The last answer, whether it is the fine one, and why there is none.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Planned<T> {
    pub answer: Option<Arc<T>>,
    pub fine: bool,
    pub fault: Option<String>,
}

impl<T> Default for Planned<T> {
    fn default() -> Self {
        Self {
            answer: None,
            fine: false,
            fault: None,
        }
    }
}

/// One trade on paper.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PaperTrade {
    pub time: f64,
    pub symbol: String,
    /// Signed base units.
    pub size: f64,
    pub price: f64,
    pub cost: f64,
    pub reason: String,
}

/// A hedge that exists on paper only, kept by the plan (automatic) or by a person's own word (manual): never both.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Paper {
    pub on: bool,
    pub last_check: f64,
    pub automatic: Vec<PaperTrade>,
    pub manual: Vec<PaperTrade>,
}

impl Paper {
    /// Signed size of a symbol that a list of trades adds up to.
    pub(crate) fn held(trades: &[PaperTrade], symbol: &str) -> f64 {
        trades
            .iter()
            .filter(|t| t.symbol == symbol)
            .map(|t| t.size)
            .fold(0.0, |a, b| a + b)
    }
    /// What a list of trades has won at a price, costs off.
    pub(crate) fn won(trades: &[PaperTrade], symbol: &str, price: f64) -> f64 {
        trades
            .iter()
            .filter(|t| t.symbol == symbol)
            .map(|t| t.size * (price - t.price) - t.cost)
            .sum()
    }
}

const PAPER_KEY: &str = "headroom.paper";
const MOST_TRADES: usize = 500;

pub(crate) fn load_paper() -> Paper {
    window()
        .local_storage()
        .ok()
        .flatten()
        .and_then(|s| s.get_item(PAPER_KEY).ok().flatten())
        .and_then(|t| serde_json::from_str(&t).ok())
        .unwrap_or_default()
}

thread_local! {
    static PAUSE: Cell<Option<TimeoutHandle>> = const { Cell::new(None) };
    static NEWEST: Cell<u32> = const { Cell::new(0) };
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

/// The hedge's symbol: as wished, else the venue's bitcoin.
pub(crate) fn hedge_symbol(desk: Desk) -> String {
    let venue = desk.scenario.with(|s| s.venue);
    desk.hedge_wishes
        .with(|w| w.symbol.clone())
        .unwrap_or_else(|| super::scenario::first_symbol(venue).to_owned())
}

/// Keeps the plan of the page in view true to the desk.
pub(crate) fn keep(desk: Desk) {
    Effect::new(move |_| {
        let paper = desk.paper.get();
        if let (Some(s), Ok(text)) = (window().local_storage().ok().flatten(), serde_json::to_string(&paper)) {
            let _ = s.set_item(PAPER_KEY, &text);
        }
    });
    // The market of the hedge is wanted only where the page shows it.
    Effect::new(move |_| {
        let also = match desk.page.get() {
            Page::Hedge => vec![hedge_symbol(desk)],
            _ => Vec::new(),
        };
        if desk.also.with_untracked(|a| *a != also) {
            desk.also.set(also);
        }
    });
    // Prices that tick are followed twice a minute.
    let half_minute = Memo::new(move |_| (desk.now.get() / 30_000.0) as u64);
    let known = Memo::new(move |_| {
        let also = desk.also.get();
        let venue = desk.scenario.with(|s| s.venue);
        let symbols: Vec<String> = desk
            .scenario
            .with(|s| s.lines.iter().map(|l| l.symbol.clone()).chain(also).collect());
        desk.markets.with(|m| {
            symbols
                .iter()
                .filter(|s| {
                    m.get(&(venue, (*s).clone()))
                        .is_some_and(|m| m.candles.is_some() && m.quote.is_some())
                })
                .count()
        })
    });
    let on_paper = Memo::new(move |_| desk.paper.with(|p| (p.on, p.automatic.len())));
    Effect::new(move |_| {
        let page = desk.page.get();
        // A memo that is only tracked is never computed: read.
        let _ = (on_paper.get(), half_minute.get(), known.get());
        desk.scenario.track();
        desk.selected.track();
        desk.wishes.track();
        desk.hedge_wishes.track();
        desk.standings.track();
        if matches!(page, Page::Size | Page::Hedge) {
            latest::once_quiet(&PAUSE, 150, move || spawn_local(plan(desk, page)));
        }
    });
}

async fn plan(desk: Desk, page: Page) {
    let number = NEWEST.with(|n| {
        n.set(n.get().wrapping_add(1));
        n.get()
    });
    let newest = move || NEWEST.with(|n| n.get() == number);
    // What is being computed for an older wish is of no use.
    if BUSY.with(Cell::get) {
        engine::stop(Lane::Plan);
    }
    let scenario = desk.scenario.get_untracked();
    if fit(desk, &scenario).await.is_err() || !newest() {
        return;
    }
    match page {
        Page::Size => {
            let key = untrack(|| desk.key(desk.index()));
            let book = match (desk.wishes.with_untracked(|w| w.exit_cost), key) {
                (Some(_), Some(key)) => depth::load(&key).await.ok(),
                _ => None,
            };
            for error in [0.01, 0.001] {
                if !newest() {
                    return;
                }
                let found = match untrack(|| size_request(desk, &scenario, book.clone(), error)) {
                    Ok(request) => ask::<SizeResponse>("size", &request).await,
                    Err(fault) => Err(fault),
                };
                if newest() {
                    show(desk.sized, found, error < 0.005);
                }
            }
        }
        _ => {
            let found = match untrack(|| hedge_request(desk, &scenario)) {
                Ok(request) => ask::<HedgeResponse>("hedge", &request).await,
                Err(fault) => Err(fault),
            };
            if newest() {
                if let Ok(answer) = &found {
                    on_paper(desk, answer);
                }
                show(desk.hedged, found, true);
            }
        }
    }
}

async fn ask<T: serde::de::DeserializeOwned>(op: &str, request: &impl Serialize) -> Result<T, Fault> {
    BUSY.with(|b| b.set(true));
    let answer = engine::ask(Lane::Plan, &text(op, request)).await;
    BUSY.with(|b| b.set(false));
    engine::read(&answer)
}

pub(crate) fn show<T: Send + Sync + 'static>(planned: RwSignal<Planned<T>>, found: Result<T, Fault>, fine: bool) {
    planned.update(|p| match found {
        Ok(answer) => {
            (p.answer, p.fine, p.fault) = (Some(Arc::new(answer)), fine, None);
        }
        Err(fault) => {
            (p.answer, p.fault) = (None, Some(format!("{} ({})", fault.message, fault.field)));
        }
    });
}

/// The account without the selected position, which is what is to be sized.
fn size_request(
    desk: Desk,
    s: &Scenario,
    book: Option<headroom_core::market::Book>,
    error: f64,
) -> Result<SizeRequest, Fault> {
    let w = desk.wishes.get_untracked();
    let index = desk.index();
    let mut whole = account(&desk, s)?;
    let chosen = whole.positions.remove(index);
    let equity = equity(&whole, s);
    if s.mode == MarginMode::Isolated {
        whole.wallet_balance = Some(s.wallet);
    }
    let mut markets = markets(&desk, s)?;
    if let (Some(book), Some(m)) = (book, markets.get_mut(&chosen.symbol)) {
        m.book = Some(book);
    }
    Ok(SizeRequest {
        account: whole,
        candidate: Candidate {
            symbol: chosen.symbol,
            side: chosen.side,
            venue: None,
            entry_price: chosen.mark_price,
            leverage: (s.mode == MarginMode::Isolated).then(|| s.lines[index].leverage.min(w.leverage).max(1.0)),
            instrument: chosen.instrument,
        },
        markets,
        correlations: Vec::new(),
        limits: Limits {
            max_liquidation_probability: Some(w.probability),
            horizon_hours: w.hours,
            max_expected_shortfall: w.shortfall.map(|share| share * equity),
            confidence: Some(0.99),
            max_leverage: Some(w.leverage),
            max_exit_cost: w.exit_cost,
            volatility_target: None,
            drawdown: None,
        },
        model: auto(),
        target_standard_error: Some(error),
        seed: 1,
    })
}

fn auto() -> ModelChoice {
    ModelChoice {
        kind: "auto".to_owned(),
        step_hours: None,
    }
}

/// What stands behind the account: the wallet with open profits and losses.
fn equity(rest: &Account, s: &Scenario) -> f64 {
    let pnl: f64 = rest
        .positions
        .iter()
        .map(|p| p.side.sign() * p.size * (p.mark_price - p.entry_price.unwrap_or(p.mark_price)))
        .sum();
    (s.wallet + if s.mode == MarginMode::Cross { pnl } else { 0.0 }).max(1.0)
}

fn hedge_request(desk: Desk, s: &Scenario) -> Result<HedgeRequest, Fault> {
    let w = desk.hedge_wishes.get_untracked();
    let symbol = hedge_symbol(desk);
    let mut whole = account(&desk, s)?;
    let mut markets: BTreeMap<String, Market> = markets(&desk, s)?;
    let key = (s.venue, symbol.clone());
    let known = desk.markets.with_untracked(|m| {
        let m = m.get(&key)?;
        Some((m.mark()?, m.candles.as_ref()?.0.clone(), m.clone()))
    });
    let (price, candles, data) = known.ok_or_else(|| {
        Fault::of(
            "hedge_instrument",
            &format!("price and candles of {symbol} are on their way"),
        )
    })?;
    markets.entry(symbol.clone()).or_insert_with(|| Market {
        candles: Some((*candles).clone()),
        funding_rate: data.quote.as_ref().and_then(|q| q.0.funding_rate),
        funding_interval_hours: data.funding_interval_hours,
        ..Market::default()
    });
    let instrument_of = |symbol: &str| {
        desk.books.with_untracked(|b| {
            b.get(&s.venue)
                .map(|b| b.instrument(s.venue, symbol, s.typed_tiers(symbol)).0)
        })
    };
    let price_of = |symbol: &str| {
        desk.markets
            .with_untracked(|m| m.get(&(s.venue, symbol.to_owned())).and_then(|m| m.mark()))
    };
    let offer = |symbol: &str, price: f64| HedgeInstrument {
        symbol: symbol.to_owned(),
        venue: None,
        price,
        instrument: instrument_of(symbol),
        leverage: None,
        cost: None,
    };
    // What is on on paper counts as if it were there.
    let paper = desk.paper.get_untracked();
    if paper.on {
        add(
            &mut whole,
            &offer(&symbol, price),
            Paper::held(&paper.automatic, &symbol),
            s.mode,
        );
    }
    let mut others: Vec<String> = s
        .lines
        .iter()
        .map(|l| l.symbol.clone())
        .filter(|o| *o != symbol)
        .collect();
    others.sort();
    others.dedup();
    let alternatives = others
        .iter()
        .filter_map(|o| Some(offer(o, price_of(o)?)))
        .take(4)
        .collect();
    Ok(HedgeRequest {
        account: whole,
        markets,
        correlations: Vec::new(),
        hedge_instrument: offer(&symbol, price),
        alternatives,
        policy: Policy {
            target_delta: w.target_delta,
            cost: w.cost,
            risk_aversion: Some(w.risk_aversion),
            band: None,
            check_every_hours: Some(w.check_every),
            beta: None,
        },
        horizon_hours: Some(168.0),
        model: auto(),
        target_standard_error: None,
        seed: 1,
    })
}

/// Adds a signed size to an account, into the position that is there if there is one.
fn add(account: &mut Account, h: &HedgeInstrument, signed: f64, mode: MarginMode) {
    if signed == 0.0 {
        return;
    }
    if let Some(p) = account.positions.iter_mut().find(|p| p.symbol == h.symbol) {
        let sum = p.side.sign() * p.size + signed;
        p.side = if sum >= 0.0 { Side::Long } else { Side::Short };
        p.size = sum.abs().max(1e-9);
        return;
    }
    let side = if signed > 0.0 { Side::Long } else { Side::Short };
    account.positions.push(Position {
        leverage: (mode == MarginMode::Isolated).then_some(3.0),
        instrument: h.instrument.clone(),
        ..Position::at_mark(&h.symbol, side, signed.abs(), h.price)
    });
}

/// The trade of an answer, signed.
pub(crate) fn trade_of(desk: Desk, answer: &HedgeResponse) -> Option<PaperTrade> {
    let side = answer.trade_now.side?;
    let symbol = untrack(|| hedge_symbol(desk));
    let venue = desk.scenario.with_untracked(|s| s.venue);
    let price = desk
        .markets
        .with_untracked(|m| m.get(&(venue, symbol.clone())).and_then(|m| m.mark()))?;
    Some(PaperTrade {
        time: desk.now.get_untracked(),
        symbol,
        size: side.sign() * answer.trade_now.size,
        price,
        cost: answer.cost.now,
        reason: answer.trade_now.reason.clone(),
    })
}

/// The autopilot on paper: at its check times it takes the trade that the plan names, and writes it down.
fn on_paper(desk: Desk, answer: &HedgeResponse) {
    let paper = desk.paper.get_untracked();
    let now = desk.now.get_untracked();
    let every = desk.hedge_wishes.with_untracked(|w| w.check_every) * 3_600_000.0;
    if !paper.on || now - paper.last_check < every {
        return;
    }
    let trade = trade_of(desk, answer);
    desk.paper.update(|p| {
        p.last_check = now;
        if let Some(t) = trade
            && p.automatic.len() < MOST_TRADES
        {
            p.automatic.push(t);
        }
    });
}

/// A trade that a person says they made: it never mixes with the autopilot's.
pub(crate) fn note_manual(desk: Desk, answer: &HedgeResponse) {
    if let Some(t) = trade_of(desk, answer) {
        desk.paper.update(|p| {
            if p.manual.len() < MOST_TRADES {
                p.manual.push(t);
            }
        });
    }
}

/// Instruments that make sense as a hedge: the venue's bitcoin and ether, and what is held.
pub(crate) fn hedge_choices(desk: Desk) -> Vec<String> {
    let venue = desk.scenario.with(|s| s.venue);
    let bitcoin = super::scenario::first_symbol(venue).to_owned();
    let ether = bitcoin.replacen(coin(&bitcoin), "ETH", 1);
    let mut out = vec![bitcoin, ether];
    for l in desk
        .scenario
        .with(|s| s.lines.iter().map(|l| l.symbol.clone()).collect::<Vec<_>>())
    {
        if !out.contains(&l) {
            out.push(l);
        }
    }
    out
}
