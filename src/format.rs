//! Numbers and times to text and back. Unknown is a dash, never 0.

/// Between thousands: thin, and never the end of a line.
const THIN: char = '\u{202f}';
pub(crate) const UNKNOWN: &str = "—";

/// Fixed decimals with thin spaces between thousands and a real minus sign.
pub(crate) fn number(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return UNKNOWN.to_owned();
    }
    let text = format!("{:.*}", decimals, value.abs());
    let (whole, rest) = text
        .split_once('.')
        .map_or((text.as_str(), None), |(w, r)| (w, Some(r)));
    let mut out = String::with_capacity(text.len() + 8);
    if value < 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
        out.push('−');
    }
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(THIN);
        }
        out.push(c);
    }
    if let Some(rest) = rest {
        out.push('.');
        out.push_str(rest);
    }
    out
}

/// Decimals of a tick such as 0.10 or 0.0001.
pub(crate) fn tick_decimals(tick: f64) -> usize {
    (0..12)
        .find(|d| {
            let scaled = tick * 10f64.powi(*d);
            (scaled - scaled.round()).abs() < 1e-9 * scaled.max(1.0) && scaled.round() >= 1.0
        })
        .map_or(8, |d| d as usize)
}

/// Decimals for a price whose tick is not known: about six significant figures, at least two for prices above 1.
fn free_decimals(value: f64) -> usize {
    let magnitude = value.abs().max(1e-12).log10().floor() as i32;
    if magnitude >= 3 {
        1
    } else {
        (5 - magnitude).clamp(2, 10) as usize
    }
}

pub(crate) fn price(value: f64, tick: Option<f64>) -> String {
    number(value, tick.map_or_else(|| free_decimals(value), tick_decimals))
}

/// Money: two decimals, none for large amounts, more for small coin amounts.
pub(crate) fn money(value: f64) -> String {
    let size = value.abs();
    let decimals = if size >= 1e5 {
        0
    } else if size >= 1.0 || size == 0.0 {
        2
    } else {
        (1 - size.log10().floor() as i32 + 2).clamp(2, 8) as usize
    };
    number(value, decimals)
}

pub(crate) fn percent(fraction: f64, decimals: usize) -> String {
    format!("{}{THIN}%", number(fraction * 100.0, decimals))
}

/// A fraction with two or three figures that matter.
pub(crate) fn fine_percent(fraction: f64) -> String {
    let size = (fraction * 100.0).abs();
    percent(
        fraction,
        if size >= 10.0 {
            1
        } else if size >= 0.1 || size == 0.0 {
            2
        } else {
            4
        },
    )
}

/// A number as it would be typed: no grouping, no trailing zeros.
pub(crate) fn plain(value: f64) -> String {
    significant(value, 12)
}

/// A number to so many significant digits, without grouping or trailing zeros.
pub(crate) fn significant(value: f64, digits: usize) -> String {
    let rounded: f64 = format!("{:.*e}", digits - 1, value).parse().unwrap_or(value);
    format!("{rounded}")
}

/// A move of the market: "none" where there is none, and no false precision beyond tenfold.
pub(crate) fn market_move(fraction: Option<f64>) -> String {
    match fraction {
        None => "none".to_owned(),
        Some(x) if x > 10.0 => format!("over +1{THIN}000{THIN}%"),
        Some(x) if x > 0.0 => format!("+{}", fine_percent(x)),
        Some(x) => fine_percent(x),
    }
}

/// A probability with the error of its computation, in per cent; never a bare 0 or 100.
pub(crate) fn chance(probability: f64, standard_error: f64) -> String {
    let shown = if probability < 0.00005 {
        format!("under 0.01{THIN}%")
    } else if probability > 0.9995 {
        format!("over 99.9{THIN}%")
    } else {
        percent(probability, if probability >= 0.1 { 1 } else { 2 })
    };
    if standard_error >= 0.00005 {
        format!("{shown} ± {}", number(standard_error * 100.0, 2))
    } else {
        shown
    }
}

/// A cash flow with its direction in words.
pub(crate) fn flow(received: f64, unit: &str) -> String {
    let word = if received < 0.0 { "pay" } else { "receive" };
    format!("{word} {} {unit}", money(received.abs())).trim_end().to_owned()
}

/// Reads "60000.5", "60,000.5", "60.000,5", "60 000,5". The last separator that is not repeated is the decimal one,
/// unless it is a comma followed by exactly three digits and preceded by a group, as in "60,000". A currency sign in front
/// is passed over.
pub(crate) fn parse(text: &str) -> Option<f64> {
    let text = text.trim().trim_start_matches(['$', '€']);
    let text: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '\u{202f}' | '\u{2009}' | '\'' | '_'))
        .collect();
    let text = text.replace('−', "-");
    let body = text.strip_prefix(['-', '+']).unwrap_or(&text);
    if body.is_empty()
        || !body
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',' | b'e' | b'E' | b'-' | b'+'))
    {
        return None;
    }
    let (dots, commas) = (text.matches('.').count(), text.matches(',').count());
    let cleaned = match (dots, commas) {
        (_, 0) if dots <= 1 => text,
        (_, 0) => text.replace('.', ""),
        (0, 1) => {
            let after = text.len() - text.find(',')? - 1;
            let before = body.find(',')?;
            if after == 3 && (1..=3).contains(&before) && !body.starts_with('0') {
                text.replace(',', "")
            } else {
                text.replace(',', ".")
            }
        }
        (0, _) => text.replace(',', ""),
        _ if text.rfind('.') > text.rfind(',') => text.replace(',', ""),
        _ => text.replace('.', "").replace(',', "."),
    };
    cleaned.parse().ok().filter(|v: &f64| v.is_finite())
}

/// Like [`parse`], but "60.000" and "60,000", which people write with either meaning, are read as whichever is nearer to a
/// figure known to be about right.
pub(crate) fn parse_near(text: &str, near: Option<f64>) -> Option<f64> {
    let value = parse(text)?;
    let digits: Vec<&str> = text.trim().trim_start_matches(['$', '€']).split(['.', ',']).collect();
    let [whole, thousands] = digits.as_slice() else {
        return Some(value);
    };
    let ambiguous = thousands.len() == 3
        && (1..=3).contains(&whole.len())
        && !whole.starts_with('0')
        && [*whole, *thousands]
            .iter()
            .all(|d| d.bytes().all(|b| b.is_ascii_digit()));
    let (true, Some(near)) = (ambiguous, near.filter(|n| *n > 0.0)) else {
        return Some(value);
    };
    let joined: f64 = format!("{whole}{thousands}").parse().ok()?;
    let off = |v: f64| (v / near).ln().abs();
    Some(if off(joined) < off(joined / 1000.0) {
        joined
    } else {
        joined / 1000.0
    })
}

/// "12 s", "4 min", "3 h", "9 d".
pub(crate) fn age(millis: f64) -> String {
    let s = (millis / 1000.0).max(0.0);
    if s < 90.0 {
        format!("{s:.0}{THIN}s")
    } else if s < 5400.0 {
        format!("{:.0}{THIN}min", s / 60.0)
    } else if s < 48.0 * 3600.0 {
        format!("{:.0}{THIN}h", s / 3600.0)
    } else {
        format!("{:.0}{THIN}d", s / 86_400.0)
    }
}

/// Days since 1970 to "28 Feb 2026" (civil calendar, UTC).
pub(crate) fn date(millis: f64) -> String {
    let z = (millis / 86_400_000.0).floor() as i64 + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    let name = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ][(month - 1) as usize];
    format!("{day} {name} {year}")
}

/// "2026-03-05" to milliseconds.
pub(crate) fn parse_date(text: &str) -> Option<f64> {
    let mut parts = text.split('-').map(str::parse::<i64>);
    let (y, m, d) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    let y2 = if m <= 2 { y - 1 } else { y };
    let era = y2.div_euclid(400);
    let yoe = y2.rem_euclid(400);
    let doy = (153 * (if m > 2 { m - 3 } else { m + 9 }) + 2) / 5 + d - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    Some((era * 146_097 + doe - 719_468) as f64 * 86_400_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test(unsupported = test)]
    fn numbers_are_read_as_people_paste_them() {
        for (text, value) in [
            ("60000.5", 60000.5),
            ("60,000.5", 60000.5),
            ("60.000,5", 60000.5),
            ("60 000,5", 60000.5),
            ("60,000", 60000.0),
            ("1,5", 1.5),
            ("0,125", 0.125),
            ("1.234.567", 1_234_567.0),
            ("1,234,567", 1_234_567.0),
            ("-3", -3.0),
            ("−3", -3.0),
            ("1e3", 1000.0),
            ("66'937.1", 66937.1),
        ] {
            assert_eq!(parse(text), Some(value), "{text}");
        }
        assert_eq!(
            (
                parse_near("60.000", Some(66_937.0)),
                parse_near("60,000", Some(66_937.0)),
                parse_near("1.963", Some(2.0)),
                parse_near("1.963", None)
            ),
            (Some(60_000.0), Some(60_000.0), Some(1.963), Some(1.963))
        );
        assert_eq!(parse("$60,000"), Some(60_000.0));
        assert_eq!(
            (plain(1e-12).as_str(), plain(0.1 + 0.2).as_str(), plain(1e15).as_str()),
            ("0.000000000001", "0.3", "1000000000000000")
        );
        for text in ["", "abc", "1.2.3,4,5", "--1", "12px", "∞", "nan"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn numbers_are_written_for_reading() {
        assert_eq!(number(1_234_567.891, 2), "1\u{202f}234\u{202f}567.89");
        assert_eq!(number(-0.004, 2), "0.00");
        assert_eq!(number(-12.5, 1), "−12.5");
        assert_eq!(number(f64::NAN, 2), "—");
        assert_eq!(price(66937.1, Some(0.1)), "66\u{202f}937.1");
        assert_eq!(price(0.00001234, None), "0.0000123400");
        assert_eq!(
            (
                tick_decimals(0.1),
                tick_decimals(0.0001),
                tick_decimals(5.0),
                tick_decimals(0.25)
            ),
            (1, 4, 0, 2)
        );
        assert_eq!(plain(0.5), "0.5");
        assert_eq!(plain(60000.0), "60000");
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn dates_round_trip() {
        assert_eq!(date(1_772_323_200_000.0), "1 Mar 2026");
        assert_eq!(parse_date("2026-03-05").map(date).as_deref(), Some("5 Mar 2026"));
        assert_eq!(parse_date("x"), None);
    }
}
