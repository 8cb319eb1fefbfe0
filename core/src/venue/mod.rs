//! What is particular to each exchange: its margin rule, its words, its addresses. Text in, data out; no I/O.
//!
//! A new exchange is one folder here with its `FACTS`, and its line in the list below: docs/add-a-venue.md.

pub mod binance;
pub mod bybit;
pub mod deribit;
pub mod dydx;
pub mod endpoint;
pub mod facts;
pub mod gmx;
pub mod hyperliquid;
pub mod kraken;
pub mod okx;
pub mod rule;
pub mod snapshot;
pub mod stream;
pub mod wire;

use crate::error::EngineError;
use crate::margin::Holding;
use facts::{Code, Facts};
use rule::{Checked, RuleSource};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use wire::{Normalised, Wire};

macro_rules! venues {
    ($($name:ident $folder:ident $title:literal,)*) => {
        /// An exchange whose rules are known.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        #[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
        #[serde(rename_all = "lowercase")]
        pub enum Venue { $($name,)* }

        impl Venue {
            pub const ALL: [Self; [$($title),*].len()] = [$(Self::$name,)*];

            /// The word used in JSON.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => stringify!($folder),)* }
            }
            /// The name as the venue writes it.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
            pub fn facts(self) -> &'static Facts {
                match self { $(Self::$name => &$folder::FACTS,)* }
            }
            pub(crate) fn code(self) -> &'static Code {
                match self { $(Self::$name => &$folder::CODE,)* }
            }
        }
    };
}

venues! {
    Binance binance "Binance",
    Bybit bybit "Bybit",
    Okx okx "OKX",
    Hyperliquid hyperliquid "Hyperliquid",
    Dydx dydx "dYdX",
    Gmx gmx "GMX",
    Kraken kraken "Kraken",
}

impl fmt::Display for Venue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Venue {
    /// The venue that JSON calls so.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.word() == word)
    }

    /// Where this venue's margin rule comes from.
    pub fn rule(self) -> &'static RuleSource {
        self.code().rule
    }

    /// Applies the venue's rule to a checked position.
    pub fn holding(self, checked: &mut Checked) -> Result<Holding, EngineError> {
        (self.code().holding)(checked)
    }
}

/// Turns one recorded or live answer into our words. `source` is `venue.endpoint`, as listed by [`endpoint::sources`].
pub fn normalise(source: &str, body: &Wire, hint: &wire::Hint) -> Result<Normalised, EngineError> {
    let (venue, endpoint) = source.split_once('.').unwrap_or((source, ""));
    let found = match Venue::of(venue).map(Venue::code) {
        Some(code) if endpoint == "stream" => code.message.map(|read| stream::normalise(read, body)),
        Some(code) => (code.normalise)(endpoint, body, hint),
        None if venue == "deribit" => deribit::normalise(endpoint, body, hint),
        None => None,
    };
    found.unwrap_or_else(|| {
        let shown: String = source.chars().take(60).collect();
        Err(EngineError::unsupported(
            "source",
            format!("'{shown}' is not a known source; describe lists them"),
        ))
    })
}
