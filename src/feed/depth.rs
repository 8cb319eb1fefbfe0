//! The order book of one instrument: the stream's while it is fresh, else asked for once when a desk wants it.

use super::request::fill;
use super::streams;
use crate::state::market::Key;
use headroom_core::market::Book;
use headroom_core::venue::endpoint::{self, Role};

pub(crate) async fn load(key: &Key) -> Result<Book, String> {
    let now = js_sys::Date::now();
    if let Some(book) = streams::book(key, now) {
        return Ok(book);
    }
    let endpoint = endpoint::find(key.0, Role::Book, "linear")
        .ok_or_else(|| format!("{} has no public order book here", key.0))?;
    let job = fill(endpoint, &key.1, now);
    let found = job.ask().await?;
    found
        .book
        .ok_or_else(|| format!("{} answered without a book", job.host()))
}
