//! A replay to keep: curves as CSV, everything as one page that needs nothing else.

use crate::format;
use crate::state::replaying::Past;
use headroom_core::api::replay::Lived;
use std::fmt::Write;

/// Hours and minutes of a time, UTC.
pub(super) fn clock(millis: f64) -> String {
    let minutes = (millis / 60_000.0).rem_euclid(1440.0) as u32;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

pub(super) fn csv(columns: &[(&'static str, Lived)]) -> String {
    let names: Vec<&str> = columns.iter().map(|c| c.0).collect();
    let mut text = format!("time,{}\n", names.join(",").to_lowercase().replace(' ', "_"));
    // Times of the longest; each other's last equity at or before them: an account that ended stays at its end.
    let longest = columns.iter().map(|c| &c.1.equity_curve).max_by_key(|c| c.len());
    for [time, _] in longest.into_iter().flatten() {
        let _ = write!(text, "{time}");
        for (_, lived) in columns {
            let known = lived.equity_curve.partition_point(|p| p[0] <= *time);
            let equity = known.checked_sub(1).map_or(f64::NAN, |k| lived.equity_curve[k][1]);
            if equity.is_finite() {
                let _ = write!(text, ",{equity}");
            } else {
                text.push(',');
            }
        }
        text.push('\n');
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

pub(super) fn html(past: &Past, columns: &[(&'static str, Lived)], assumptions: &[String]) -> String {
    const COLOURS: [&str; 6] = ["#0b5cad", "#7a8ba0", "#a84b00", "#4f8a5b", "#8a5a9e", "#14181f"];
    let all = || columns.iter().flat_map(|c| &c.1.equity_curve);
    let (start, end) = all().fold((f64::MAX, 0.0f64), |s, p| (s.0.min(p[0]), s.1.max(p[0])));
    let most = all().map(|p| p[1]).fold(1.0, f64::max);
    let mut curves = String::new();
    for (k, c) in columns.iter().enumerate() {
        let points: Vec<String> =
            c.1.equity_curve
                .iter()
                .map(|p| {
                    format!(
                        "{:.1},{:.1}",
                        900.0 * (p[0] - start) / (end - start).max(1.0),
                        300.0 - 290.0 * p[1].max(0.0) / most
                    )
                })
                .collect();
        let _ = write!(
            curves,
            "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\" points=\"{}\"/>",
            COLOURS[k % COLOURS.len()],
            points.join(" ")
        );
    }
    let mut rows = String::new();
    for (k, (name, l)) in columns.iter().enumerate() {
        let died = l
            .liquidated_at
            .map_or_else(|| "no".to_owned(), |t| format!("{} {}", format::date(t), clock(t)));
        let _ = write!(
            rows,
            "<tr><th><span style=\"color:{}\">■</span> {name}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{died}</td></tr>",
            COLOURS[k % COLOURS.len()],
            format::money(l.final_equity),
            format::money(l.price_pnl),
            format::money(l.funding),
            format::money(-l.fees - l.slippage),
            format::money(-l.liquidation_loss),
            format::percent(-l.max_drawdown_intrabar.min(1.0), 1),
            format::number(l.turnover, 1),
        );
    }
    let list = |items: &[String]| {
        items
            .iter()
            .map(|i| format!("<li>{}</li>", escaped(i)))
            .collect::<String>()
    };
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Headroom replay of {symbol}</title><style>body{{font:14px/1.5 system-ui,sans-serif;max-width:960px;margin:32px auto;padding:0 16px;color:#14181f}}table{{border-collapse:collapse;width:100%}}th,td{{text-align:right;padding:4px 8px;border-bottom:1px solid #ddd}}th:first-child{{text-align:left}}svg{{width:100%;border-bottom:1px solid #ccc}}</style><h1>Replay of {symbol}</h1><p>{origin}</p><ul>{notes}</ul><svg viewBox=\"0 0 900 300\" role=\"img\" aria-label=\"Equity over time\">{curves}</svg><p>{from} to {until}, equity from 10 000.</p><table><tr><th>Plan</th><th>Left</th><th>Price</th><th>Funding</th><th>Fees, slippage</th><th>Liquidation</th><th>Drawdown</th><th>Turnover</th><th>Liquidated</th></tr>{rows}</table><h2>What was assumed</h2><ul>{assumptions}</ul><p>One past is one draw. No advice to trade.</p></html>",
        symbol = escaped(&past.key.1),
        origin = escaped(&past.origin),
        notes = list(&past.notes),
        from = format::date(start),
        until = format::date(end - 1.0),
        assumptions = list(assumptions),
    )
}
