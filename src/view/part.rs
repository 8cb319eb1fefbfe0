//! Small parts that several panels use.

use crate::format;
use crate::state::chance::Told;
use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

/// A number with its unit in the field. Accepts pasted numbers of any habit; arrow keys step by a hundredth of the value;
/// the wheel does nothing. Text that is no number stays, is marked, and changes nothing.
#[component]
pub(crate) fn NumberField(
    #[prop(into)] label: Signal<String>,
    #[prop(into)] value: Signal<Option<f64>>,
    #[prop(into)] on_change: Callback<Option<f64>>,
    #[prop(into)] unit: Signal<String>,
    /// What an empty field means; a field without it must hold a number.
    #[prop(optional, into)]
    empty: Option<Signal<String>>,
    #[prop(optional, into)] fault: Signal<Option<String>>,
    /// A figure known to be about right, which decides between the two readings of "60.000".
    #[prop(optional, into)]
    near: Signal<Option<f64>>,
) -> impl IntoView {
    let desk = super::desk();
    let read = move |t: &str| format::parse_near(t, near.get_untracked());
    let shown = move |v: Option<f64>| v.map_or_else(String::new, format::plain);
    let text = RwSignal::new(shown(value.get_untracked()));
    let focused = RwSignal::new(false);
    // A change from elsewhere shows at once, unless it would overwrite what is being typed.
    Effect::new(move |_| {
        let v = value.get();
        if !focused.get_untracked() || read(&text.get_untracked()) != v {
            let typed = text.get_untracked();
            if !(focused.get_untracked() && (typed.trim().is_empty() || read(&typed).is_none())) {
                text.set(shown(v));
            }
        }
    });
    let wrong = Memo::new(move |_| {
        let t = text.get();
        if t.trim().is_empty() {
            empty.is_none().then(|| "A number is needed.".to_owned())
        } else {
            format::parse(&t).is_none().then(|| "This is no number.".to_owned())
        }
    });
    let message = move || wrong.get().or_else(|| fault.get());
    let enter = move |t: String| {
        text.set(t.clone());
        if t.trim().is_empty() {
            if empty.is_some() {
                on_change.run(None);
            }
        } else if let Some(v) = read(&t) {
            on_change.run(Some(v));
        }
    };
    let step = move |e: KeyboardEvent| {
        let direction = match e.key().as_str() {
            "ArrowUp" => 1.0,
            "ArrowDown" => -1.0,
            _ => return,
        };
        let Some(v) = read(&text.get_untracked()) else {
            return;
        };
        e.prevent_default();
        // A round step near a hundredth of the value; ten times that with Shift.
        let size = 10f64.powf(v.abs().max(1e-9).log10().floor() - 2.0) * if e.shift_key() { 10.0 } else { 1.0 };
        enter(format::plain(((v / size).round() + direction) * size));
    };
    let id = next_id("field");
    let own = id.clone();
    Effect::new(move |_| {
        let unread = wrong.get().is_some();
        if desk.unread.with_untracked(|u| u.contains(&own)) != unread {
            desk.unread.update(|u| {
                if unread {
                    u.insert(own.clone());
                } else {
                    u.remove(&own);
                }
            });
        }
    });
    let gone = id.clone();
    on_cleanup(move || {
        let _ = desk.unread.try_update(|u| u.remove(&gone));
    });
    let (id_input, id_message) = (id.clone(), format!("{id}-message"));
    let described = id_message.clone();
    view! {
        <div class="field" class:wrong=move || message().is_some()>
            <label for=id>{label}</label>
            <span class="box">
                <input
                    id=id_input
                    type="text"
                    inputmode="decimal"
                    autocomplete="off"
                    prop:value=text
                    placeholder=move || empty.map(|e| e.get()).unwrap_or_default()
                    aria-invalid=move || message().is_some().to_string()
                    aria-describedby=described
                    on:input=move |e| enter(event_target_value(&e))
                    on:keydown=step
                    on:focus=move |_| focused.set(true)
                    on:blur=move |_| {
                        focused.set(false);
                        if wrong.get_untracked().is_none() {
                            text.set(shown(value.get_untracked()));
                        }
                    }
                />
                <span class="unit">{unit}</span>
            </span>
            <span class="message" id=id_message role="alert">{message}</span>
        </div>
    }
}

/// An id that no other element of the page has.
pub(crate) fn next_id(prefix: &str) -> String {
    use std::cell::Cell;
    thread_local! { static NEXT: Cell<u32> = const { Cell::new(0) }; }
    format!("{prefix}-{}", NEXT.with(|n| n.replace(n.get() + 1)))
}

/// A choice of few, as radio buttons in a row.
#[component]
pub(crate) fn Choice<T>(
    legend: &'static str,
    options: Vec<(T, &'static str)>,
    #[prop(into)] value: Signal<T>,
    #[prop(into)] on_change: Callback<T>,
) -> impl IntoView
where
    T: Copy + PartialEq + Send + Sync + 'static,
{
    let name = next_id("choice");
    view! {
        <fieldset class="choice">
            <legend>{legend}</legend>
            <div>
                {options
                    .into_iter()
                    .map(|(option, word)| {
                        view! {
                            <label class:chosen=move || value.get() == option>
                                <input type="radio" name=name.clone() prop:checked=move || value.get() == option on:change=move |_| on_change.run(option) />
                                {word}
                            </label>
                        }
                    })
                    .collect_view()}
            </div>
        </fieldset>
    }
}

/// A labelled figure with a line of detail under it.
#[component]
pub(crate) fn Figure(
    label: &'static str,
    #[prop(into)] value: Signal<String>,
    #[prop(optional, into)] detail: Signal<String>,
    #[prop(optional, into)] tone: Signal<&'static str>,
) -> impl IntoView {
    view! {
        <div class=move || format!("figure {}", tone.get())>
            <dt>{label}</dt>
            <dd>
                <output>{value}</output>
                <small>{detail}</small>
            </dd>
        </div>
    }
}

/// A chance as it is told: with its error, or as a first estimate, or a dash.
pub(crate) fn told(told: &Told) -> String {
    match told {
        Told::Computed(p, error) => format::chance(*p, *error),
        Told::Estimate(p) => format!("≈ {}", format::chance(*p, 0.0)),
        Told::Unknown(_) => format::UNKNOWN.to_owned(),
    }
}

/// Why there is no figure, as a sentence.
pub(crate) fn not_told(why: &str) -> String {
    format!("Not told: {}.", why.trim_end_matches('.'))
}
