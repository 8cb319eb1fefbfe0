//! Positions of real wallets: read from a venue that shows them, or from a file that the user drops in. They stay in this tab.

use headroom_core::market::{Held, Venue, Wallet};
use headroom_core::units::Side;
use std::collections::{HashMap, VecDeque};

/// Addresses kept; the rest is not asked for.
const MOST_ADDRESSES: usize = 3000;
/// A file's size and rows.
pub(crate) const MOST_BYTES: f64 = 20_000_000.0;
const MOST_ROWS: usize = 200_000;
/// A wallet is read again after this, ms.
const REREAD: f64 = 900_000.0;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Wallets {
    /// Still to be read, or read again.
    queue: VecDeque<String>,
    /// By address: when it was read and what it held.
    known: HashMap<String, (f64, Vec<Held>)>,
    /// Of a file, with its name: rows that count for the instrument on the desk.
    file: Option<(String, Vec<Wallet>)>,
    /// Everybody's positions in one market, where a venue's indexer lists them: of which, and when.
    census: Option<(Venue, String, Vec<Wallet>, f64)>,
    /// Counts files taken and left out.
    files: usize,
    /// Counts answers, so that what depends on them need not compare them.
    answers: usize,
    pub fault: Option<String>,
}

impl Wallets {
    pub(crate) fn found(&mut self, addresses: Vec<String>) {
        for a in addresses {
            if self.known.len() + self.queue.len() < MOST_ADDRESSES
                && !self.known.contains_key(&a)
                && !self.queue.contains(&a)
            {
                self.queue.push_back(a);
            }
        }
    }

    /// The next wallet to ask for; the oldest one again when none is new.
    pub(crate) fn next(&mut self, now: f64) -> Option<String> {
        self.queue.pop_front().or_else(|| {
            self.known
                .iter()
                .filter(|(_, (t, _))| now - t > REREAD)
                .min_by(|a, b| a.1.0.total_cmp(&b.1.0))
                .map(|(a, _)| a.clone())
        })
    }

    pub(crate) fn put(&mut self, address: String, now: f64, held: Vec<Held>) {
        self.known.insert(address, (now, held));
        self.answers += 1;
    }

    /// Changes in steps with what has been read: a map is made anew for each step, not for each wallet.
    pub(crate) fn read(&self) -> (usize, usize) {
        (self.answers.div_ceil(20), self.files)
    }

    pub(crate) fn set_file(&mut self, file: Option<(String, Vec<Wallet>)>) {
        self.file = file;
        self.files += 1;
        self.fault = None;
    }

    pub(crate) fn set_census(&mut self, venue: Venue, symbol: &str, all: Vec<Wallet>, now: f64) {
        self.census = Some((venue, symbol.to_owned(), all, now));
        self.files += 1;
        self.fault = None;
    }

    /// How many positions the census of an instrument lists, and when it was taken.
    pub(crate) fn census(&self, venue: Venue, symbol: &str) -> Option<(usize, f64)> {
        let of = |c: &&(Venue, String, Vec<Wallet>, f64)| c.0 == venue && c.1 == symbol;
        self.census.as_ref().filter(of).map(|c| (c.2.len(), c.3))
    }

    /// Name and rows of the file.
    pub(crate) fn file(&self) -> Option<(&str, usize)> {
        self.file.as_ref().map(|f| (f.0.as_str(), f.1.len()))
    }

    /// Once more later: it could not be read.
    pub(crate) fn back(&mut self, address: String) {
        self.queue.push_back(address);
    }

    pub(crate) fn known(&self) -> usize {
        self.known.len()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// When the oldest of them was read.
    pub(crate) fn oldest(&self) -> Option<f64> {
        self.known.values().map(|k| k.0).min_by(f64::total_cmp)
    }

    /// Positions in one instrument.
    pub(crate) fn of(&self, symbol: &str) -> Vec<Wallet> {
        let mut out: Vec<Wallet> = self
            .known
            .iter()
            .flat_map(|(address, (_, held))| held.iter().map(move |h| (address, h)))
            .filter(|(_, h)| h.symbol == symbol)
            .map(|(address, h)| Wallet {
                id: address.clone(),
                side: h.side,
                size: h.size,
                entry_price: h.entry_price,
                liquidation_price: h.liquidation_price.unwrap_or(0.0),
                margin: h.margin,
            })
            .collect();
        if let Some((_, of, rows, _)) = &self.census
            && of == symbol
        {
            out.extend(rows.iter().cloned());
        }
        out.sort_by(|a, b| a.id.cmp(&b.id));
        if let Some((_, rows)) = &self.file {
            out.extend(rows.iter().cloned());
        }
        out
    }
}

/// Rows of a CSV with a header that names side, size, entry_price and liquidation_price, and perhaps id; or the same as JSON. Errors
/// name the line.
pub(crate) fn parse(text: &str) -> Result<Vec<Wallet>, String> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.starts_with('[') {
        let rows: Vec<Wallet> =
            serde_json::from_str(text).map_err(|e| format!("The file is no list of wallets: {e}."))?;
        return bounded(rows);
    }
    let mut lines = text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty());
    let (_, header) = lines.next().ok_or("The file is empty.")?;
    let separator = if header.contains(';') { ';' } else { ',' };
    let names: Vec<String> = header.split(separator).map(|n| n.trim().to_ascii_lowercase()).collect();
    let column = |name: &str| names.iter().position(|n| n == name);
    let needed = |name: &str| {
        column(name).ok_or_else(|| format!("The first line names no column {name}: it has {}.", names.join(", ")))
    };
    let (side, size, entry, level) = (
        needed("side")?,
        needed("size")?,
        needed("entry_price")?,
        needed("liquidation_price")?,
    );
    let id = column("id");
    let mut rows = Vec::new();
    for (k, line) in lines {
        if rows.len() == MOST_ROWS {
            return Err(format!("More than {MOST_ROWS} rows: that many are not read."));
        }
        let cells: Vec<&str> = line.split(separator).map(str::trim).collect();
        let cell = |at: usize| cells.get(at).copied().unwrap_or_default();
        let number = |at: usize| {
            let value: Option<f64> = cell(at).parse().ok();
            value
                .filter(|v: &f64| v.is_finite() && *v >= 0.0)
                .ok_or_else(|| format!("Line {}: {} is no amount in column {}.", k + 1, cell(at), names[at]))
        };
        rows.push(Wallet {
            id: id
                .map(|i| cell(i).to_owned())
                .filter(|i| !i.is_empty())
                .unwrap_or_else(|| format!("line {}", k + 1)),
            side: match cell(side).to_ascii_lowercase().as_str() {
                "long" | "buy" => Side::Long,
                "short" | "sell" => Side::Short,
                other => return Err(format!("Line {}: {other} is neither long nor short.", k + 1)),
            },
            size: number(size)?,
            entry_price: number(entry)?,
            liquidation_price: if cell(level).is_empty() { 0.0 } else { number(level)? },
            margin: None,
        });
    }
    bounded(rows)
}

fn bounded(rows: Vec<Wallet>) -> Result<Vec<Wallet>, String> {
    match rows.len() {
        0 => Err("The file holds no wallet.".to_owned()),
        n if n > MOST_ROWS => Err(format!("{n} rows: more than {MOST_ROWS} are not read.")),
        _ => Ok(rows),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test(unsupported = test)]
    fn files_are_read_and_their_faults_named_by_line() {
        let rows = parse("id,side,size,entry_price,liquidation_price\na,long,2,100,80\n,short,1.5,90,\n").unwrap();
        assert_eq!(
            (rows.len(), rows[0].id.as_str(), rows[1].liquidation_price),
            (2, "a", 0.0)
        );
        assert_eq!(rows[1].id, "line 3");
        assert_eq!(
            parse("side;size;entry_price;liquidation_price\nbuy;1;2;3").unwrap()[0].side,
            Side::Long
        );
        for (text, words) in [
            ("", "empty"),
            ("side,size\nlong,1", "entry_price"),
            ("side,size,entry_price,liquidation_price\nup,1,2,3", "Line 2"),
            (
                "side,size,entry_price,liquidation_price\nlong,1,2,3\nlong,x,2,3",
                "Line 3",
            ),
            ("side,size,entry_price,liquidation_price\nlong,NaN,2,3", "Line 2"),
            ("[]", "no wallet"),
            ("[{\"id\": 1}]", "no list"),
        ] {
            let why = parse(text).unwrap_err();
            assert!(why.contains(words), "{text}: {why}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_wallet_is_asked_for_once_and_again_when_old() {
        let mut w = Wallets::default();
        w.found(vec!["a".into(), "b".into(), "a".into()]);
        assert_eq!(w.next(0.0).as_deref(), Some("a"));
        w.put("a".into(), 0.0, Vec::new());
        w.found(vec!["a".into()]);
        assert_eq!(w.next(0.0).as_deref(), Some("b"));
        w.put("b".into(), 1.0, Vec::new());
        assert_eq!(w.next(10.0), None);
        assert_eq!(w.next(REREAD + 0.5).as_deref(), Some("a"));
    }
}
