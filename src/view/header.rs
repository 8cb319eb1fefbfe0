//! Name, link to share, theme.

use super::desk;
use crate::app::{choose_colours, choose_theme};
use crate::state::desk::Page;
use leptos::prelude::*;

#[component]
pub(crate) fn Header() -> impl IntoView {
    let desk = desk();
    let copied = RwSignal::new(false);
    let share = move |_| {
        // From the scenario, not from the address bar, which a person may have edited.
        let whole = window().location().href().unwrap_or_default();
        let page = whole.split('#').next().unwrap_or_default();
        let address = format!(
            "{page}#{}",
            desk.scenario.with_untracked(|s| s.to_hash(desk.page.get_untracked()))
        );
        let promise = window().navigator().clipboard().write_text(&address);
        wasm_bindgen_futures::spawn_local(async move {
            if wasm_bindgen_futures::JsFuture::from(promise).await.is_ok() {
                copied.set(true);
                set_timeout(
                    move || {
                        let _ = copied.try_set(false);
                    },
                    std::time::Duration::from_secs(2),
                );
            }
        });
    };
    view! {
        <header class="bar">
            <h1>"Headroom"</h1>
            <nav class="pages" aria-label="Pages">
                {Page::ALL
                    .iter()
                    .map(|&(page, word, name)| {
                        let here = move || (desk.page.get() == page).then_some("page");
                        view! {
                            <a
                                href=format!("#/{word}")
                                aria-current=here
                                on:click=move |e| {
                                    // The part after # is the scenario's: it follows by itself.
                                    e.prevent_default();
                                    desk.page.set(page);
                                }
                            >
                                {name}
                            </a>
                        }
                    })
                    .collect_view()}
            </nav>
            <div class="actions">
                <button type="button" on:click=share>{move || if copied.get() { "Link copied" } else { "Copy link" }}</button>
                <button type="button" aria-pressed=move || desk.green_red.get().to_string() on:click=move |_| choose_colours(desk, !desk.green_red.get_untracked())>
                    {move || if desk.green_red.get() { "Blue and orange" } else { "Green and red" }}
                </button>
                <button type="button" aria-pressed=move || (!desk.dark.get()).to_string() on:click=move |_| choose_theme(desk, !desk.dark.get_untracked())>
                    {move || if desk.dark.get() { "Light" } else { "Dark" }}
                </button>
            </div>
        </header>
        <div class="notes" role="status">
            {move || desk.notes.get().into_iter().map(|n| view! { <p>{n}</p> }).collect_view()}
        </div>
    }
}
