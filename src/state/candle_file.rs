//! Candles of a file that the user drops in: found, repaired by rule with a notice, or refused with the line.

use headroom_core::market::{Candles, Interval};

/// A file's size and rows: more bytes hold more rows than are read.
pub(crate) const MOST_BYTES: f64 = 40_000_000.0;
const MOST_ROWS: usize = 200_000;

/// The candles, and what was done to them.
pub(crate) fn parse(text: &str) -> Result<(Candles, Vec<String>), String> {
    let mut lines = text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty());
    let (_, header) = lines.next().ok_or("The file is empty.")?;
    let separator = if header.contains(';') { ';' } else { ',' };
    let names: Vec<String> = header
        .trim_start_matches('\u{feff}')
        .split(separator)
        .map(|n| n.trim().trim_matches('"').to_ascii_lowercase())
        .collect();
    let column = |wanted: &[&str]| names.iter().position(|n| wanted.contains(&n.as_str()));
    let needed = |wanted: &[&str]| {
        column(wanted).ok_or_else(|| {
            format!(
                "The first line names no column {}: it has {}.",
                wanted[0],
                names.join(", ")
            )
        })
    };
    let time = needed(&["time", "ts", "timestamp", "open_time", "date", "datetime"])?;
    let prices = [
        needed(&["open", "o"])?,
        needed(&["high", "h"])?,
        needed(&["low", "l"])?,
        needed(&["close", "c"])?,
    ];
    let volume = column(&["volume", "vol", "v"]);
    let mut rows: Vec<(f64, f64, f64, f64, f64, f64)> = Vec::new();
    let mut notes = Vec::new();
    let mut seconds = 0;
    let mut sorted = true;
    for (k, line) in lines {
        if rows.len() == MOST_ROWS {
            return Err(format!(
                "More than {MOST_ROWS} rows from line {}: cut the file, or use longer bars.",
                k + 1
            ));
        }
        let cells: Vec<&str> = line.split(separator).map(|c| c.trim().trim_matches('"')).collect();
        let cell = |at: usize| cells.get(at).copied().unwrap_or_default();
        let number = |at: usize| -> Result<f64, String> {
            let value: Option<f64> = cell(at).parse().ok();
            value
                .filter(|v| v.is_finite())
                .ok_or_else(|| format!("Line {}: \"{}\" is no number in column {}.", k + 1, cell(at), names[at]))
        };
        let (t, in_seconds) =
            millis(cell(time)).ok_or_else(|| format!("Line {}: \"{}\" is no time.", k + 1, cell(time)))?;
        seconds += usize::from(in_seconds);
        let [open, high, low, close] = [
            number(prices[0])?,
            number(prices[1])?,
            number(prices[2])?,
            number(prices[3])?,
        ];
        if low <= 0.0 || high < open.max(close) || low > open.min(close) {
            return Err(format!(
                "Line {}: high and low must enclose open and close, and all be above 0.",
                k + 1
            ));
        }
        let traded = match volume {
            Some(v) if !cell(v).is_empty() => {
                let traded = number(v)?;
                if traded < 0.0 {
                    return Err(format!("Line {}: a volume is not below 0.", k + 1));
                }
                traded
            }
            _ => 0.0,
        };
        sorted &= rows.last().is_none_or(|r| r.0 < t);
        rows.push((t, open, high, low, close, traded));
    }
    if seconds > 0 {
        notes.push("Times were read as seconds or dates, in UTC.".to_owned());
    }
    if !sorted {
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        let before = rows.len();
        rows.dedup_by(|a, b| a.0 == b.0);
        notes.push(format!(
            "Rows were put in order of time; {} with a time that was there already were left out.",
            before - rows.len()
        ));
    }
    let mut steps: Vec<f64> = rows.windows(2).map(|w| w[1].0 - w[0].0).collect();
    steps.sort_by(f64::total_cmp);
    let step = *steps.get(steps.len() / 2).ok_or("Two bars at least are needed.")?;
    let interval = Interval::from_millis(step).ok_or_else(|| {
        format!(
            "Bars are {} minutes apart: 1, 3, 5, 15 or 30 minutes, 1 or 4 hours or a day can be read.",
            step / 60_000.0
        )
    })?;
    let missing: f64 = rows
        .windows(2)
        .map(|w| ((w[1].0 - w[0].0) / step - 1.0).max(0.0).round())
        .sum();
    if missing > 0.0 {
        notes.push(format!(
            "{missing} bars are missing: a gap is lived through at the next bar's open."
        ));
    }
    if let Some(w) = rows.windows(2).find(|w| (w[1].0 - w[0].0) % step != 0.0) {
        return Err(format!(
            "A bar opens {} minutes after the one before it, others every {}: bars of different lengths are mixed.",
            (w[1].0 - w[0].0) / 60_000.0,
            step / 60_000.0
        ));
    }
    Ok((Candles { interval, rows }, notes))
}

/// Milliseconds; whether they were written otherwise. Milliseconds, seconds, microseconds, or a date and time in UTC.
fn millis(text: &str) -> Option<(f64, bool)> {
    if let Ok(x) = text.parse::<f64>() {
        return match x {
            x if (1e8..1e11).contains(&x) => Some((x * 1000.0, true)),
            x if (1e11..1e14).contains(&x) => Some((x, false)),
            x if (1e14..1e17).contains(&x) => Some(((x / 1000.0).round(), true)),
            _ => None,
        };
    }
    // 2021-05-19 13:00[:00] with T or blank, with or without Z or +00:00.
    let text = text.trim_end_matches('Z').trim_end_matches("+00:00");
    let (day, clock) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
    let parts: Vec<i64> = day.split('-').map(str::parse).collect::<Result<_, _>>().ok()?;
    let [y, m, d] = parts[..] else { return None };
    let clock: Vec<f64> = clock.split(':').map(str::parse).collect::<Result<_, _>>().ok()?;
    let leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    let last = match m {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let in_day = clock
        .iter()
        .zip([24.0, 60.0, 60.0])
        .all(|(x, most)| (0.0..most).contains(x));
    if !(1..=12).contains(&m) || !(1..=last).contains(&d) || !(1970..2200).contains(&y) || clock.len() > 3 || !in_day {
        return None;
    }
    // Days from the civil calendar (Howard Hinnant's algorithm).
    let (y2, era) = if m <= 2 {
        (y - 1, (y - 1).div_euclid(400))
    } else {
        (y, y.div_euclid(400))
    };
    let yoe = y2 - era * 400;
    let doy = (153 * (m + if m > 2 { -3 } else { 9 }) + 2) / 5 + d - 1;
    let days = era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468;
    let seconds = clock.iter().zip([3600.0, 60.0, 1.0]).map(|(x, s)| x * s).sum::<f64>();
    Some((days as f64 * 86_400_000.0 + seconds * 1000.0, true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    const HEAD: &str = "time,open,high,low,close,volume\n";

    #[wasm_bindgen_test(unsupported = test)]
    fn times_are_read_as_written() {
        assert_eq!(millis("1621429200000"), Some((1_621_429_200_000.0, false)));
        for other in [
            "1621429200",
            "1621429200000000",
            "2021-05-19 13:00",
            "2021-05-19T13:00:00Z",
            "2021-05-19T13:00:00+00:00",
        ] {
            assert_eq!(millis(other), Some((1_621_429_200_000.0, true)), "{other}");
        }
        for bad in ["", "yesterday", "2021-13-01", "2021-02-29", "2021-05-19 99:00", "12"] {
            assert_eq!(millis(bad), None, "{bad}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn rows_are_repaired_by_rule_and_refused_by_line() {
        let row = |t: i64, p: f64| format!("{},{p},{p},{p},{p},1\n", 1_600_000_020_000 + t * 60_000);
        let (c, notes) = parse(&format!(
            "{HEAD}{}{}{}{}{}",
            row(0, 1.0),
            row(2, 3.0),
            row(1, 2.0),
            row(1, 9.0),
            row(5, 4.0)
        ))
        .unwrap();
        assert_eq!(c.rows.iter().map(|r| r.4).collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(c.interval, Interval::M1);
        assert!(
            notes[0].contains("1 with a time") && notes[1].contains("2 bars are missing"),
            "{notes:?}"
        );
        for (text, words) in [
            ("", "empty"),
            ("time,open,high\n", "no column low"),
            (&format!("{HEAD}1600000000,1,2,1,x,1"), "Line 2"),
            (&format!("{HEAD}1600000000,1,2,3,1,1"), "enclose"),
            (&format!("{HEAD}never,1,1,1,1,1"), "no time"),
            (&format!("{HEAD}1600000000,1,1,1,1,1"), "Two bars"),
            (
                &format!("{HEAD}1600000000,1,1,1,1,1\n1600000007,1,1,1,1,1"),
                "minutes apart",
            ),
        ] {
            let why = parse(text).unwrap_err();
            assert!(why.contains(words), "{text}: {why}");
        }
    }
}
