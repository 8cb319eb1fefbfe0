//! Operation `funding`.

use super::explain::Step;
use super::liquidation::instrument;
use super::request::FundingRequest;
use super::response::{CostQuantiles, FundingResponse};
use crate::error::EngineError;
use crate::funding::{Basis, forecast};
use crate::margin::{Holding, Payoff, room};
use crate::market::Venue;
use crate::units::{self, MarginMode};
use crate::venue::rule::Checked;

pub(super) fn funding(request: &FundingRequest, explain: bool) -> Result<FundingResponse, EngineError> {
    let FundingRequest {
        position,
        market,
        horizon_hours,
        venue,
    } = request;
    units::horizon_hours("horizon_hours", *horizon_hours)?;
    let rate = market
        .funding_rate
        .map(|r| units::between("market.funding_rate", r, -1.0, 1.0))
        .transpose()?;
    let interval = market
        .funding_interval_hours
        .map(|h| units::between("market.funding_interval_hours", h, 1.0 / 60.0, 24.0 * 7.0))
        .transpose()?;
    let history = market.funding.as_deref().unwrap_or(&[]);
    for (i, row) in history.iter().enumerate() {
        units::millis(format_args!("market.funding[{i}][0]"), row.0)?;
        units::between(format_args!("market.funding[{i}][1]"), row.1, -1.0, 1.0)?;
        if i > 0 && row.0 <= history[i - 1].0 {
            return Err(EngineError::invalid(
                format!("market.funding[{i}][0]"),
                "must be later than the row before",
            ));
        }
    }

    let rule_venue = venue.unwrap_or(Venue::Binance);
    let (instrument, _) = instrument(rule_venue, "position", position)?;
    let interval = interval.or(instrument.funding_interval_hours);
    let f = forecast(rate, interval, history, *horizon_hours)?;

    // A position with margin or leverage of its own is isolated; otherwise it is one leg of an account not given here.
    let isolated = venue.is_some_and(|v| v.facts().pool)
        || position.margin.is_some()
        || position.leverage.is_some()
        || position.collateral.is_some();
    let mode = if isolated {
        MarginMode::Isolated
    } else {
        MarginMode::Cross
    };
    let mut checked = Checked::new("position".to_owned(), position, &instrument, mode)?;
    let mut holding = rule_venue.holding(&mut checked)?;
    let mut assumptions = checked.assumptions;
    if venue.is_none() {
        assumptions.push("venue not given: the tier rule common to most venues is used".to_owned());
    }
    assumptions.push("each payment is taken on today's notional at mark".to_owned());
    if f.basis == Basis::Given && f.windows > 0 {
        assumptions.push("the expected cost holds the given rate; the quantiles are of the history".to_owned());
    }

    let leg = holding.leg.clone();
    let notional = leg.notional(leg.mark_x);
    let sign = position.side.sign();
    let cost = |summed_rate: f64| sign * summed_rate * notional;
    let expected_cost = cost(f.expected);
    let quantiles = f.quantiles.map(|q| {
        // A short earns what a long pays, so its quantiles come in the opposite order.
        let mut c = q.map(cost);
        c.sort_by(f64::total_cmp);
        CostQuantiles {
            p05: c[0],
            p50: c[1],
            p95: c[2],
        }
    });

    // The cost moves the break-even in the coordinate in which profit is a straight line.
    let effective_x = leg.entry_x + leg.direction * expected_cost / leg.units;
    if effective_x <= 0.0 {
        return Err(EngineError::invalid(
            "horizon_hours",
            "funding over this horizon exceeds the whole entry value: no effective entry price exists",
        ));
    }
    let (before, after) = if isolated {
        let before = liquidation_price(&holding);
        holding.cash -= expected_cost;
        (before, liquidation_price(&holding))
    } else {
        assumptions.push("no margin or leverage given: liquidation prices need the whole cross account".to_owned());
        (None, None)
    };
    let margin = isolated.then_some(holding.initial_margin).filter(|m| *m > 0.0);
    let explanation = explain.then(|| {
        let unit = "collateral";
        vec![
            Step::new(
                "payments within the horizon",
                "horizon / interval",
                &[("horizon", *horizon_hours)],
                Some(f.payments),
                "payments",
                "request",
            ),
            Step::new(
                "summed rate",
                if f.basis == Basis::Given {
                    "rate · payments"
                } else {
                    "mean hourly rate of the history · horizon"
                },
                &[("rate", rate.unwrap_or(f.expected / f.payments.max(1.0)))],
                Some(f.expected),
                "fraction of notional",
                if f.basis == Basis::Given {
                    "request"
                } else {
                    "funding history in the request"
                },
            ),
            Step::new(
                "expected cost",
                "s · summed rate · notional at mark",
                &[("s", sign), ("summed rate", f.expected), ("notional", notional)],
                Some(expected_cost),
                unit,
                "venue: payment at mark",
            ),
            Step::new(
                "cost over margin",
                "expected cost / margin",
                &[("expected cost", expected_cost), ("margin", holding.initial_margin)],
                margin.map(|m| expected_cost / m),
                "fraction",
                "this engine",
            ),
            Step::new(
                "effective entry price",
                if leg.payoff == Payoff::Linear {
                    "entry + s · cost / units"
                } else {
                    "1 / (1/entry − s · cost / units)"
                },
                &[
                    ("entry", leg.payoff.x(leg.entry_x)),
                    ("s", sign),
                    ("cost", expected_cost),
                    ("units", leg.units),
                ],
                Some(leg.payoff.x(effective_x)),
                "price",
                "this engine",
            ),
            Step::new(
                "liquidation price after funding",
                "liquidation price with margin less the expected cost",
                &[("cost", expected_cost)],
                after,
                "price",
                rule_venue.rule().source,
            ),
        ]
    });
    Ok(FundingResponse {
        expected_cost,
        cost_quantiles: quantiles,
        annualised_rate: f.annualised,
        cost_over_margin: margin.map(|m| expected_cost / m),
        effective_entry_price: leg.payoff.x(effective_x),
        liquidation_price: before,
        liquidation_price_after: after,
        basis: if f.basis == Basis::Given { "given" } else { "history" }.to_owned(),
        payments: f.payments,
        windows: f.windows,
        assumptions,
        explanation,
    })
}

fn liquidation_price(isolated: &Holding) -> Option<f64> {
    room::room(MarginMode::Isolated, 0.0, 0.0, std::slice::from_ref(isolated))
        .0
        .pop()
        .and_then(|p| p.liquidation_price)
}
