//! What a forced order does to the price: the levels that are seen, then a law fitted to them.

use crate::market::Book;
use libm::{exp, log, pow};

/// Size that can be traded until the price has gone a fraction away: `size·(fraction/reach)^power` beyond what is seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Law {
    pub size: f64,
    pub reach: f64,
    pub power: f64,
}

/// One side of a book, as seen from `start`.
#[derive(Clone, Debug, PartialEq)]
pub struct Depth {
    /// Where levels and law are counted from, and the size that lay between there and the start.
    anchor: f64,
    gone: f64,
    start: f64,
    falling: bool,
    /// Cumulative size and notional, and the price, at the end of each level.
    levels: Vec<(f64, f64, f64)>,
    /// `None`: the book ends where its levels do.
    law: Option<Law>,
}

/// Where a book is thinner than this at its end, its law is not steeper than these.
const POWERS: (f64, f64) = (0.5, 3.0);

impl Depth {
    /// Levels beyond `start`, every size times `share`, and the law behind them, fitted to all levels as seen from `price`: what
    /// lies between `price` and `start` is gone.
    pub fn of_book(book: &Book, price: f64, start: f64, falling: bool, share: f64) -> Self {
        let side = if falling { &book.bids } else { &book.asks };
        let (mut size, mut notional) = (0.0, 0.0);
        let levels: Vec<(f64, f64, f64)> = side
            .iter()
            .filter(|l| l.1 > 0.0 && if falling { l.0 <= price } else { l.0 >= price })
            .map(|(price, quantity)| {
                size += quantity * share;
                notional += quantity * share * price;
                (size, notional, *price)
            })
            .collect();
        let law = fitted(&levels, price);
        let mut out = Self {
            anchor: price,
            gone: 0.0,
            start,
            falling,
            levels,
            law,
        };
        out.gone = out.passed(start);
        out
    }

    /// No levels seen: the law from the price on.
    pub fn of_law(start: f64, falling: bool, law: Law) -> Self {
        Self {
            anchor: start,
            gone: 0.0,
            start,
            falling,
            levels: Vec::new(),
            law: Some(law),
        }
    }

    fn price_at(&self, fraction: f64) -> f64 {
        if self.falling {
            self.anchor * (1.0 - fraction.min(0.999))
        } else {
            self.anchor * (1.0 + fraction)
        }
    }

    fn seen(&self) -> f64 {
        self.levels.last().map_or(0.0, |l| l.0)
    }

    /// Price after `size` has been traded, each trade in turn; `None` where nothing is left.
    pub fn price(&self, size: f64) -> Option<f64> {
        if size <= 0.0 {
            return Some(self.start);
        }
        let (size, seen) = (self.gone + size, self.seen());
        if size <= seen * (1.0 + 1e-12) {
            let k = self
                .levels
                .partition_point(|l| l.0 * (1.0 + 1e-12) < size)
                .min(self.levels.len() - 1);
            return Some(self.levels[k].2);
        }
        let law = self.law?;
        let price = self.price_at(law.reach * pow(size / law.size, 1.0 / law.power));
        // Never better than where it starts.
        Some(if self.falling {
            price.min(self.start)
        } else {
            price.max(self.start)
        })
    }

    /// The same law from another start on, where nothing but a law is known; `None` where there is a book.
    pub fn rebased(&self, start: f64) -> Option<Self> {
        self.law
            .filter(|_| self.levels.is_empty())
            .map(|law| Self::of_law(start, self.falling, law))
    }

    /// Size that lies between the start and a price.
    pub fn size_beyond(&self, price: f64) -> f64 {
        (self.size_to(price) - self.gone).max(0.0)
    }

    /// Size of what is better than a price: gone when the price has jumped there.
    pub fn passed(&self, price: f64) -> f64 {
        let better = |level: f64| if self.falling { level > price } else { level < price };
        let k = self.levels.partition_point(|l| better(l.2));
        if k < self.levels.len() {
            return k.checked_sub(1).map_or(0.0, |j| self.levels[j].0);
        }
        self.size_to(price)
    }

    /// Size that lies between where the book is counted from and a price.
    pub fn size_to(&self, price: f64) -> f64 {
        let beyond = |level: f64| if self.falling { level < price } else { level > price };
        let k = self.levels.partition_point(|l| !beyond(l.2));
        if k < self.levels.len() || self.law.is_none() {
            return k.checked_sub(1).map_or(0.0, |j| self.levels[j].0);
        }
        let fraction = (price / self.anchor - 1.0).abs();
        self.law
            .map_or(0.0, |l| (l.size * pow(fraction / l.reach, l.power)).max(self.seen()))
    }

    /// What `size` costs or fetches in all; beyond the end of the book, at its last price.
    pub fn notional(&self, size: f64) -> f64 {
        self.since_anchor(self.gone + size) - self.since_anchor(self.gone)
    }

    fn since_anchor(&self, size: f64) -> f64 {
        let seen = self.seen();
        if size <= seen {
            let k = self.levels.partition_point(|l| l.0 < size);
            let (before, paid) = k
                .checked_sub(1)
                .map_or((0.0, 0.0), |j| (self.levels[j].0, self.levels[j].1));
            return paid + (size - before) * self.levels.get(k).map_or(self.anchor, |l| l.2);
        }
        let paid = self.levels.last().map_or(0.0, |l| l.1);
        let Some(law) = self.law else {
            return paid + (size - seen) * self.levels.last().map_or(self.anchor, |l| l.2);
        };
        // ∫ of the fraction over size, from what was seen on.
        let p = 1.0 / law.power;
        let moved = |x: f64| law.reach * law.size / (p + 1.0) * pow(x / law.size, p + 1.0);
        let sign = if self.falling { -1.0 } else { 1.0 };
        // Below a thousandth of it the price stays there.
        paid + (self.anchor * ((size - seen) + sign * (moved(size) - moved(seen))))
            .max(self.anchor * 0.001 * (size - seen))
    }

    /// Size that can be traded from the start on, in all.
    pub fn end(&self) -> f64 {
        if self.law.is_some() {
            f64::INFINITY
        } else {
            self.seen() - self.gone
        }
    }

    pub fn has_end(&self) -> bool {
        self.law.is_none()
    }
}

/// Least squares of log cumulative size on log distance over the levels; the law goes through the last one.
fn fitted(levels: &[(f64, f64, f64)], start: f64) -> Option<Law> {
    let last = levels.last()?;
    let distance = |price: f64| (price / start - 1.0).abs();
    let reach = distance(last.2);
    if reach <= 0.0 {
        return None;
    }
    let points: Vec<(f64, f64)> = levels
        .iter()
        .filter(|l| distance(l.2) > 0.1 * reach)
        .map(|l| (log(distance(l.2)), log(l.0)))
        .collect();
    let n = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |a, p| (a.0 + p.0 / n, a.1 + p.1 / n));
    let (xx, xy) = points.iter().fold((0.0, 0.0), |a, p| {
        (a.0 + (p.0 - x) * (p.0 - x), a.1 + (p.0 - x) * (p.1 - y))
    });
    let power = if xx > 1e-12 { xy / xx } else { 1.0 };
    Some(Law {
        size: last.0,
        reach,
        power: power.clamp(POWERS.0, POWERS.1),
    })
}

/// Share of the depth that is left when the price has moved by `fraction` in all.
pub fn evaporated(evaporation: f64, fraction: f64) -> f64 {
    exp(-evaporation * fraction.abs())
}
