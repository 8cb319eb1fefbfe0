//! The shell: signals, feeds, theme, address, and the desk.

use crate::state::desk::Page;
use crate::state::{Desk, Scenario, cascading, chance, comparing, latest, planning, recalc, replaying, watching};
use crate::{feed, view};
use leptos::ev;
use leptos::prelude::*;
use std::cell::Cell;
use wasm_bindgen::prelude::*;

thread_local! {
    static ADDRESS: Cell<Option<TimeoutHandle>> = const { Cell::new(None) };
}

/// Mounts the page.
pub fn start() {
    mount_to_body(App);
}

const THEME_KEY: &str = "headroom.theme";
const COLOURS_KEY: &str = "headroom.colours";

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

fn stored(key: &str) -> Option<String> {
    storage().and_then(|s| s.get_item(key).ok().flatten())
}

/// Keeps a choice. Private windows may refuse to store: it then lasts as long as the page.
fn store(key: &str, value: &str) {
    if let Some(s) = storage() {
        let _ = s.set_item(key, value);
    }
}

/// The chosen theme, else the system's.
fn starts_dark() -> bool {
    match stored(THEME_KEY).as_deref() {
        Some("dark") => true,
        Some("light") => false,
        _ => !window()
            .match_media("(prefers-color-scheme: light)")
            .ok()
            .flatten()
            .is_some_and(|m| m.matches()),
    }
}

/// Until a theme is chosen, a change of the system's is followed.
fn follow_system_theme(desk: Desk) {
    let Some(query) = window().match_media("(prefers-color-scheme: light)").ok().flatten() else {
        return;
    };
    let changed = Closure::<dyn FnMut()>::new(move || desk.dark.set(starts_dark()));
    query.set_onchange(Some(changed.as_ref().unchecked_ref()));
    // The page's own lifetime: there is nothing to hand it back to.
    changed.forget();
}

pub(crate) fn choose_theme(desk: Desk, dark: bool) {
    desk.dark.set(dark);
    store(THEME_KEY, if dark { "dark" } else { "light" });
}

pub(crate) fn choose_colours(desk: Desk, green_red: bool) {
    desk.green_red.set(green_red);
    store(COLOURS_KEY, if green_red { "green-red" } else { "blue-orange" });
}

#[component]
fn App() -> impl IntoView {
    let hash = window().location().hash().unwrap_or_default();
    let (scenario, faults) = Scenario::from_hash(&hash).unwrap_or_default();
    let desk = Desk::new(
        scenario,
        faults,
        starts_dark(),
        stored(COLOURS_KEY).as_deref() == Some("green-red"),
    );
    desk.page.set(Page::of_hash(&hash));
    provide_context(desk);

    Effect::new(move |_| {
        if let Some(root) = document().document_element() {
            let _ = root.set_attribute("data-theme", if desk.dark.get() { "dark" } else { "light" });
            let _ = root.set_attribute(
                "data-colours",
                if desk.green_red.get() {
                    "green-red"
                } else {
                    "blue-orange"
                },
            );
        }
    });
    follow_system_theme(desk);
    keep_address(desk);
    recalc::keep(desk);
    chance::keep(desk);
    planning::keep(desk);
    cascading::keep(desk);
    comparing::keep(desk);
    replaying::keep(desk);
    watching::keep(desk);
    feed::start(desk);
    feed::wallets::start(desk);
    feed::implied::start(desk);

    view! {
        <a class="skip" href="#desk" on:click=move |e| {
            // The part after # is the scenario's: the link moves the focus and leaves the address alone.
            e.prevent_default();
            if let Some(main) = document().get_element_by_id("desk").and_then(|d| d.dyn_into::<web_sys::HtmlElement>().ok()) {
                let _ = main.focus();
            }
        }>"Skip to the desk"</a>
        <view::header::Header />
        <view::headline::Headline />
        <main id="desk" class=move || format!("desk {}", desk.page.get().word()) tabindex="-1">
            <view::account::AccountPanel />
            {move || match desk.page.get() {
                Page::Desk => {
                    view! {
                        <section class="centre" aria-label="Price and account">
                            <view::price_pane::PricePane />
                            <view::chance_panel::ChancePanel />
                            <view::account_table::AccountTable />
                        </section>
                        <view::room_panel::RoomPanel />
                    }
                        .into_any()
                }
                Page::Size => view! { <view::size_page::SizePage /> }.into_any(),
                Page::Hedge => view! { <view::hedge_page::HedgePage /> }.into_any(),
                Page::Cascade => view! { <view::cascade_page::CascadePage /> }.into_any(),
                Page::Venues => view! { <view::venues_page::VenuesPage /> }.into_any(),
                Page::Watch => view! { <view::watch_page::WatchPage /> }.into_any(),
                Page::Replay => view! { <view::replay_page::ReplayPage /> }.into_any(),
                Page::Record => view! { <view::record_page::RecordPage /> }.into_any(),
            }}
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
        desk.scenario.track();
        desk.page.track();
        // Browsers limit how often a page may do this, and it is not free: once after each run of changes.
        latest::once_quiet(&ADDRESS, 150, move || {
            let hash = format!(
                "#{}",
                desk.scenario.with_untracked(|s| s.to_hash(desk.page.get_untracked()))
            );
            if window().location().hash().unwrap_or_default() != hash
                && let Ok(history) = window().history()
            {
                let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&hash));
            }
        });
    });
    let handle = window_event_listener(ev::hashchange, move |_| {
        let hash = window().location().hash().unwrap_or_default();
        if Page::of_hash(&hash) != desk.page.get_untracked() {
            desk.page.set(Page::of_hash(&hash));
        }
        if let Some((scenario, faults)) = Scenario::from_hash(&hash)
            && scenario != desk.scenario.get_untracked()
        {
            desk.notes.set(faults);
            desk.scenario.set(scenario);
        }
    });
    on_cleanup(move || handle.remove());
}
