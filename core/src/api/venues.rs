//! Operation `venues`: the same exposure on each venue, and what the differences come from.

use super::funding::funding;
use super::liquidation::liquidation;
use super::probability::probability;
use super::request::{FundingRequest, LiquidationRequest, ModelChoice, ProbabilityRequest};
use super::response::CostQuantiles;
use super::{Progress, Step, checks};
use crate::error::EngineError;
use crate::funding::interval_of;
use crate::market::{
    Account, Collateral, CollateralToken, Instrument, Market, Position, Tiers, Venue, tiers::TierUnit,
};
use crate::units::{self, MarginMode, Side};
use crate::venue::snapshot;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is wanted, wherever it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct VenueCandidate {
    /// "BTC"; each venue's own symbol follows from it unless given in `terms`.
    pub asset: String,
    pub side: Side,
    /// Quote units at the price.
    pub notional: f64,
    /// Quote units, isolated.
    pub margin: f64,
    #[serde(alias = "horizon")]
    pub horizon_hours: f64,
    /// Where a venue's own is not in `terms`; else the last close of its candles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<f64>,
}

/// What is particular to one venue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct VenueTerms {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// What triggers liquidation there: its mark or oracle price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<f64>,
    /// Else from the shipped snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<Instrument>,
    /// The user's own, after tier and discounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taker_fee: Option<f64>,
    /// Pool venues: what the collateral is held in; "stable" if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collateral_token: Option<CollateralToken>,
    /// Pool venues: borrowing an hour as a fraction of notional.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub borrow_rate: Option<f64>,
    /// Pool venues: USD of opening and closing together; negative: the trader pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_impact: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct VenuesRequest {
    pub candidate: VenueCandidate,
    /// By venue: candles or a volatility, funding, and a book for the cost of leaving.
    #[cfg_attr(feature = "wasm", tsify(type = "Partial<Record<Venue, Market>>"))]
    pub markets: BTreeMap<String, Market>,
    /// By venue.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "wasm", tsify(type = "Partial<Record<Venue, VenueTerms>>", optional))]
    pub terms: BTreeMap<String, VenueTerms>,
    /// `[venue, share]`: the exposure and the margin divided, shares adding up to 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub split: Vec<(Venue, f64)>,
    /// "auto" where there are candles, "gbm" where there are none, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelChoice>,
    /// 0.002 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_standard_error: Option<f64>,
    #[serde(default)]
    pub seed: u32,
}

/// One venue. Money in quote units; a positive cost is paid. Null: not known, and why is in `notes` or `error`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct VenueRow {
    pub venue: Venue,
    pub symbol: String,
    pub price: Option<f64>,
    pub liquidation_price: Option<f64>,
    pub distance: Option<f64>,
    /// The price that decides.
    pub trigger: String,
    pub maintenance_margin: Option<f64>,
    pub maintenance_margin_rate: Option<f64>,
    pub max_leverage: Option<f64>,
    pub leverage: f64,
    pub probability: Option<f64>,
    pub standard_error: Option<f64>,
    /// Over the horizon; negative is received.
    pub funding_cost: Option<f64>,
    pub funding_quantiles: Option<CostQuantiles>,
    pub borrow_cost: Option<f64>,
    /// Opening and closing.
    pub fees: Option<f64>,
    /// Of leaving through the book, or the pool's price impact.
    pub exit_cost: Option<f64>,
    /// Sum of the known parts.
    pub total_cost: Option<f64>,
    /// What the venue does with a position that is liquidated, and where a loss beyond it goes.
    pub liquidation: String,
    pub notes: Vec<String>,
    pub error: Option<EngineError>,
}

/// The exposure divided: positions that stand and fall by themselves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct SplitAnswer {
    pub rows: Vec<VenueRow>,
    /// Both follow one price: the chance that at least one is liquidated lies between these.
    pub any_probability: Option<[f64; 2]>,
    /// Of the notional that is lost on average: the chances weighted by share.
    pub expected_share_liquidated: Option<f64>,
    pub total_cost: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct VenuesResponse {
    /// In the order of [`Venue::ALL`].
    pub rows: Vec<VenueRow>,
    /// What the differences come from, a sentence each.
    pub differences: Vec<String>,
    /// Venues whose price is further than 5 % from the middle of all.
    pub out_of_line: Vec<Venue>,
    pub split: Option<SplitAnswer>,
    pub assumptions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub explanation: Option<Vec<Step>>,
}

/// Further than this from the middle of all venues, a price is not to be trusted.
const OUT_OF_LINE: f64 = 0.05;

fn venue_of(name: &str) -> Result<Venue, EngineError> {
    Venue::of(name).ok_or_else(|| EngineError::invalid(format!("markets.{name}"), "is not a venue of this version"))
}

struct Wanted<'a> {
    request: &'a VenuesRequest,
    venue: Venue,
    market: &'a Market,
    terms: VenueTerms,
    notional: f64,
    margin: f64,
}

impl<'a> Wanted<'a> {
    fn new(request: &'a VenuesRequest, venue: Venue, share: f64) -> Result<Self, EngineError> {
        let market = request
            .markets
            .get(venue.word())
            .ok_or_else(|| EngineError::insufficient(format!("markets.{venue}"), "is missing"))?;
        Ok(Self {
            request,
            venue,
            market,
            terms: request.terms.get(venue.word()).cloned().unwrap_or_default(),
            notional: request.candidate.notional * share,
            margin: request.candidate.margin * share,
        })
    }

    fn symbol(&self) -> String {
        let own = self.terms.symbol.clone();
        own.unwrap_or_else(|| self.venue.facts().symbol(&self.request.candidate.asset))
    }

    /// The venue's own, the candidate's, the last close.
    fn price(&self) -> Option<f64> {
        let close = || self.market.candles.as_ref()?.rows.last().map(|r| r.4);
        self.terms.price.or(self.request.candidate.price).or_else(close)
    }

    fn instrument(&self) -> Option<Instrument> {
        let listed = || snapshot::lookup(self.venue, &self.symbol()).map(|(i, ..)| i);
        self.terms.instrument.clone().or_else(listed)
    }

    fn taker_fee(&self) -> f64 {
        let listed = || self.instrument().and_then(|i| i.taker_fee);
        self.terms
            .taker_fee
            .or_else(listed)
            .unwrap_or(self.venue.facts().taker_fee)
    }

    fn position(&self, price: f64) -> Position {
        let size = self.notional / price;
        let pool = self.venue.facts().pool;
        let token = self.terms.collateral_token.unwrap_or(CollateralToken::Stable);
        let token_price = if token == CollateralToken::Index { price } else { 1.0 };
        let mut instrument = self.instrument();
        if let (Some(i), Some(fee)) = (&mut instrument, self.terms.taker_fee) {
            i.taker_fee = Some(fee);
        }
        Position {
            margin: (!pool).then_some(self.margin),
            leverage: (!pool).then_some(self.notional / self.margin),
            collateral: pool.then_some(Collateral {
                token,
                amount: self.margin / token_price,
                price: token_price,
            }),
            price_impact: self.terms.price_impact.filter(|_| pool).map(|i| i.min(0.0)),
            instrument,
            ..Position::at_mark(self.symbol(), self.request.candidate.side, size, price)
        }
    }

    /// The market with borrowing paid like funding by the side that is held.
    fn market_with_borrowing(&self) -> Market {
        let mut m = self.market.clone();
        if let Some(borrow) = self.terms.borrow_rate {
            let s = self.request.candidate.side.sign();
            let history = m.funding.as_deref().unwrap_or(&[]);
            let hours = m.funding_interval_hours.or_else(|| interval_of(history)).unwrap_or(1.0);
            let more = s * borrow * hours;
            if m.funding_rate.is_some() || history.is_empty() {
                m.funding_interval_hours = Some(hours);
                m.funding_rate = Some(m.funding_rate.unwrap_or(0.0) + more);
            }
            for row in m.funding.iter_mut().flatten() {
                row.1 += more;
            }
        }
        m
    }

    fn row(&self, progress: &mut dyn FnMut(Progress)) -> VenueRow {
        let mut row = VenueRow {
            venue: self.venue,
            symbol: self.symbol(),
            price: self.price(),
            liquidation_price: None,
            distance: None,
            trigger: self.venue.rule().trigger.to_owned(),
            maintenance_margin: None,
            maintenance_margin_rate: None,
            max_leverage: None,
            leverage: self.notional / self.margin,
            probability: None,
            standard_error: None,
            funding_cost: None,
            funding_quantiles: None,
            borrow_cost: None,
            fees: None,
            exit_cost: None,
            total_cost: None,
            liquidation: self.venue.facts().procedure.to_owned(),
            notes: Vec::new(),
            error: None,
        };
        // A venue that cannot answer does not take the others with it.
        if let Err(e) = self.fill(&mut row, progress) {
            row.error = Some(e);
        }
        row
    }

    fn fill(&self, row: &mut VenueRow, progress: &mut dyn FnMut(Progress)) -> Result<(), EngineError> {
        let field = format!("markets.{}", self.venue);
        let candidate = &self.request.candidate;
        let price = self.price().ok_or_else(|| {
            EngineError::insufficient(
                format!("terms.{}.price", self.venue),
                "is missing: neither a price nor candles are given",
            )
        })?;
        units::price(format!("terms.{}.price", self.venue), price)?;
        let fee = units::between(format!("terms.{}.taker_fee", self.venue), self.taker_fee(), -0.01, 0.1)?;
        row.fees = Some(2.0 * fee * self.notional);
        if self.terms.taker_fee.is_none() {
            row.notes.push(format!("taker fee {fee}: without tier or discount"));
        }
        let position = self.position(price);
        let account = Account {
            venue: self.venue,
            margin_mode: MarginMode::Isolated,
            wallet_balance: None,
            account_value: None,
            other_maintenance_margin: None,
            collateral: None,
            positions: vec![position.clone()],
        };
        let room = liquidation(
            &LiquidationRequest {
                account: account.clone(),
                betas: BTreeMap::new(),
            },
            false,
        )?;
        let p = &room.positions[0];
        row.liquidation_price = p.liquidation_price;
        row.distance = p.distance;
        row.maintenance_margin = Some(p.maintenance_margin);
        row.maintenance_margin_rate = Some(p.tier.maintenance_margin_rate);
        row.notes.extend(room.assumptions);
        if let Some(i) = position.instrument.as_ref().filter(|i| !i.tiers.is_empty()) {
            let unit = self.venue.facts().tier_unit;
            let value = if unit == TierUnit::Contracts {
                position.size / i.contract_size.unwrap_or(1.0)
            } else {
                self.notional
            };
            if let Ok(tiers) = Tiers::new("tiers", &i.tiers, unit) {
                let most = tiers.row(value).max_leverage;
                row.max_leverage = Some(most);
                if row.leverage > most * (1.0 + 1e-9) {
                    row.notes.push(format!(
                        "{:.1}x is more than the {most}x allowed at this size",
                        row.leverage
                    ));
                }
            }
        }
        self.costs(row, &position, price)?;
        let market = self.market_with_borrowing();
        let model = self.request.model.clone().unwrap_or(ModelChoice {
            kind: if market.candles.is_some() { "auto" } else { "gbm" }.to_owned(),
            step_hours: None,
        });
        let chance = probability(
            &ProbabilityRequest {
                account,
                markets: BTreeMap::from([(position.symbol.clone(), market)]),
                correlations: Vec::new(),
                horizons_hours: vec![candidate.horizon_hours],
                model,
                target_standard_error: Some(self.request.target_standard_error.unwrap_or(0.002)),
                target_probability: None,
                leverages: Vec::new(),
                seed: self.request.seed,
            },
            false,
            progress,
        )
        .map_err(|e| EngineError {
            field: e.field.replace(&format!("markets.{}", position.symbol), &field),
            ..e
        })?;
        row.probability = chance.horizons.first().map(|h| h.probability);
        row.standard_error = chance.horizons.first().map(|h| h.standard_error);
        Ok(())
    }

    fn costs(&self, row: &mut VenueRow, position: &Position, price: f64) -> Result<(), EngineError> {
        let candidate = &self.request.candidate;
        if self.market.funding.is_some() || self.market.funding_rate.is_some() {
            let told = funding(
                &FundingRequest {
                    position: position.clone(),
                    market: self.market.clone(),
                    horizon_hours: candidate.horizon_hours,
                    venue: Some(self.venue),
                },
                false,
            )
            .map_err(|e| EngineError {
                field: e.field.replacen("market", &format!("markets.{}", self.venue), 1),
                ..e
            })?;
            row.funding_cost = Some(told.expected_cost);
            row.funding_quantiles = told.cost_quantiles;
        } else {
            row.notes.push("no funding is given: none is counted".to_owned());
        }
        if let Some(rate) = self.terms.borrow_rate {
            let at = format!("terms.{}.borrow_rate", self.venue);
            row.borrow_cost = Some(units::between(at, rate, 0.0, 0.1)? * self.notional * candidate.horizon_hours);
        } else if self.venue.facts().pool {
            row.notes.push("no borrowing rate is given: none is counted".to_owned());
        } else {
            row.borrow_cost = Some(0.0);
        }
        row.exit_cost = match (&self.market.book, self.terms.price_impact) {
            (_, Some(impact)) if self.venue.facts().pool => {
                Some(-units::money(format!("terms.{}.price_impact", self.venue), impact)?)
            }
            (Some(book), _) => {
                checks::book(book, &format!("markets.{}.book", self.venue))?;
                let middle = book.middle().unwrap_or(price);
                let cost = book.cost(candidate.side == Side::Long, position.size, middle);
                if cost.is_none() {
                    row.notes
                        .push("the levels given do not hold the position: the cost of leaving is not known".to_owned());
                }
                cost
            }
            _ => {
                row.notes
                    .push("no book is given: the cost of leaving is not counted".to_owned());
                None
            }
        };
        let parts = [row.funding_cost, row.borrow_cost, row.fees, row.exit_cost];
        row.total_cost = Some(parts.into_iter().flatten().sum());
        Ok(())
    }
}

/// The two ends of a column, with what makes them differ.
fn differences(rows: &[VenueRow]) -> Vec<String> {
    let ends = |of: &dyn Fn(&VenueRow) -> Option<f64>| -> Option<(&VenueRow, f64, &VenueRow, f64)> {
        let known: Vec<(&VenueRow, f64)> = rows.iter().filter_map(|r| Some((r, of(r)?))).collect();
        let low = known.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
        let high = known.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
        (high.1 > low.1 * (1.0 + 1e-9) || high.1 > low.1 + 1e-12).then_some((low.0, low.1, high.0, high.1))
    };
    let mut out = Vec::new();
    if let Some((near, a, far, b)) = ends(&|r| r.distance) {
        let rate = |r: &VenueRow| r.maintenance_margin_rate.unwrap_or(0.0) * 100.0;
        out.push(format!(
            "Liquidation is nearest on {} ({:.2} % away) and farthest on {} ({:.2} %): maintenance is {:.2} % there against {:.2} % at this size.",
            near.venue.title(),
            100.0 * a,
            far.venue.title(),
            100.0 * b,
            rate(near),
            rate(far),
        ));
    }
    if let Some((low, a, high, b)) = ends(&|r| r.funding_cost) {
        out.push(format!(
            "Funding over the horizon runs from {a:.2} on {} to {b:.2} on {}: each venue sets its own rate.",
            low.venue.title(),
            high.venue.title()
        ));
    }
    if let Some((low, a, high, b)) = ends(&|r| r.fees) {
        out.push(format!(
            "Fees in and out run from {a:.2} on {} to {b:.2} on {}: the taker rates of these users.",
            low.venue.title(),
            high.venue.title()
        ));
    }
    if let Some((low, a, high, b)) = ends(&|r| r.exit_cost) {
        out.push(format!(
            "Leaving at once costs from {a:.2} on {} to {b:.2} on {}: the depth of the books, or the pool's impact.",
            low.venue.title(),
            high.venue.title()
        ));
    }
    if let Some((low, a, high, b)) = ends(&|r| r.probability) {
        let error = low.standard_error.unwrap_or(0.0) + high.standard_error.unwrap_or(0.0);
        if b - a > 2.0 * error {
            out.push(format!(
                "The chance of liquidation runs from {:.2} % on {} to {:.2} % on {}: more than the error of either.",
                100.0 * a,
                low.venue.title(),
                100.0 * b,
                high.venue.title()
            ));
        }
    }
    out
}

/// Venues whose price is far from the middle one: needs three.
fn out_of_line(rows: &[VenueRow]) -> Vec<Venue> {
    let mut prices: Vec<f64> = rows.iter().filter_map(|r| r.price).collect();
    if prices.len() < 3 {
        return Vec::new();
    }
    prices.sort_by(f64::total_cmp);
    let n = prices.len();
    let middle = 0.5 * (prices[(n - 1) / 2] + prices[n / 2]);
    rows.iter()
        .filter(|r| r.price.is_some_and(|p| (p / middle - 1.0).abs() > OUT_OF_LINE))
        .map(|r| r.venue)
        .collect()
}

fn check(request: &VenuesRequest) -> Result<(), EngineError> {
    let c = &request.candidate;
    if c.asset.is_empty() || c.asset.len() > 30 {
        return Err(EngineError::invalid("candidate.asset", "must be 1 to 30 characters"));
    }
    units::between("candidate.notional", c.notional, 1e-6, 1e15)?;
    units::between("candidate.margin", c.margin, 1e-6, 1e15)?;
    units::horizon_hours("candidate.horizon_hours", c.horizon_hours)?;
    if let Some(p) = c.price {
        units::price("candidate.price", p)?;
    }
    if let Some(t) = request.target_standard_error {
        units::between("target_standard_error", t, 1e-5, 0.5)?;
    }
    if request.markets.is_empty() {
        return Err(EngineError::insufficient("markets", "is empty: one venue at least"));
    }
    for name in request.markets.keys().chain(request.terms.keys()) {
        venue_of(name)?;
    }
    if !request.split.is_empty() {
        let mut sum = 0.0;
        for (k, (_, share)) in request.split.iter().enumerate() {
            sum += units::between(format_args!("split[{k}][1]"), *share, 1e-6, 1.0)?;
        }
        if (sum - 1.0).abs() > 1e-9 {
            return Err(EngineError::invalid(
                "split",
                format!("shares must add up to 1; got {sum}"),
            ));
        }
    }
    Ok(())
}

pub(super) fn venues(
    request: &VenuesRequest,
    explain: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<VenuesResponse, EngineError> {
    check(request)?;
    let asked: Vec<Venue> = Venue::ALL
        .into_iter()
        .filter(|v| request.markets.contains_key(v.word()))
        .collect();
    let parts = (asked.len() + request.split.len()) as f64;
    let mut done = 0.0;
    let mut one = |venue: Venue, share: f64| -> Result<VenueRow, EngineError> {
        let row = Wanted::new(request, venue, share)?.row(&mut |p| {
            progress(Progress {
                share: (done + p.share) / parts,
            });
        });
        done += 1.0;
        Ok(row)
    };
    let rows = asked
        .iter()
        .map(|v| one(*v, 1.0))
        .collect::<Result<Vec<VenueRow>, EngineError>>()?;
    let split = if request.split.is_empty() {
        None
    } else {
        let rows = request
            .split
            .iter()
            .map(|(v, share)| one(*v, *share))
            .collect::<Result<Vec<VenueRow>, EngineError>>()?;
        let chances: Option<Vec<f64>> = rows.iter().map(|r| r.probability).collect();
        Some(SplitAnswer {
            any_probability: chances
                .as_ref()
                .map(|p| [p.iter().copied().fold(0.0, f64::max), p.iter().sum::<f64>().min(1.0)]),
            expected_share_liquidated: chances
                .as_ref()
                .map(|p| p.iter().zip(&request.split).map(|(p, (_, share))| p * share).sum()),
            total_cost: rows.iter().map(|r| r.total_cost).sum(),
            rows,
        })
    };
    let explanation = explain.then(|| {
        rows.iter()
            .filter_map(|r| {
                Some(Step::new(
                    format!("total cost on {}", r.venue.title()),
                    "funding + borrowing + fees + leaving",
                    &[
                        ("funding", r.funding_cost.unwrap_or(0.0)),
                        ("borrowing", r.borrow_cost.unwrap_or(0.0)),
                        ("fees", r.fees.unwrap_or(0.0)),
                        ("leaving", r.exit_cost.unwrap_or(0.0)),
                    ],
                    Some(r.total_cost?),
                    "quote units over the horizon",
                    "the parts that are known",
                ))
            })
            .collect()
    });
    Ok(VenuesResponse {
        differences: differences(&rows),
        out_of_line: out_of_line(&rows),
        split,
        rows,
        assumptions: vec![
            "isolated everywhere; each venue's own rule, tiers, funding and price; quote coins are taken as dollars"
                .to_owned(),
        ],
        explanation,
    })
}
