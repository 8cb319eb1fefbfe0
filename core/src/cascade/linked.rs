//! A cascade through several markets: an account that holds positions in more than one of them against one collateral is
//! liquidated in all of them when it is due, and so carries the fall of one into the next.
//!
//! In a round all marks stand still. Every account below its maintenance margin is closed whole; what a market's closings leave
//! after longs and shorts are set off against each other goes through its book at one average price; then all marks move.

use super::depth::Depth;

/// One market, from the price after the outside shock on.
pub struct Market {
    pub start: f64,
    /// Depth towards lower and towards higher prices, both from `start`.
    pub bids: Depth,
    pub asks: Depth,
    pub maintenance_margin_rate: f64,
    /// Share of a move of the book that enters the mark price.
    pub mark_share: f64,
}

pub struct Position {
    pub market: usize,
    /// Positive for longs.
    pub size: f64,
    pub entry_price: f64,
}

pub struct Account {
    /// Without profit and loss.
    pub collateral: f64,
    pub positions: Vec<Position>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Of each market: of the book, and of the mark.
    pub final_prices: Vec<f64>,
    pub final_marks: Vec<f64>,
    /// Of each market: closed longs and closed shorts, and what was paid for what the book took.
    pub sold: Vec<f64>,
    pub bought: Vec<f64>,
    /// Accounts closed in each round.
    pub rounds: Vec<usize>,
    /// Round in which an account was closed, from 1; 0: not.
    pub closed_in: Vec<u32>,
    /// Money by which closed accounts ended below zero.
    pub shortfall: f64,
    /// A book ended: the rest was taken at its last price.
    pub exhausted: bool,
    /// Given up before the fixed point: too many rounds.
    pub cut: bool,
}

/// Rounds after which it is given up.
pub const MOST_ROUNDS: usize = 10_000;

pub fn run(markets: &[Market], accounts: &[Account]) -> Outcome {
    let n = markets.len();
    let starts: Vec<f64> = markets.iter().map(|m| m.start).collect();
    let mut out = Outcome {
        final_prices: starts.clone(),
        final_marks: starts,
        sold: vec![0.0; n],
        bought: vec![0.0; n],
        closed_in: vec![0; accounts.len()],
        ..Outcome::default()
    };
    // What has gone through each book in all: positive where more was sold.
    let mut net = vec![0.0; n];
    let mut open: Vec<usize> = (0..accounts.len()).collect();
    loop {
        let due: Vec<usize> = {
            let marks = &out.final_marks;
            let (due, rest) = open.iter().partition(|k| is_due(&accounts[**k], marks, markets));
            open = rest;
            due
        };
        if due.is_empty() {
            break;
        }
        if out.rounds.len() >= MOST_ROUNDS {
            out.cut = true;
            break;
        }
        out.rounds.push(due.len());
        let (mut sold, mut bought) = (vec![0.0; n], vec![0.0; n]);
        for p in due.iter().flat_map(|k| &accounts[*k].positions) {
            let side = if p.size > 0.0 { &mut sold } else { &mut bought };
            side[p.market] += p.size.abs();
        }
        let mut fills = out.final_prices.clone();
        for (k, market) in markets.iter().enumerate() {
            let order = sold[k] - bought[k];
            if order != 0.0 {
                let (before, after) = (market.fetched(net[k]), market.fetched(net[k] + order));
                fills[k] = (after - before) / order;
                net[k] += order;
                let (depth, size) = market.side(net[k]);
                out.exhausted |= size > depth.end();
                out.final_prices[k] = depth.price(size.min(depth.end())).unwrap_or(market.start);
            }
            out.sold[k] += sold[k];
            out.bought[k] += bought[k];
            out.final_marks[k] = market.start + market.mark_share * (out.final_prices[k] - market.start);
        }
        for k in due {
            let a = &accounts[k];
            let end: f64 = a.collateral
                + a.positions
                    .iter()
                    .map(|p| p.size * (fills[p.market] - p.entry_price))
                    .sum::<f64>();
            out.shortfall += (-end).max(0.0);
            out.closed_in[k] = out.rounds.len() as u32;
        }
    }
    out
}

fn is_due(account: &Account, marks: &[f64], markets: &[Market]) -> bool {
    let (mut equity, mut needed) = (account.collateral, 0.0);
    for p in &account.positions {
        let mark = marks[p.market];
        equity += p.size * (mark - p.entry_price);
        needed += p.size.abs() * mark * markets[p.market].maintenance_margin_rate;
    }
    !account.positions.is_empty() && equity <= needed
}

impl Market {
    fn side(&self, net: f64) -> (&Depth, f64) {
        if net >= 0.0 {
            (&self.bids, net)
        } else {
            (&self.asks, -net)
        }
    }

    /// Money for all that was sold in all; negative: paid for what was bought.
    fn fetched(&self, net: f64) -> f64 {
        let (depth, size) = self.side(net);
        depth.notional(size) * if net >= 0.0 { 1.0 } else { -1.0 }
    }
}
