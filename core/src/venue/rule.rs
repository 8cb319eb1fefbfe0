//! What every venue's margin rule starts from: a position whose numbers have been checked.

use crate::error::{EngineError, ErrorCode};
use crate::margin::{Holding, Leg, Payoff};
use crate::market::tiers::Row;
use crate::market::{Instrument, InstrumentKind, Position, TierUnit, Tiers};
use crate::units::{self, MarginMode};
use serde::Serialize;

/// Where a rule comes from, shown beside every number it makes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct RuleSource {
    pub name: &'static str,
    /// The liquidation condition in symbols.
    pub condition: &'static str,
    pub source: &'static str,
    /// Date of the copy the rule was read from.
    pub as_of: &'static str,
    /// The price that is compared with the liquidation price.
    pub trigger: &'static str,
}

/// A position with its numbers in range, and what had to be assumed on the way.
pub struct Checked<'a> {
    pub field: String,
    pub position: &'a Position,
    pub instrument: &'a Instrument,
    pub mode: MarginMode,
    pub size: f64,
    pub entry: f64,
    pub mark: f64,
    pub leverage: Option<f64>,
    /// Quote value of an inverse contract on venues where it never varies.
    pub usual_contract_size: Option<f64>,
    pub assumptions: Vec<String>,
}

impl<'a> Checked<'a> {
    pub fn new(
        field: String,
        position: &'a Position,
        instrument: &'a Instrument,
        mode: MarginMode,
    ) -> Result<Self, EngineError> {
        let at = |name: &str| format!("{field}.{name}");
        let size = units::size(at("size"), position.size)?;
        let entry = match (position.entry_price, position.size_usd) {
            (Some(entry), _) => units::price(at("entry_price"), entry)?,
            (None, Some(usd)) => units::price(at("size_usd"), units::non_negative_money(at("size_usd"), usd)? / size)?,
            (None, None) => return Err(EngineError::invalid(at("entry_price"), "is missing")),
        };
        let mark = units::price(at("mark_price"), position.mark_price)?;
        let leverage = position
            .leverage
            .map(|l| units::leverage(at("leverage"), l))
            .transpose()?;
        for (name, value) in [
            ("margin", position.margin),
            ("extra_margin", position.extra_margin),
            ("accrued_fees", position.accrued_fees),
        ] {
            if let Some(v) = value {
                units::non_negative_money(at(name), v)?;
            }
        }
        if let Some(impact) = position.price_impact {
            units::money(at("price_impact"), impact)?;
        }
        for (name, fee) in [
            ("taker_fee", instrument.taker_fee),
            ("maker_fee", instrument.maker_fee),
            ("liquidation_fee", instrument.liquidation_fee),
        ] {
            if let Some(f) = fee {
                units::between(at(&format!("instrument.{name}")), f, -0.1, 0.1)?;
            }
        }
        if let Some(c) = instrument.contract_size {
            units::size(at("instrument.contract_size"), c)?;
        }
        if let Some(t) = instrument.tick_size {
            units::price(at("instrument.tick_size"), t)?;
        }
        Ok(Self {
            field: field.clone(),
            position,
            instrument,
            mode,
            size,
            entry,
            mark,
            leverage,
            usual_contract_size: None,
            assumptions: Vec::new(),
        })
    }

    pub fn at(&self, name: &str) -> String {
        format!("{}.{name}", self.field)
    }

    pub fn assume(&mut self, text: impl Into<String>) {
        self.assumptions.push(text.into());
    }

    /// The taker fee given, or the venue's fee for a regular user, said as an assumption.
    pub fn taker_fee(&mut self, venue_default: f64) -> f64 {
        self.instrument.taker_fee.unwrap_or_else(|| {
            self.assume(format!(
                "taker fee {venue_default}: the venue's rate for a regular user"
            ));
            venue_default
        })
    }

    pub fn payoff(&self) -> Result<Payoff, EngineError> {
        match self.instrument.kind {
            InstrumentKind::Linear => Ok(Payoff::Linear),
            InstrumentKind::Inverse => Ok(Payoff::Inverse),
            InstrumentKind::Pool => Err(EngineError::unsupported(
                self.at("instrument.kind"),
                "pool positions exist on gmx only",
            )),
        }
    }

    /// Quote value of one inverse contract.
    fn face(&self) -> Result<f64, EngineError> {
        self.instrument
            .contract_size
            .or(self.usual_contract_size)
            .ok_or_else(|| {
                EngineError::invalid(
                    self.at("instrument.contract_size"),
                    "is missing: the quote value of one inverse contract",
                )
            })
    }

    pub fn tiers(&self, unit: TierUnit) -> Result<Tiers, EngineError> {
        Tiers::new(self.at("instrument.tiers"), &self.instrument.tiers, unit)
    }

    /// A leg with the given rows and nothing else held or reserved.
    pub fn leg(&self, rows: Vec<Row>) -> Result<Leg, EngineError> {
        let payoff = self.payoff()?;
        let units = match payoff {
            Payoff::Linear => self.size,
            Payoff::Inverse => self.size * self.face()?,
        };
        let sign = self.position.side.sign();
        let leg = Leg {
            payoff,
            direction: if payoff == Payoff::Linear { sign } else { -sign },
            units,
            entry_x: payoff.x(self.entry),
            mark_x: payoff.x(self.mark),
            rows,
            fee_rate: 0.0,
            reserve: 0.0,
            held: 0.0,
        };
        // Products of accepted numbers are finite, but a notional beyond any market would drown every other term.
        if leg.notional(leg.mark_x) > units::MAX_MONEY || leg.notional(leg.entry_x) > units::MAX_MONEY {
            return Err(EngineError::invalid(
                self.at("size"),
                format!("makes a notional above 1e18; got size {}", self.size),
            ));
        }
        if leg.notional(leg.mark_x) < 1e-18 {
            return Err(EngineError::invalid(
                self.at("size"),
                format!("makes a notional under 1e-18; got size {}", self.size),
            ));
        }
        Ok(leg)
    }

    /// Isolated margin without profit and loss: `margin` if given, else entry notional over leverage, plus `extra_margin`.
    pub fn isolated_margin(&self, leg: &Leg) -> Result<f64, EngineError> {
        Ok(self.opening_margin(leg)? + self.position.extra_margin.unwrap_or(0.0))
    }

    /// The same without margin added later.
    pub fn opening_margin(&self, leg: &Leg) -> Result<f64, EngineError> {
        match (self.position.margin, self.leverage) {
            (Some(margin), _) => Ok(margin),
            (None, Some(leverage)) => Ok(leg.notional(leg.entry_x) / leverage),
            (None, None) => Err(EngineError::invalid(
                self.at("leverage"),
                "is missing: an isolated position needs leverage or margin",
            )),
        }
    }

    /// Leverage for the initial margin of a cross position: as set, else the most that the tier at mark allows.
    pub fn set_leverage(&mut self, leg: &Leg, tiers: &Tiers) -> f64 {
        self.leverage.unwrap_or_else(|| {
            let most = tiers.row(leg.notional(leg.mark_x)).max_leverage;
            self.assume(format!(
                "leverage not given: initial margin at the tier's maximum of {most}x"
            ));
            most
        })
    }

    /// A holding whose initial margin is entry notional over leverage when isolated, mark notional over leverage when
    /// cross: the convention of every venue here but GMX.
    pub fn holding(&mut self, leg: Leg, tiers: &Tiers) -> Result<Holding, EngineError> {
        let (cash, initial_margin) = match self.mode {
            MarginMode::Isolated => {
                let margin = self.isolated_margin(&leg)?;
                (margin, margin)
            }
            MarginMode::Cross => (0.0, leg.notional(leg.mark_x) / self.set_leverage(&leg, tiers)),
        };
        self.note_limits(&leg, tiers);
        Ok(Holding {
            symbol: self.position.symbol.clone(),
            side: self.position.side,
            kind: self.instrument.kind,
            leg,
            cash,
            initial_margin,
            bankrupt_at: 0.0,
            beta: 1.0,
            other_collateral: None,
            inverted_ratio: false,
        })
    }

    /// Says when a position is larger, or more leveraged, than the venue's table allows: shown, not refused, because
    /// positions opened under an older table exist.
    fn note_limits(&mut self, leg: &Leg, tiers: &Tiers) {
        let notional = leg.notional(leg.mark_x);
        if tiers.exceeded_by(notional) {
            self.assume("position is above the venue's largest tier: the last tier's rate is used");
        }
        let most = tiers.row(notional).max_leverage;
        if let Some(l) = self.leverage
            && l > most * (1.0 + 1e-9)
        {
            self.assume(format!(
                "leverage {l}x is above the {most}x that the tier allows at this size"
            ));
        }
    }
}

/// The error for a symbol nobody knows.
pub fn unknown_symbol(field: &str, symbol: &str, venue: crate::market::Venue) -> EngineError {
    let shown: String = symbol.chars().take(40).collect();
    EngineError::new(
        ErrorCode::UnknownSymbol,
        format!("{field}.symbol"),
        format!("'{shown}' is not in the shipped {venue} snapshot: give its `instrument` with tiers"),
    )
}
