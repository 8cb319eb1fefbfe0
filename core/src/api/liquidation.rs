//! Operation `liquidation`.

use super::explain;
use super::request::LiquidationRequest;
use super::response::{LiquidationResponse, RuleUsed, TierSource};
use crate::error::EngineError;
use crate::margin::{Holding, Payoff, room};
use crate::market::{Account, Instrument, InstrumentKind, Position, Venue};
use crate::units::{self, MarginMode};
use crate::venue::rule::{Checked, RuleSource, unknown_symbol};
use crate::venue::snapshot;
use std::borrow::Cow;

/// A position's instrument with its origin: the request's own, else the snapshot's.
pub(super) fn instrument<'a>(
    venue: Venue,
    field: &str,
    position: &'a Position,
) -> Result<(Cow<'a, Instrument>, TierSource), EngineError> {
    if position.symbol.is_empty() || position.symbol.len() > 60 {
        return Err(EngineError::invalid(
            format!("{field}.symbol"),
            "must be 1 to 60 characters",
        ));
    }
    let source = |source: &str, date: Option<&str>| TierSource {
        symbol: position.symbol.clone(),
        source: source.to_owned(),
        date: date.map(str::to_owned),
    };
    match &position.instrument {
        Some(i) => Ok((Cow::Borrowed(i), source("request", None))),
        None => snapshot::lookup(venue, &position.symbol)
            .map(|(i, date, from)| (Cow::Owned(i), source(from, Some(date))))
            .ok_or_else(|| unknown_symbol(field, &position.symbol, venue)),
    }
}

impl From<&RuleSource> for RuleUsed {
    fn from(r: &RuleSource) -> Self {
        Self {
            name: r.name.into(),
            condition: r.condition.into(),
            source: r.source.into(),
            as_of: r.as_of.into(),
            trigger: r.trigger.into(),
        }
    }
}

/// An account with its venue's rule applied to every position.
pub(super) struct Prepared {
    pub holdings: Vec<Holding>,
    pub tiers: Vec<TierSource>,
    pub assumptions: Vec<String>,
    pub collateral: String,
    /// Cross: collateral without profit and loss.
    pub cash: f64,
    pub other: f64,
}

/// Checks an account and applies the venue's rule. Errors name the field.
pub(super) fn prepare(account: &Account) -> Result<Prepared, EngineError> {
    let cross = account.margin_mode == MarginMode::Cross;
    if account.positions.is_empty() {
        return Err(EngineError::insufficient("account.positions", "is empty"));
    }
    let most = if cross { 1000 } else { 100_000 };
    if account.positions.len() > most {
        return Err(EngineError::invalid(
            "account.positions",
            format!("at most {most} positions; got {}", account.positions.len()),
        ));
    }
    let mut out = Prepared {
        holdings: Vec::new(),
        tiers: Vec::new(),
        assumptions: Vec::new(),
        collateral: String::new(),
        cash: 0.0,
        other: 0.0,
    };
    for (i, position) in account.positions.iter().enumerate() {
        let field = format!("account.positions[{i}]");
        let (instrument, source) = instrument(account.venue, &field, position)?;
        let mut checked = Checked::new(field, position, &instrument, account.margin_mode)?;
        let holding = account.venue.holding(&mut checked)?;
        for text in checked.assumptions {
            let text = format!("{}: {text}", position.symbol);
            if !out.assumptions.contains(&text) {
                out.assumptions.push(text);
            }
        }
        if let Some(earlier) = out.holdings.iter().find(|h| h.symbol == holding.symbol)
            && !account.venue.facts().pool
        {
            one_row_a_leg(account.venue, i, earlier, &holding)?;
        }
        if let Some(first) = out.holdings.first() {
            one_coin(account, i, first, &holding)?;
        }
        out.tiers.push(source);
        out.holdings.push(holding);
    }
    out.collateral = account
        .collateral
        .clone()
        .unwrap_or_else(|| coin(account.venue, &out.holdings[0]));
    out.assumptions.extend(unused(account));
    out.other = account.other_maintenance_margin.map_or(Ok(0.0), |m| {
        units::non_negative_money("account.other_maintenance_margin", m)
    })?;
    if cross {
        out.cash = match (account.account_value, account.wallet_balance) {
            (Some(equity), _) => {
                let pnl: f64 = out.holdings.iter().map(|h| h.leg.pnl(h.leg.mark_x)).sum();
                units::money("account.account_value", equity)? - pnl
            }
            (None, Some(wallet)) => units::money("account.wallet_balance", wallet)?,
            (None, None) => {
                return Err(EngineError::invalid(
                    "account.wallet_balance",
                    "is missing: a cross account needs wallet_balance or account_value",
                ));
            }
        };
    }
    Ok(out)
}

/// A venue tiers a leg as a whole: two rows of one side would each get the lowest tiers.
fn one_row_a_leg(venue: Venue, i: usize, earlier: &Holding, holding: &Holding) -> Result<(), EngineError> {
    let field = format!("account.positions[{i}].symbol");
    if earlier.side == holding.side {
        return Err(EngineError::invalid(
            field,
            format!(
                "{} {} is listed twice: give one row with the whole size",
                holding.symbol,
                holding.side.word()
            ),
        ));
    }
    if venue.facts().one_way {
        return Err(EngineError::unsupported(
            field,
            format!(
                "{} is listed long and short: {} keeps one position a market",
                holding.symbol,
                venue.title()
            ),
        ));
    }
    Ok(())
}

/// Money of different coins is not added up, unless the caller names one collateral for linear contracts (multi-asset
/// modes convert outside this engine).
fn one_coin(account: &Account, i: usize, first: &Holding, holding: &Holding) -> Result<(), EngineError> {
    let named =
        account.collateral.is_some() && first.leg.payoff == Payoff::Linear && holding.leg.payoff == Payoff::Linear;
    if named || coin(account.venue, first) == coin(account.venue, holding) {
        return Ok(());
    }
    Err(EngineError::unsupported(
        format!("account.positions[{i}].symbol"),
        format!(
            "{} and {} are not margined in one coin: give each collateral its own account",
            first.symbol, holding.symbol
        ),
    ))
}

/// The coin before the quote in a symbol.
fn base(symbol: &str) -> &str {
    let end = symbol.find("USD").or_else(|| symbol.find('-')).unwrap_or(symbol.len());
    symbol[..end].trim_end_matches('-')
}

/// The coin a position is margined in, as its venue and symbol tell it.
fn coin(venue: Venue, holding: &Holding) -> String {
    match (holding.kind, venue) {
        (InstrumentKind::Inverse, _) => base(&holding.symbol).to_owned(),
        (InstrumentKind::Pool, _) => "USD".to_owned(),
        (_, Venue::Binance) if holding.symbol == "ETHBTC" => "BTC".to_owned(),
        _ => ["USDC", "USD1"]
            .into_iter()
            .find(|c| holding.symbol.ends_with(c) || holding.symbol.contains(&format!("-{c}")))
            .unwrap_or(venue.facts().settle)
            .to_owned(),
    }
}

/// Fields that were given and do not count in this mode, said rather than passed over.
fn unused(account: &Account) -> Vec<String> {
    let mut out = Vec::new();
    let mut say = |given: bool, text: &str| {
        if given {
            out.push(text.to_owned());
        }
    };
    match account.margin_mode {
        MarginMode::Cross => {
            say(
                account.account_value.is_some() && account.wallet_balance.is_some(),
                "account_value is used; wallet_balance is not",
            );
            say(
                account
                    .positions
                    .iter()
                    .any(|p| p.margin.is_some() || p.extra_margin.is_some()),
                "margin of single positions is not used: the whole account stands behind each",
            );
        }
        MarginMode::Isolated => {
            say(
                account.wallet_balance.is_some() || account.account_value.is_some(),
                "wallet balance and account value are not used: each position has its own margin",
            );
            say(
                account.other_maintenance_margin.is_some(),
                "other_maintenance_margin is not used: each position has its own margin",
            );
        }
    }
    out
}

pub(super) fn liquidation(request: &LiquidationRequest, explain: bool) -> Result<LiquidationResponse, EngineError> {
    let account = &request.account;
    let mut prepared = prepare(account)?;
    for (symbol, beta) in &request.betas {
        units::between(format_args!("betas.{symbol}"), *beta, -10.0, 10.0)?;
        for h in prepared.holdings.iter_mut().filter(|h| h.symbol == *symbol) {
            h.beta = *beta;
        }
    }
    let Prepared {
        holdings,
        tiers,
        assumptions,
        collateral,
        cash,
        other,
    } = prepared;
    let (positions, total, pairs) = room::room(account.margin_mode, cash, other, &holdings);
    let rule = account.venue.rule();
    let explanation = explain.then(|| {
        holdings
            .iter()
            .zip(&positions)
            .flat_map(|(h, p)| {
                let behind = match account.margin_mode {
                    MarginMode::Isolated => h.cash,
                    MarginMode::Cross => {
                        let others = holdings.iter().filter(|o| o.symbol != h.symbol);
                        cash - other
                            + others
                                .map(|o| o.leg.value(o.leg.mark_x) - o.leg.requirement(o.leg.mark_x))
                                .sum::<f64>()
                    }
                };
                explain::position(h, p, account.margin_mode, behind, &collateral, rule)
            })
            .collect()
    });
    Ok(LiquidationResponse {
        positions,
        account: total,
        pairs,
        collateral,
        rule: rule.into(),
        tiers,
        assumptions,
        explanation,
    })
}
