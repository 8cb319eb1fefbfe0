//! The cascade's kernels alone, for their speed in WebAssembly: `tests/bench/cascade.mjs` loads this and takes the time outside.
//! Not a part of the product.
#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::redundant_closure,
    reason = "a benchmark: exported names need the attribute, and it stops at anything unexpected"
)]

use headroom_core::cascade::chance::{Doubt, Field};
use headroom_core::cascade::depth::{Depth, Law};
use headroom_core::cascade::forced::{Orders, Sorted, Terms, run};
use headroom_core::units::Side;
use std::cell::RefCell;

type Positions = (Vec<(f64, f64)>, Option<Sorted>);

thread_local! {
    static POSITIONS: RefCell<Positions> = const { RefCell::new((Vec::new(), None)) };
}

fn law(count: usize) -> Law {
    // So deep that about a fifth of all are reached, over several rounds.
    Law {
        size: count as f64 * 0.02,
        reach: 0.01,
        power: 1.0,
    }
}

/// Makes positions; nothing else is in this time.
#[unsafe(no_mangle)]
pub extern "C" fn make(count: u32) {
    let mut state = 7u64;
    let mut uniform = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let made: Vec<(f64, f64)> = (0..count)
        .map(|_| (0.1 + uniform(), 100.0 * (1.0 - 0.6 * uniform())))
        .collect();
    POSITIONS.with(|p| *p.borrow_mut() = (made, None));
}

#[unsafe(no_mangle)]
pub extern "C" fn sort() -> f64 {
    POSITIONS.with(|p| {
        let mut p = p.borrow_mut();
        p.1 = Some(Sorted::new(Side::Long, &p.0));
        p.0.len() as f64
    })
}

/// One cascade of whole liquidations: wallets closed.
#[unsafe(no_mangle)]
pub extern "C" fn cascade() -> f64 {
    POSITIONS.with(|p| {
        let p = p.borrow();
        let depth = Depth::of_law(95.0, true, law(p.0.len()));
        let terms = Terms {
            orders: Orders::Whole,
            mark_share: 1.0,
            maintenance_margin_rate: 0.01,
            insurance_fund: None,
            surplus_to_fund: true,
        };
        run(95.0, Side::Long, p.1.as_ref().unwrap(), &depth, &terms).wallets as f64
    })
}

/// Many of them, sorting included: mean notional.
#[unsafe(no_mangle)]
pub extern "C" fn stochastic(runs: u32) -> f64 {
    POSITIONS.with(|p| {
        let p = p.borrow();
        let depth = Depth::of_law(100.0, true, law(p.0.len()));
        let field = Field::new(100.0, Side::Long, &p.0, &depth, 1.0, 5.0);
        let doubt = Doubt {
            depth: 0.5,
            size: 0.5,
            levels: 0.1,
        };
        let all = field.runs(0.8, 24.0, doubt, 0.5, runs as usize, 3);
        all.iter().map(|r| r.notional).sum::<f64>() / all.len() as f64
    })
}

/// Natively: the same lines as the page's, one JSON object a kernel.
fn main() {
    for count in [10_000, 100_000, 1_000_000] {
        make(count);
        time("sort", count, || sort());
        time("cascade", count, || cascade());
    }
    make(100_000);
    time("10000 runs", 100_000, || stochastic(10_000));
}

fn time(name: &str, count: u32, work: impl Fn() -> f64) {
    let mut times: Vec<f64> = (0..9)
        .map(|_| {
            let start = std::time::Instant::now();
            std::hint::black_box(work());
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!(
        "{{\"where\":\"native\",\"kernel\":\"{name}\",\"positions\":{count},\"ms\":{:.3},\"result\":{:.0}}}",
        times[4],
        work()
    );
}
