//! The deterministic spiral: a shock liquidates some, their orders go through the book and move the price, which liquidates
//! more, until nobody is left or the book is empty.
//!
//! Everything that can be liquidated at a price is, in the order of liquidation prices, so one pass over the sorted wallets
//! and one over the book find the fixed point: n log n for sorting, then n.

/// A position on the side that the shock hurts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exposed {
    pub size: f64,
    pub liquidation_price: f64,
}

/// What happened while the price stood still for new liquidations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Round {
    /// Before and after its orders.
    pub from: f64,
    pub to: f64,
    pub wallets: usize,
    pub size: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Spiral {
    pub final_price: f64,
    pub wallets: usize,
    pub size: f64,
    /// What the book took: size times the price of the level, summed.
    pub filled_notional: f64,
    /// Size that found no level any more.
    pub unfilled: f64,
    pub exhausted: bool,
    pub rounds: Vec<Round>,
}

/// Runs to the end. `falling`: the price went down and longs are exposed, which must be sorted by liquidation price, the
/// first to be liquidated first; `levels` are those beyond `price`, best first.
pub fn run(price: f64, falling: bool, exposed: &[Exposed], levels: &[(f64, f64)]) -> Spiral {
    let reached = |p: f64, level: f64| if falling { p <= level } else { p >= level };
    let mut out = Spiral {
        final_price: price,
        wallets: 0,
        size: 0.0,
        filled_notional: 0.0,
        unfilled: 0.0,
        exhausted: false,
        rounds: Vec::new(),
    };
    let mut book = levels.iter().copied().filter(|l| l.1 > 0.0).peekable();
    let mut left = book.peek().map_or(0.0, |l| l.1);
    let mut next = 0;
    while next < exposed.len() && reached(out.final_price, exposed[next].liquidation_price) {
        let from = out.final_price;
        let mut round = Round {
            from,
            to: from,
            wallets: 0,
            size: 0.0,
        };
        // Everyone that this price reaches, whatever their own orders do to it.
        while next < exposed.len() && reached(from, exposed[next].liquidation_price) {
            if book.peek().is_none() {
                out.exhausted = true;
                break;
            }
            let mut wanted = exposed[next].size;
            out.wallets += 1;
            out.size += wanted;
            round.wallets += 1;
            round.size += wanted;
            next += 1;
            while wanted > 0.0 {
                let Some(level) = book.peek().copied() else {
                    out.exhausted = true;
                    out.unfilled += wanted;
                    break;
                };
                let taken = wanted.min(left);
                wanted -= taken;
                left -= taken;
                out.filled_notional += taken * level.0;
                out.final_price = level.0;
                if left <= 0.0 {
                    book.next();
                    left = book.peek().map_or(0.0, |l| l.1);
                }
            }
        }
        round.to = out.final_price;
        out.rounds.push(round);
        if out.exhausted {
            break;
        }
    }
    out
}
