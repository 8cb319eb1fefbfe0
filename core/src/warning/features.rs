//! What five-minute candles tell about the next minutes, bar by bar: the same numbers live and in replay.
//!
//! Everything is free of scale: logarithms of ranges against their mean over half a day. Exponentially weighted sums are divided
//! by the sum of their weights, so that a short history gives shorter means and not wrong ones.

use crate::market::Candles;
use libm::{cos, exp, expm1, log, log1p, pow, sin, sqrt};

/// A bar of the model, ms.
pub const FIVE: f64 = 300_000.0;
/// Half-lives in bars.
const LIVES: [f64; 12] = [
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 144.0, 288.0, 864.0, 2016.0, 8640.0,
];
/// The reference among them: half a day.
const REFERENCE: usize = 7;
/// Plain windows in bars.
const WINDOWS: [usize; 7] = [3, 6, 12, 24, 48, 144, 288];
/// A range is at least this.
const LEAST: f64 = 2e-5;
const SLOTS: usize = 288;
/// Bars in a day: before that the time of day is not known from the market itself.
pub const DAY: usize = 288;

/// Inputs of the first stage, without the constant.
pub const FIRST: usize = 110;
/// Inputs that know the side.
pub const SIDED: usize = 16;

type Row = (f64, f64, f64, f64, f64, f64);

/// Sums over the bars so far.
pub struct Walker<'a> {
    rows: &'a [Row],
    next: usize,
    decay: [f64; 12],
    /// Weights; ranges, their squares, volume, squared falls and rises, absolute returns.
    sums: [[f64; 12]; 7],
    slot: Vec<[f64; 2]>,
}

/// What is known at the close of one bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// Opening time of the bar.
    pub time: f64,
    /// Log mean range of a bar over half a day, and that range.
    pub reference: f64,
    range: f64,
    means: [f64; 12],
    tails: [f64; 4],
    volume: [f64; 5],
    ranges: [f64; 7],
    returns: [f64; 7],
    above_low: [f64; 7],
    below_high: [f64; 7],
    skew: [f64; 2],
    place: f64,
    slots: [f64; 3],
    closes: [f64; 2],
    /// Sums of squared returns of the last 4 and 10 bars, scaled up where there are fewer.
    pub realised: [f64; 2],
}

/// Candles as the model takes them: five minutes; minutes are put together.
pub fn five_minutes(candles: &Candles) -> Option<Vec<Row>> {
    let step = candles.interval.millis();
    if step == FIVE {
        return Some(candles.rows.clone());
    }
    if step > FIVE {
        return None;
    }
    let mut out: Vec<Row> = Vec::new();
    for r in &candles.rows {
        let time = (r.0 / FIVE).floor() * FIVE;
        match out.last_mut().filter(|b| b.0 == time) {
            Some(b) => *b = (time, b.1, b.2.max(r.2), b.3.min(r.3), r.4, b.5 + r.5),
            None => out.push((time, r.1, r.2, r.3, r.4, r.5)),
        }
    }
    // The last is complete only with its last minute.
    let end = candles.rows.last().map_or(0.0, |r| r.0 + step);
    if out.last().is_some_and(|b| b.0 + FIVE > end) {
        out.pop();
    }
    Some(out)
}

impl<'a> Walker<'a> {
    pub fn new(rows: &'a [Row]) -> Self {
        Self {
            rows,
            next: 0,
            decay: LIVES.map(|life| pow(0.5, 1.0 / life)),
            sums: [[0.0; 12]; 7],
            slot: vec![[0.0; 2]; SLOTS],
        }
    }

    /// Takes the next bar; `None` at the end.
    pub fn step(&mut self) -> Option<Known> {
        let t = self.next;
        let (time, open, high, low, close, volume) = *self.rows.get(t)?;
        self.next += 1;
        let before = if t > 0 { self.rows[t - 1].4 } else { open };
        let (high, low) = (high.max(before), low.min(before));
        let range = log(high / low).clamp(LEAST, 0.7);
        let (fall, rise) = (log(before / low), log(high / before));
        let at = ((time / FIVE) as u64 % SLOTS as u64) as usize;
        if t >= DAY {
            // Against the day's mean as it was before this bar.
            let usual = (range / (self.sums[1][8] / self.sums[0][8])).min(5.0);
            self.slot[at] = [0.85 * self.slot[at][0] + usual, 0.85 * self.slot[at][1] + 1.0];
        }
        let parts = [
            1.0,
            range,
            range * range,
            volume.max(0.0),
            fall * fall,
            rise * rise,
            log(close / before).abs(),
        ];
        for (sum, part) in self.sums.iter_mut().zip(parts) {
            for (s, decay) in sum.iter_mut().zip(self.decay) {
                *s = *s * decay + part;
            }
        }
        let mean = |what: usize, k: usize| self.sums[what][k] / self.sums[0][k];
        let means: [f64; 12] = std::array::from_fn(|k| log(mean(1, k)));
        let (day, week) = (mean(3, 8), mean(3, 10));
        let relative = |v: f64, of: f64| log((v + 0.01 * of + 1e-12) / (of * 1.01 + 1e-12)).clamp(-4.0, 4.0);
        let bounds = windows(self.rows, t, high, low);
        let squares = |bars: usize| {
            let first = (t + 1).saturating_sub(bars).max(1);
            let sum: f64 = (first..=t)
                .map(|k| log(self.rows[k].4 / self.rows[k - 1].4).powi(2))
                .sum();
            let n = (t + 1).saturating_sub(first);
            if n == 0 { 0.0 } else { sum * bars as f64 / n as f64 }
        };
        Some(Known {
            time,
            reference: means[REFERENCE],
            range: exp(means[REFERENCE]),
            tails: [3, 5, 8, 10].map(|k| 0.5 * log(mean(2, k)) - means[k]),
            volume: [
                relative(mean(3, 0), day),
                relative(mean(3, 2), day),
                relative(mean(3, 4), day),
                relative(mean(3, 6), day),
                relative(day, week),
            ],
            ranges: bounds.map(|b| log(log(b.0 / b.1).max(LEAST)) - 0.5 * log(b.3 as f64)),
            returns: bounds.map(|b| log(close / b.2)),
            above_low: bounds.map(|b| log(close / b.1)),
            below_high: bounds.map(|b| log(b.0 / close)),
            skew: [3, 7].map(|k| {
                let (d, u) = (self.sums[4][k], self.sums[5][k]);
                let e = 1e-3 * (d + u) + 1e-12;
                0.5 * log((d + e) / (u + e))
            }),
            place: if self.rows[t].2 > self.rows[t].3 {
                (close - self.rows[t].3) / (self.rows[t].2 - self.rows[t].3) - 0.5
            } else {
                0.0
            },
            slots: [3, 6, 12].map(|n: usize| {
                let sum: f64 = (0..n + 2)
                    .map(|d| {
                        let [a, w] = self.slot[(at + d) % SLOTS];
                        (a + 3.0) / (w + 3.0)
                    })
                    .sum();
                log(sum / (n as f64 + 2.0))
            }),
            closes: [4, 7].map(|k| log(mean(6, k) + 0.1 * LEAST) - means[k]),
            realised: [squares(4), squares(10)],
            means,
        })
    }
}

/// `(high, low, close before, bars)` of each window that ends at bar `t`, whose own high and low are given.
fn windows(rows: &[Row], t: usize, high: f64, low: f64) -> [(f64, f64, f64, usize); 7] {
    let (mut top, mut bottom, mut i) = (high, low, t as isize);
    WINDOWS.map(|n| {
        let first = (t + 1).saturating_sub(n);
        while i >= first as isize {
            top = top.max(rows[i as usize].2);
            bottom = bottom.min(rows[i as usize].3);
            i -= 1;
        }
        let before = if first > 0 { rows[first - 1].4 } else { rows[0].1 };
        (top, bottom, before, t - first + 1)
    })
}

impl Known {
    /// A length in half a day's mean ranges over so many bars.
    fn in_ranges(&self, x: f64, bars: usize) -> f64 {
        x / self.range / sqrt(bars as f64)
    }

    /// Inputs of the first stage for a horizon of 1, 3, 6 or 12 bars.
    pub fn first(&self, bars: usize) -> [f64; FIRST] {
        let m = self.reference;
        let mut x = [0.0; FIRST];
        let mut k = 0;
        let mut put = |value: f64| {
            x[k] = value;
            k += 1;
        };
        let against = |i: usize| (self.means[i] - m).clamp(-4.0, 4.0);
        for i in (0..12).filter(|i| *i != REFERENCE) {
            put(against(i));
        }
        for i in [0, 2, 4] {
            put(against(i).max(0.0));
        }
        for (i, knee) in [(0, 1.5), (2, 1.2), (4, 0.9)] {
            put((against(i) - knee).max(0.0));
        }
        for q in self.tails {
            put(q.clamp(0.0, 2.0));
        }
        for v in self.volume {
            put(v);
        }
        for r in self.ranges {
            put((r - m).clamp(-4.0, 4.0));
        }
        for (r, n) in self.returns.iter().zip(WINDOWS) {
            put(log1p(self.in_ranges(r.abs(), n).min(20.0)));
        }
        for ((low, high), n) in self.above_low.iter().zip(&self.below_high).zip(WINDOWS) {
            put(log1p(self.in_ranges(low.min(*high), n).clamp(0.0, 20.0)));
        }
        for c in self.closes {
            put(c.clamp(-2.0, 0.5));
        }
        let close_time = self.time + FIVE;
        let minute = (close_time / 60_000.0).floor() % 1440.0;
        let turn = std::f64::consts::TAU;
        for n in [1.0, 2.0, 3.0] {
            put(sin(turn * n * minute / 1440.0));
            put(cos(turn * n * minute / 1440.0));
        }
        for n in [1.0, 2.0] {
            put(sin(turn * n * (minute % 60.0) / 60.0));
            put(cos(turn * n * (minute % 60.0) / 60.0));
        }
        let (local, weekday) = new_york(close_time);
        put(f64::from(weekday == 5));
        put(f64::from(weekday == 6));
        for half_hour in 0..48 {
            put(f64::from(weekday < 5 && local / 30 == half_hour));
        }
        put(self.slots[match bars {
            0..=3 => 0,
            4..=6 => 1,
            _ => 2,
        }]);
        x
    }

    /// Inputs that know which way the barrier lies.
    pub fn sided(&self, up: bool) -> [f64; SIDED] {
        let s = if up { 1.0 } else { -1.0 };
        let mut x = [0.0; SIDED];
        for (k, j) in [0, 2, 4, 6].into_iter().enumerate() {
            x[k] = (s * self.in_ranges(self.returns[j], WINDOWS[j])).clamp(-3.0, 3.0);
        }
        for (k, j) in [1, 2, 4, 6].into_iter().enumerate() {
            let (mut near, mut far) = (self.above_low[j], self.below_high[j]);
            if up {
                (near, far) = (far, near);
            }
            x[4 + 2 * k] = log1p(self.in_ranges(near, WINDOWS[j]).min(20.0));
            x[5 + 2 * k] = log1p(self.in_ranges(far, WINDOWS[j]).min(20.0));
        }
        x[12] = -s * self.skew[0].clamp(-2.0, 2.0);
        x[13] = -s * self.skew[1].clamp(-2.0, 2.0);
        x[14] = s * self.place;
        x[15] = f64::from(up);
        x
    }

    /// The mean range of a bar as a fraction of the price.
    pub fn usual_range(&self) -> f64 {
        expm1(self.range)
    }
}

/// Day number of 1970 for a date of the Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms", 2013).
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year of a day number, by the same source.
fn year_of(day: i64) -> i64 {
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    year + era * 400 + i64::from(month >= 10)
}

/// The n-th Sunday of a month.
fn sunday(year: i64, month: i64, n: i64) -> i64 {
    let first = day_number(year, month, 1);
    // Monday is 0; the first of January 1970 was a Thursday.
    let weekday = (first + 3).rem_euclid(7);
    first + (6 - weekday).rem_euclid(7) + 7 * (n - 1)
}

/// Minute of the day and day of the week (Monday 0) in New York, whose summer time is from the second Sunday of March, 07:00
/// UTC, to the first of November, 06:00 UTC.
pub fn new_york(time: f64) -> (i64, i64) {
    const HOUR: i64 = 3_600_000;
    let t = time as i64;
    let year = year_of(t.div_euclid(24 * HOUR));
    let begins = sunday(year, 3, 2) * 24 * HOUR + 7 * HOUR;
    let ends = sunday(year, 11, 1) * 24 * HOUR + 6 * HOUR;
    let local = t - if (begins..ends).contains(&t) { 4 } else { 5 } * HOUR;
    let weekday = (local.div_euclid(24 * HOUR) + 3).rem_euclid(7);
    ((local / 60_000).rem_euclid(1440), weekday)
}
