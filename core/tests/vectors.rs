//! Every vector of the venue pages, natively.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by stopping")]

mod support;

use headroom_core::evaluate_json;
use support::{Outcome, all, check};

#[test]
fn every_vector_passes_or_says_why_it_does_not_apply() {
    let door =
        |request: serde_json::Value| serde_json::from_str(&evaluate_json(&request.to_string(), &mut |_| {})).unwrap();
    let (mut passed, mut through_door, mut left) = (0, 0, Vec::new());
    for v in all() {
        match check(&v, &door) {
            Outcome::Passed(door) => {
                passed += 1;
                through_door += usize::from(door);
            }
            Outcome::NotApplicable(why) => left.push(format!("{}: {why}", v["id"].as_str().unwrap())),
        }
    }
    println!(
        "{passed} vectors passed, {through_door} of them as requests; not applicable:\n{}",
        left.join("\n")
    );
    assert_eq!(passed + left.len(), 102);
    assert!(left.len() <= 7, "{left:#?}");
}
