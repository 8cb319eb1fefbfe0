//! Steps that a person can redo by hand.

use crate::margin::{Holding, Payoff, PositionRoom};
use crate::units::MarginMode;
use crate::venue::rule::RuleSource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A named number that went into a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct Input {
    pub name: String,
    pub value: f64,
}

/// One line of an explanation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct Step {
    pub label: String,
    pub formula: String,
    pub inputs: Vec<Input>,
    /// Null where there is no such number, for instance no liquidation price.
    pub value: Option<f64>,
    pub unit: String,
    pub source: String,
}

impl Step {
    pub(crate) fn new(
        label: impl Into<String>,
        formula: impl Into<String>,
        inputs: &[(&str, f64)],
        value: Option<f64>,
        unit: &str,
        source: &str,
    ) -> Self {
        Self {
            label: label.into(),
            formula: formula.into(),
            inputs: inputs
                .iter()
                .map(|(name, value)| Input {
                    name: (*name).to_owned(),
                    value: *value,
                })
                .collect(),
            value,
            unit: unit.to_owned(),
            source: source.to_owned(),
        }
    }
}

/// The liquidation price of one position, step by step. `cash` is the collateral behind it without its own profit and
/// loss: isolated margin, or for cross the wallet plus what every other position adds less what it requires.
pub(crate) fn position(
    h: &Holding,
    room: &PositionRoom,
    mode: MarginMode,
    cash: f64,
    unit: &str,
    rule: &RuleSource,
) -> Vec<Step> {
    let l = &h.leg;
    let name = &h.symbol;
    let s = h.side.sign();
    let (mark, entry) = (l.payoff.x(l.mark_x), l.payoff.x(l.entry_x));
    let inverse = l.payoff == Payoff::Inverse;
    let mut steps = vec![
        Step::new(
            format!("{name}: notional at mark"),
            if inverse { "units / mark" } else { "units · mark" },
            &[("units", l.units), ("mark", mark)],
            Some(room.notional),
            unit,
            "request",
        ),
        Step::new(
            format!("{name}: unrealised profit and loss"),
            if inverse {
                "s · units · (1/entry − 1/mark)"
            } else {
                "s · units · (mark − entry)"
            },
            &[("s", s), ("units", l.units), ("entry", entry), ("mark", mark)],
            Some(room.unrealised_pnl),
            unit,
            "request",
        ),
        Step::new(
            format!("{name}: maintenance margin at mark"),
            "notional · rate − amount + reserve",
            &[
                ("notional", room.notional),
                ("rate", room.tier.maintenance_margin_rate),
                ("amount", room.tier.maintenance_amount),
                ("reserve", l.reserve),
            ],
            Some(room.maintenance_margin),
            unit,
            rule.source,
        ),
        Step::new(
            if mode == MarginMode::Cross {
                format!("{name}: collateral behind it, the rest of the account at its marks")
            } else {
                format!("{name}: isolated margin")
            },
            if mode == MarginMode::Cross {
                "wallet + profit and loss of the other positions − what they require"
            } else {
                "margin, with the closing-fee reserve where the venue holds one"
            },
            &[],
            Some(cash),
            unit,
            "request",
        ),
    ];
    let at = room.tier_at_liquidation.unwrap_or(room.tier);
    let inputs = [
        ("cash", cash),
        ("s", s),
        ("units", l.units),
        ("entry", entry),
        ("rate", at.maintenance_margin_rate),
        ("amount", at.maintenance_amount),
        ("fee", l.fee_rate),
        ("reserve", l.reserve),
        ("held", l.held),
    ];
    steps.push(Step::new(
        format!(
            "{name}: liquidation price, where equity equals the requirement ({})",
            rule.trigger
        ),
        if inverse {
            "units · (s + rate + fee) / (cash + amount − reserve + s · units / entry)"
        } else {
            "(s · units · entry − cash − amount + reserve) / (units · (s − rate − fee) + held)"
        },
        &inputs,
        room.liquidation_price,
        "price",
        rule.source,
    ));
    steps.push(Step::new(
        format!("{name}: distance"),
        "|liquidation price − mark| / mark, negative when already past it",
        &[("mark", mark)],
        room.distance,
        "fraction of mark",
        "this engine",
    ));
    steps
}
