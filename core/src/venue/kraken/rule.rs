//! Margin rule of Kraken Futures' linear perpetuals: equity at the mark price against the maintenance rate of the position's level.
//!
//! Whether a position pays the rate of its level on all of it or slice by slice is not said in any copy of the rules that was found;
//! it is counted on all of it, the stricter reading.

use crate::error::EngineError;
use crate::margin::Holding;
use crate::market::{InstrumentKind, TierUnit};
use crate::venue::rule::{Checked, RuleSource};

pub const RULE: RuleSource = RuleSource {
    name: "Kraken Futures multi-collateral",
    condition: "equity = Σ size·mark·maintenance rate of the level",
    source: "krakenfx/api-specs (instruments: marginLevels) and Kraken's support pages",
    as_of: "2026-09",
    trigger: "mark price",
};

pub fn holding(c: &mut Checked) -> Result<Holding, EngineError> {
    if c.instrument.kind != InstrumentKind::Linear {
        return Err(EngineError::unsupported(
            c.at("instrument.kind"),
            "linear contracts (PF_) alone are counted at Kraken",
        ));
    }
    let tiers = c.tiers(TierUnit::Notional)?;
    let leg = c.leg(tiers.rows().to_vec())?;
    c.holding(leg, &tiers)
}
