//! GMX's answers to our words: oracle prices and pools of its own servers, positions of its indexer.
//!
//! Amounts of dollars are 10^30 there, prices 10^(30 − decimals of the token), amounts of a token 10^decimals. Rates are a year's,
//! and a positive one is paid by that side.

use super::pool::liquidation_price;
use super::rule::{MIN_COLLATERAL_USD, RULE};
use super::tokens;
use crate::error::EngineError;
use crate::market::{Quote, Wallet};
use crate::units::{self, Side};
use crate::venue::wire::{self, Hint, Normalised, PoolState, Wire};
use crate::venue::{Venue, snapshot};

type Read<T> = Result<T, EngineError>;

const USD: i32 = 30;
const HOURS: f64 = 8760.0;

pub(super) fn normalise(endpoint: &str, body: &Wire, hint: &Hint) -> Option<Read<Normalised>> {
    Some(match endpoint {
        "tickers" => tickers(body),
        "markets_info" => markets_info(body),
        "candles" => candles(body, hint),
        "positions" => positions(body, hint),
        "liquidations" => liquidations(body, hint),
        _ => return None,
    })
}

fn tickers(body: &Wire) -> Read<Normalised> {
    let mut out = Normalised::default();
    let mut unknown = 0;
    for t in body.list()? {
        let symbol = t.get("tokenSymbol")?.text()?;
        let Some(decimals) = tokens::decimals(symbol) else {
            unknown += 1;
            continue;
        };
        let price = |name: &str| {
            let w = t.get(name)?;
            units::price(w.path(), w.scaled(USD - decimals)?)
        };
        let (low, high) = (price("minPrice")?, price("maxPrice")?);
        out.quotes.push(Quote {
            symbol: format!("{symbol}-USD"),
            // Longs are judged by the lower, shorts by the higher; they are close.
            mark_price: Some(0.5 * (low + high)),
            index_price: Some(0.5 * (low + high)),
            time: t.opt("updatedAt", Wire::millis)?,
            ..Quote::default()
        });
    }
    if unknown > 0 {
        out.notes
            .push(format!("{unknown} tokens of unknown decimals were left out"));
    }
    Ok(out)
}

fn markets_info(body: &Wire) -> Read<Normalised> {
    let mut out = Normalised::default();
    for m in body.get("markets")?.list()? {
        let name = m.get("name")?.text()?;
        // Markets for swaps alone have no index and no rates.
        let Some((index, _)) = name.split_once("/USD") else {
            continue;
        };
        if m.find("isListed").is_some() && !m.flag("isListed") || m.find("fundingRateLong").is_none() {
            continue;
        }
        let usd = |field: &str| {
            let w = m.get(field)?;
            units::non_negative_money(w.path(), w.scaled(USD)?)
        };
        let rate = |field: &str| {
            let w = m.get(field)?;
            units::between(w.path(), w.scaled(USD)?, -1e4, 1e4)
        };
        out.pools.push(PoolState {
            symbol: format!("{index}-USD"),
            market: m.get("marketToken")?.text()?.to_owned(),
            name: name.to_owned(),
            open_interest: [usd("openInterestLong")?, usd("openInterestShort")?],
            available: [
                m.find("availableLiquidityLong")
                    .map(|_| usd("availableLiquidityLong"))
                    .transpose()?,
                m.find("availableLiquidityShort")
                    .map(|_| usd("availableLiquidityShort"))
                    .transpose()?,
            ],
            funding_rate: [rate("fundingRateLong")?, rate("fundingRateShort")?],
            borrow_rate: [rate("borrowingRateLong")?, rate("borrowingRateShort")?],
        });
    }
    // The market of a coin in which most is held comes first, and speaks for it.
    out.pools.sort_by(|a, b| {
        let held = |p: &PoolState| p.open_interest[0] + p.open_interest[1];
        a.symbol.cmp(&b.symbol).then(held(b).total_cmp(&held(a)))
    });
    for p in &out.pools {
        if out.quotes.last().is_none_or(|q| q.symbol != p.symbol) {
            out.quotes.push(Quote {
                symbol: p.symbol.clone(),
                funding_rate: Some((p.funding_rate[0] / HOURS).clamp(-1.0, 1.0)),
                funding_interval_hours: Some(1.0),
                ..Quote::default()
            });
        }
    }
    out.notes
        .push("the funding rate is that of longs; shorts receive or pay by the ratio of open interest".to_owned());
    Ok(out)
}

/// Rows of [seconds, open, high, low, close], newest first, of the oracle's price.
fn candles(body: &Wire, hint: &Hint) -> Read<Normalised> {
    let mut out = Normalised::default();
    let list = body.get("candles")?;
    let mut rows = Vec::new();
    for r in list.list()? {
        let seconds = r.item(0)?;
        let time = units::millis(seconds.path(), seconds.number()? * 1000.0)?;
        let price = |i: usize| r.item(i)?.price();
        rows.push(wire::candle(&r, time, price(1)?, price(2)?, price(3)?, price(4)?, 0.0)?);
    }
    out.candles = Some(wire::arrange(&list, rows, hint.interval, &mut out.notes)?);
    out.notes.push("oracle prices have no volume".to_owned());
    Ok(out)
}

/// The data of a GraphQL answer, or its refusal.
fn data<'a>(body: &Wire<'a>, name: &str) -> Read<Vec<Wire<'a>>> {
    if let Some(errors) = body.find("errors") {
        let words = errors
            .item(0)
            .and_then(|e| e.get("message")?.text())
            .unwrap_or("no reason given");
        return Err(EngineError::invalid(
            errors.path(),
            format!("GMX's indexer answered: {words}"),
        ));
    }
    body.get("data")?.get(name)?.list()
}

/// Every open position of a market. The indexer gives no liquidation price: it is counted here, where the collateral is a stable
/// coin or the index itself.
fn positions(body: &Wire, hint: &Hint) -> Read<Normalised> {
    let symbol = hint.symbol.ok_or_else(|| {
        EngineError::insufficient(
            "symbol",
            "is missing: the answer does not say whose decimals its amounts have",
        )
    })?;
    let index = symbol.strip_suffix("-USD").unwrap_or(symbol);
    let decimals = tokens::decimals(index)
        .ok_or_else(|| EngineError::unsupported("symbol", format!("the decimals of {index} are not known")))?;
    let factor = snapshot::lookup(Venue::Gmx, symbol).and_then(|(i, ..)| i.min_collateral_factor);
    let factor = factor.ok_or_else(|| {
        EngineError::unsupported(
            "symbol",
            format!("the least collateral of {symbol} is not in the shipped snapshot"),
        )
    })?;
    let mut out = Normalised::default();
    let mut other = 0;
    for p in data(body, "positions")? {
        let side = if p.flag("isLong") { Side::Long } else { Side::Short };
        let amount = |name: &str, decimals: i32| {
            let w = p.get(name)?;
            units::non_negative_money(w.path(), w.scaled(decimals)?)
        };
        let (usd, size) = (amount("sizeInUsd", USD)?, amount("sizeInTokens", decimals)?);
        if usd <= 0.0 || size <= 0.0 {
            continue;
        }
        let token = tokens::collateral(p.get("collateralToken")?.text()?);
        let stable = token.is_some_and(|t| ["USDC", "USDC.e", "USDT", "DAI", "USDe"].contains(&t));
        // Wrapped coins stand for the coin.
        let same = token.is_some_and(|t| t == index || (index == "BTC" && (t == "WBTC.b" || t == "tBTC")));
        let Some(unit) = token.filter(|_| stable || same).and_then(tokens::decimals) else {
            other += 1;
            continue;
        };
        let held = amount("collateralAmount", unit)?;
        // They hold the fee of closing already.
        let fees = p.opt("unrealizedFees", |w| w.scaled(USD))?.unwrap_or(0.0).max(0.0);
        let least = (usd * factor).max(MIN_COLLATERAL_USD);
        let (fixed, coins) = if stable { (held, 0.0) } else { (0.0, held) };
        out.wallets.push(Wallet {
            id: p.get("account")?.text()?.to_owned(),
            side,
            size,
            entry_price: usd / size,
            liquidation_price: liquidation_price(side, usd, size, fixed, coins, fees, least).unwrap_or(0.0),
            margin: Some(fixed + coins * usd / size),
        });
    }
    if other > 0 {
        out.notes.push(format!(
            "{other} positions on other collateral were left out: their level moves with two prices"
        ));
    }
    out.notes.push(format!(
        "liquidation prices are counted by the rule of {}, price impact left out as the rule does",
        RULE.name
    ));
    Ok(out)
}

fn liquidations(body: &Wire, hint: &Hint) -> Read<Normalised> {
    let symbol = hint.symbol.unwrap_or_default();
    let decimals = tokens::decimals(symbol.strip_suffix("-USD").unwrap_or(symbol))
        .ok_or_else(|| EngineError::insufficient("symbol", "is missing, or its decimals are not known"))?;
    let mut out = Normalised::default();
    for t in data(body, "tradeActions")? {
        let seconds = t.get("timestamp")?;
        let time = units::millis(seconds.path(), seconds.number()? * 1000.0)?;
        let price = t.get("executionPrice")?;
        let price = units::price(price.path(), price.scaled(USD - decimals)?)?;
        let usd = t.get("sizeDeltaUsd")?.scaled(USD)?;
        let side = if t.flag("isLong") { Side::Long } else { Side::Short };
        out.liquidations.push((time, side, price, usd / price));
    }
    out.liquidations.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(out)
}
