//! Tiers as a person pastes them: a line a tier, "floor rate leverage [amount]", or the JSON of the contract.

use crate::format;
use headroom_core::market::{Tier, TierUnit, Tiers};

/// Reads pasted tiers. Rates may be "0.4%" or 0.004; a venue's table copied with headings is taken without them.
pub(crate) fn parse(text: &str) -> Result<Vec<Tier>, String> {
    let text = text.trim();
    let tiers = if text.starts_with('[') {
        serde_json::from_str::<Vec<Tier>>(text).map_err(|e| format!("The JSON is not a list of tiers: {e}"))?
    } else {
        lines(text)?
    };
    Tiers::new("tiers", &tiers, TierUnit::Notional).map_err(|e| format!("{}: {}", e.field, e.message))?;
    Ok(tiers)
}

fn lines(text: &str) -> Result<Vec<Tier>, String> {
    let mut out: Vec<Tier> = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let words: Vec<&str> = line
            .split(['\t', ';', ' ', '|'])
            .map(|w| w.trim_matches(','))
            .filter(|w| !w.is_empty())
            .collect();
        if words.is_empty() || !words[0].starts_with(|c: char| c.is_ascii_digit()) {
            continue; // blank, or a heading
        }
        let value = |k: usize, what: &str| {
            let word = words
                .get(k)
                .ok_or_else(|| format!("Line {}: {what} is missing", i + 1))?;
            let percent = word.ends_with('%');
            // A floor such as 50.000 is fifty thousand; a rate or a leverage is not.
            let near = if k == 0 { Some(50_000.0) } else { None };
            let number = format::parse_near(word.trim_end_matches(['%', 'x', 'X']), near)
                .ok_or_else(|| format!("Line {}: {what} is no number: {word}", i + 1))?;
            Ok::<f64, String>(if percent { number / 100.0 } else { number })
        };
        let floor = value(0, "the floor")?;
        if let Some(before) = out.last_mut() {
            before.cap = Some(floor);
        }
        let amount = if words.len() > 3 {
            Some(value(3, "the amount")?)
        } else {
            None
        };
        out.push(Tier {
            floor,
            cap: None,
            maintenance_margin_rate: value(1, "the rate")?,
            maintenance_amount: amount,
            max_leverage: value(2, "the leverage")?,
        });
    }
    if out.is_empty() {
        Err("No line starts with a number. Write a line a tier: floor, maintenance rate, maximum leverage.".to_owned())
    } else {
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test(unsupported = test)]
    fn tables_are_read_as_pasted() {
        let t = parse("floor rate lev\n0 0.4% 125x\n50,000\t0.5%\t100x\n600000; 0.0065; 75; 950").unwrap();
        assert_eq!(t.len(), 3);
        assert_eq!(
            (t[0].cap, t[1].floor, t[0].maintenance_margin_rate),
            (Some(50_000.0), 50_000.0, 0.004)
        );
        assert_eq!((t[2].maintenance_amount, t[2].max_leverage), (Some(950.0), 75.0));
        assert_eq!(
            parse(r#"[{"floor":0,"maintenance_margin_rate":0.01,"max_leverage":50}]"#)
                .unwrap()
                .len(),
            1
        );
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn faults_name_the_line() {
        assert!(parse("0 0.4%").unwrap_err().contains("Line 1: the leverage is missing"));
        assert!(parse("0 x 5").unwrap_err().contains("Line 1: the rate"));
        assert!(parse("hello").is_err());
        assert!(parse("0 40 5").unwrap_err().contains("maintenance_margin_rate"));
    }
}
