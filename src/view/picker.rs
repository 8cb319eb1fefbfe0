//! Instrument picker: a text field that searches every symbol of the venue.

use super::desk;
use super::part::next_id;
use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

/// Longest list shown at once; typing narrows it.
const SHOWN: usize = 40;

#[component]
pub(crate) fn InstrumentPicker(
    #[prop(into)] value: Signal<String>,
    #[prop(into)] on_pick: Callback<String>,
    #[prop(into)] fault: Signal<Option<String>>,
) -> impl IntoView {
    let desk = desk();
    let typed = RwSignal::new(None::<String>);
    let active = RwSignal::new(0usize);
    let symbols = Memo::new(move |_| {
        let venue = desk.scenario.with(|s| s.venue);
        desk.books
            .with(|b| b.get(&venue).map(|b| b.symbols()).unwrap_or_default())
    });
    let found = Memo::new(move |_| {
        let query = typed.get().unwrap_or_default().trim().to_uppercase();
        symbols.with(|all| {
            let starts = all.iter().filter(|s| s.to_uppercase().starts_with(&query));
            let contains = all.iter().filter(|s| {
                let s = s.to_uppercase();
                !s.starts_with(&query) && s.contains(&query)
            });
            starts.chain(contains).take(SHOWN).cloned().collect::<Vec<_>>()
        })
    });
    let open = move || typed.with(Option::is_some);
    let pick = move |symbol: String| {
        typed.set(None);
        on_pick.run(symbol);
    };
    // What was typed is taken when it is a known symbol, or when nothing known matches: a person may know better.
    let accept = move || {
        let Some(text) = typed.get_untracked() else { return };
        let text = text.trim().to_owned();
        let exact = symbols.with_untracked(|all| all.iter().find(|s| s.eq_ignore_ascii_case(&text)).cloned());
        match exact.or_else(|| found.with_untracked(|f| f.get(active.get_untracked()).cloned())) {
            Some(symbol) => pick(symbol),
            None if !text.is_empty() => pick(text),
            None => typed.set(None),
        }
    };
    // Leaving the field keeps a whole symbol that was typed; anything else was only looked at.
    let leave = move || {
        let Some(text) = typed.get_untracked() else { return };
        match symbols.with_untracked(|all| all.iter().find(|s| s.eq_ignore_ascii_case(text.trim())).cloned()) {
            Some(symbol) => pick(symbol),
            None => typed.set(None),
        }
    };
    let on_key = move |e: KeyboardEvent| {
        let count = found.with_untracked(Vec::len);
        match e.key().as_str() {
            "ArrowDown" | "ArrowUp" => {
                e.prevent_default();
                if typed.get_untracked().is_none() {
                    typed.set(Some(String::new()));
                } else if count > 0 {
                    let next = if e.key() == "ArrowDown" { 1 } else { count - 1 };
                    active.update(|a| *a = (*a + next) % count);
                }
            }
            "Enter" => {
                e.prevent_default();
                accept();
            }
            "Escape" => typed.set(None),
            _ => {}
        }
    };
    let list_node: NodeRef<leptos::html::Ul> = NodeRef::new();
    // The option that the arrow keys are on stays in view.
    Effect::new(move |_| {
        let (i, true) = (active.get(), open()) else { return };
        if let Some(option) = list_node.get().and_then(|l| l.children().item(i as u32)) {
            option.scroll_into_view_with_scroll_into_view_options(&nearest());
        }
    });
    let id = next_id("picker");
    let list = format!("{id}-list");
    let (for_label, controls) = (id.clone(), list.clone());
    let option_id = move |i: usize| format!("{controls}-{i}");
    let active_id = {
        let option_id = option_id.clone();
        move || open().then(|| option_id(active.get()))
    };
    view! {
        <div class="field picker" class:wrong=move || fault.get().is_some()>
            <label for=for_label>"Instrument"</label>
            <span class="box">
                <input
                    id=id
                    type="text"
                    role="combobox"
                    autocomplete="off"
                    spellcheck="false"
                    aria-autocomplete="list"
                    aria-controls=list.clone()
                    aria-expanded=move || open().to_string()
                    aria-activedescendant=active_id
                    prop:value=move || typed.get().unwrap_or_else(|| value.get())
                    on:focus=move |e| {
                        use wasm_bindgen::JsCast;
                        if let Some(input) = e.target().and_then(|t| t.dyn_into::<web_sys::HtmlInputElement>().ok()) {
                            input.select();
                        }
                    }
                    on:click=move |_| { if typed.get_untracked().is_none() { active.set(0); typed.set(Some(String::new())) } }
                    on:input=move |e| { active.set(0); typed.set(Some(event_target_value(&e))) }
                    on:keydown=on_key
                    on:blur=move |_| leave()
                />
                <span class="unit">{move || format!("{} listed", symbols.with(Vec::len))}</span>
            </span>
            <ul id=list node_ref=list_node role="listbox" aria-label="Instruments" hidden=move || !open()>
                {move || {
                    found
                        .get()
                        .into_iter()
                        .enumerate()
                        .map(|(i, symbol)| {
                            let text = symbol.clone();
                            view! {
                                <li id=option_id(i) role="option" aria-selected=move || (active.get() == i).to_string()
                                    on:mousedown=move |e| { e.prevent_default(); pick(symbol.clone()) }>
                                    {text}
                                </li>
                            }
                        })
                        .collect_view()
                }}
            </ul>
            <span class="message" role="alert">{fault}</span>
        </div>
    }
}

/// Scrolls no further than needed.
fn nearest() -> web_sys::ScrollIntoViewOptions {
    let options = web_sys::ScrollIntoViewOptions::new();
    options.set_block(web_sys::ScrollLogicalPosition::Nearest);
    options
}
