//! Operation `linked_cascade`: a cascade through several markets whose accounts hold positions in more than one of them.

use super::cascade::Impact;
use super::{Step, checks};
use crate::cascade::depth::{Depth, Law, evaporated};
use crate::cascade::linked::{self, Account, Market, Outcome, Position};
use crate::error::EngineError;
use crate::market::Book;
use crate::units::{self, Side};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const MOST_MARKETS: usize = 100;
const MOST_ACCOUNTS: usize = 200_000;
const MOST_POSITIONS: usize = 1_000_000;
const RATE: f64 = 0.0125;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct LinkedMarket {
    pub symbol: String,
    /// Before the shock.
    pub price: f64,
    /// Outside move, as a fraction; 0 if absent.
    #[serde(default, rename = "move", skip_serializing_if = "Option::is_none")]
    pub fraction: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub book: Option<Book>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<Impact>,
    /// 0.0125 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance_margin_rate: Option<f64>,
    /// Share of a move of the book that enters the mark; 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark_share: Option<f64>,
    /// Depth that is left after a shock of x is exp(−this · x) of it; 0 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaporation: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct LinkedPosition {
    pub symbol: String,
    pub side: Side,
    pub size: f64,
    pub entry_price: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct LinkedAccount {
    pub id: String,
    /// Money behind all positions, without their profit and loss; below zero where losses were taken out of it.
    pub collateral: f64,
    pub positions: Vec<LinkedPosition>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct LinkedCascadeRequest {
    pub markets: Vec<LinkedMarket>,
    pub accounts: Vec<LinkedAccount>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct LinkedResult {
    pub symbol: String,
    pub shocked_price: f64,
    pub final_price: f64,
    pub final_mark: f64,
    /// Move from the price before, as a fraction.
    pub moved: f64,
    /// Size of longs, and of shorts, that was closed.
    pub closed_long: f64,
    pub closed_short: f64,
    /// Where this market would end if every account kept its markets apart, its equity split by notional.
    pub final_price_apart: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct LinkedCascadeResponse {
    pub markets: Vec<LinkedResult>,
    pub liquidated_accounts: usize,
    /// The same with markets kept apart: accounts of which at least one market was closed.
    pub liquidated_accounts_apart: usize,
    /// Accounts closed in each round; the first thousand.
    pub rounds: Vec<usize>,
    pub round_count: usize,
    /// By which closed accounts ended below zero: what an insurance fund, and then winners, carry.
    pub shortfall: f64,
    pub book_exhausted: bool,
    /// The first hundred accounts in the order of their liquidation.
    pub first_accounts: Vec<String>,
    pub assumptions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub explanation: Option<Vec<Step>>,
}

fn depths(m: &LinkedMarket, field: &str, start: f64) -> Result<(Depth, Depth), EngineError> {
    let fraction = m.fraction.unwrap_or(0.0);
    let evaporation = units::between(
        format_args!("{field}.evaporation"),
        m.evaporation.unwrap_or(0.0),
        0.0,
        1000.0,
    )?;
    checks::evaporation(evaporation, fraction, &format!("{field}.evaporation"))?;
    let share = evaporated(evaporation, fraction);
    match (&m.book, m.impact) {
        (Some(book), None) => {
            checks::book(book, &format!("{field}.book"))?;
            if book.bids.iter().all(|l| l.1 <= 0.0) || book.asks.iter().all(|l| l.1 <= 0.0) {
                return Err(EngineError::insufficient(
                    format!("{field}.book"),
                    "a side of it is empty",
                ));
            }
            Ok((
                Depth::of_book(book, m.price, start, true, share),
                Depth::of_book(book, m.price, start, false, share),
            ))
        }
        (None, Some(i)) => {
            units::between(
                format_args!("{field}.impact.notional_per_percent"),
                i.notional_per_percent,
                1e-6,
                1e18,
            )?;
            let law = Law {
                size: i.notional_per_percent / m.price * share,
                reach: 0.01,
                power: units::between(format_args!("{field}.impact.power"), i.power.unwrap_or(1.0), 0.2, 5.0)?,
            };
            Ok((Depth::of_law(start, true, law), Depth::of_law(start, false, law)))
        }
        (Some(_), Some(_)) => Err(EngineError::invalid(
            format!("{field}.impact"),
            "a book and a law are given: one of them",
        )),
        (None, None) => Err(EngineError::insufficient(
            format!("{field}.book"),
            "is missing: a book, or an impact law, is needed",
        )),
    }
}

fn markets(request: &LinkedCascadeRequest) -> Result<Vec<Market>, EngineError> {
    if request.markets.is_empty() || request.markets.len() > MOST_MARKETS {
        return Err(EngineError::invalid(
            "markets",
            format!("must be 1 to {MOST_MARKETS}; got {}", request.markets.len()),
        ));
    }
    let mut out: Vec<Market> = Vec::with_capacity(request.markets.len());
    for (k, m) in request.markets.iter().enumerate() {
        let field = format!("markets[{k}]");
        units::price(format_args!("{field}.price"), m.price)?;
        let fraction = units::between(format_args!("{field}.move"), m.fraction.unwrap_or(0.0), -0.99, 10.0)?;
        if request.markets[..k].iter().any(|other| other.symbol == m.symbol) {
            return Err(EngineError::invalid(format!("{field}.symbol"), "is there twice"));
        }
        let start = m.price * (1.0 + fraction);
        let (bids, asks) = depths(m, &field, start)?;
        out.push(Market {
            start,
            bids,
            asks,
            maintenance_margin_rate: units::between(
                format_args!("{field}.maintenance_margin_rate"),
                m.maintenance_margin_rate.unwrap_or(RATE),
                0.0,
                0.5,
            )?,
            mark_share: units::between(
                format_args!("{field}.mark_share"),
                m.mark_share.unwrap_or(1.0),
                0.0,
                1.0,
            )?,
        });
    }
    Ok(out)
}

fn accounts(request: &LinkedCascadeRequest) -> Result<Vec<Account>, EngineError> {
    if request.accounts.is_empty() {
        return Err(EngineError::insufficient("accounts", "is empty: no position is known"));
    }
    let positions: usize = request.accounts.iter().map(|a| a.positions.len()).sum();
    if request.accounts.len() > MOST_ACCOUNTS || positions > MOST_POSITIONS {
        return Err(EngineError::invalid(
            "accounts",
            format!(
                "at most {MOST_ACCOUNTS} accounts and {MOST_POSITIONS} positions; got {} and {positions}",
                request.accounts.len()
            ),
        ));
    }
    let mut out = Vec::with_capacity(request.accounts.len());
    for (i, a) in request.accounts.iter().enumerate() {
        let collateral = units::between(format_args!("accounts[{i}].collateral"), a.collateral, -1e15, 1e15)?;
        let mut held = Vec::with_capacity(a.positions.len());
        for (j, p) in a.positions.iter().enumerate() {
            let field = format!("accounts[{i}].positions[{j}]");
            let market = request
                .markets
                .iter()
                .position(|m| m.symbol == p.symbol)
                .ok_or_else(|| {
                    EngineError::invalid(
                        format!("{field}.symbol"),
                        format!("{} is not among the markets", p.symbol),
                    )
                })?;
            held.push(Position {
                market,
                size: p.side.sign() * units::size(format_args!("{field}.size"), p.size)?,
                entry_price: units::price(format_args!("{field}.entry_price"), p.entry_price)?,
            });
        }
        out.push(Account {
            collateral,
            positions: held,
        });
    }
    Ok(out)
}

/// The accounts with their markets kept apart: equity before the shock split by notional. Beside each, whose it is.
fn apart(accounts: &[Account], request: &LinkedCascadeRequest) -> (Vec<Account>, Vec<usize>) {
    let (mut out, mut owners) = (Vec::new(), Vec::new());
    for (i, a) in accounts.iter().enumerate() {
        let price = |p: &Position| request.markets[p.market].price;
        let gain = |p: &Position| p.size * (price(p) - p.entry_price);
        let notional = |p: &Position| p.size.abs() * price(p);
        let (equity, all) = a
            .positions
            .iter()
            .fold((a.collateral, 0.0), |sum, p| (sum.0 + gain(p), sum.1 + notional(p)));
        for p in &a.positions {
            out.push(Account {
                collateral: equity * notional(p) / all - gain(p),
                positions: vec![Position { ..*p }],
            });
            owners.push(i);
        }
    }
    (out, owners)
}

pub(super) fn linked_cascade(
    request: &LinkedCascadeRequest,
    explain: bool,
) -> Result<LinkedCascadeResponse, EngineError> {
    let markets = markets(request)?;
    let accounts = accounts(request)?;
    let found = linked::run(&markets, &accounts);
    let (split, owners) = apart(&accounts, request);
    let alone = linked::run(&markets, &split);
    let mut hit = vec![false; accounts.len()];
    for (k, owner) in owners.iter().enumerate() {
        hit[*owner] |= alone.closed_in[k] > 0;
    }
    let mut assumptions = vec![
        "an account is closed whole in all its markets when its equity is at or under its maintenance margin".to_owned(),
        "longs and shorts closed in one round are set off against each other; what is left goes through the book at one average price".to_owned(),
        "nothing refills a book".to_owned(),
    ];
    if found.cut || alone.cut {
        assumptions.push(format!(
            "given up after {} rounds: more would follow",
            linked::MOST_ROUNDS
        ));
    }
    let mut order: Vec<(u32, usize)> = found.closed_in.iter().copied().zip(0..).filter(|c| c.0 > 0).collect();
    order.sort_unstable();
    let rows = |out: &Outcome, k: usize| LinkedResult {
        symbol: request.markets[k].symbol.clone(),
        shocked_price: markets[k].start,
        final_price: out.final_prices[k],
        final_mark: out.final_marks[k],
        moved: out.final_prices[k] / request.markets[k].price - 1.0,
        closed_long: out.sold[k],
        closed_short: out.bought[k],
        final_price_apart: alone.final_prices[k],
    };
    Ok(LinkedCascadeResponse {
        markets: (0..markets.len()).map(|k| rows(&found, k)).collect(),
        liquidated_accounts: order.len(),
        liquidated_accounts_apart: hit.iter().filter(|h| **h).count(),
        rounds: found.rounds.iter().take(1000).copied().collect(),
        round_count: found.rounds.len(),
        shortfall: found.shortfall,
        book_exhausted: found.exhausted,
        first_accounts: order
            .iter()
            .take(100)
            .map(|o| request.accounts[o.1].id.clone())
            .collect(),
        assumptions,
        explanation: explain.then(|| {
            vec![Step::new(
                "accounts liquidated because their markets are linked",
                "accounts closed with one collateral − accounts closed with markets kept apart",
                &[
                    ("linked", order.len() as f64),
                    ("apart", hit.iter().filter(|h| **h).count() as f64),
                ],
                Some(order.len() as f64 - hit.iter().filter(|h| **h).count() as f64),
                "count",
                "both fixed points, from the same shock",
            )]
        }),
    })
}
