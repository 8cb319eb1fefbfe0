//! The page. Data flows one way: exchange response → (worker) normalised market → (worker) engine → result → view.
//!
//! | module | what it does | must not |
//! |---|---|---|
//! | `feed` | asks exchanges on the main thread, hands text to the worker | parse JSON of exchanges |
//! | `engine` | the workers that run `headroom-core` | – |
//! | `state` | the scenario a person edits, markets, results | touch the DOM |
//! | `view` | markup from signals | fetch, compute finance |
//! | `format` | numbers and times to text and back | – |

#![allow(unreachable_pub, reason = "the component macro makes its props structs pub")]

mod app;
mod engine;
mod feed;
mod format;
mod state;
mod view;

pub use app::start;
