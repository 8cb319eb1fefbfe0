//! The shell: signals, feeds, theme, address, and the desk.

use crate::state::{Desk, Scenario, recalc};
use crate::{feed, view};
use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;

/// Mounts the page.
pub fn start() {
    mount_to_body(App);
}

const THEME_KEY: &str = "headroom.theme";

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

/// The chosen theme, else the system's.
fn starts_dark() -> bool {
    match storage().and_then(|s| s.get_item(THEME_KEY).ok().flatten()).as_deref() {
        Some("dark") => true,
        Some("light") => false,
        _ => !window()
            .match_media("(prefers-color-scheme: light)")
            .ok()
            .flatten()
            .is_some_and(|m| m.matches()),
    }
}

pub(crate) fn choose_theme(desk: Desk, dark: bool) {
    desk.dark.set(dark);
    if let Some(s) = storage() {
        // Private windows may refuse to store: the choice then lasts as long as the page.
        let _ = s.set_item(THEME_KEY, if dark { "dark" } else { "light" });
    }
}

#[component]
fn App() -> impl IntoView {
    let hash = window().location().hash().unwrap_or_default();
    let (scenario, faults) = Scenario::from_hash(&hash).unwrap_or_default();
    let desk = Desk::new(scenario, faults, starts_dark());
    provide_context(desk);

    Effect::new(move |_| {
        if let Some(root) = document().document_element() {
            let _ = root.set_attribute("data-theme", if desk.dark.get() { "dark" } else { "light" });
        }
    });
    keep_address(desk);
    recalc::keep(desk);
    feed::start(desk);

    view! {
        <a class="skip" href="#desk">"Skip to the desk"</a>
        <view::header::Header />
        <view::headline::Headline />
        <main id="desk" class="desk" tabindex="-1">
            <view::account::AccountPanel />
            <section class="centre" aria-label="Price and account">
                <view::price_pane::PricePane />
                <view::account_table::AccountTable />
            </section>
            <view::room_panel::RoomPanel />
        </main>
        <view::data_panel::DataPanel />
        <view::footer::Footer />
        <view::explain::Drawer />
    }
    .into_any()
}

/// The address carries the scenario, and an address typed or opened in this tab is followed.
fn keep_address(desk: Desk) {
    Effect::new(move |_| {
        let hash = format!("#{}", desk.scenario.with(Scenario::to_hash));
        if window().location().hash().unwrap_or_default() != hash
            && let Ok(history) = window().history()
        {
            // Browsers limit how often a page may do this; the next change tries again.
            let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&hash));
        }
    });
    let handle = window_event_listener(ev::hashchange, move |_| {
        let hash = window().location().hash().unwrap_or_default();
        if let Some((scenario, faults)) = Scenario::from_hash(&hash)
            && scenario != desk.scenario.get_untracked()
        {
            desk.notes.set(faults);
            desk.scenario.set(scenario);
        }
    });
    on_cleanup(move || handle.remove());
}
