//! Limits in one line, and the build.

use super::desk;
use leptos::prelude::*;

#[component]
pub(crate) fn Footer() -> impl IntoView {
    let desk = desk();
    view! {
        <footer>
            <p>
                "Headroom computes from public data in this page; nothing leaves it and it never trades. Figures follow the venues' published rules as dated beside them and can differ from what a venue does. This is no advice to trade."
            </p>
            <p>"Charts: TradingView Lightweight Charts™, Copyright © 2025 TradingView, Inc., "<a href="https://www.tradingview.com/" rel="noopener">"tradingview.com"</a></p>
            <p class="build">
                {move || format!("Page {}, engine {}", env!("CARGO_PKG_VERSION"), desk.engine_version.get().unwrap_or_else(|| "starting".to_owned()))}
            </p>
        </footer>
    }
}
