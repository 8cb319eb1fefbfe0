//! The order book of one instrument, asked for once when a desk wants it.

use super::{fill, http};
use crate::engine::{self, Lane};
use crate::state::market::Key;
use headroom_core::api::NormalizeResponse;
use headroom_core::market::Book;
use headroom_core::venue::endpoint::ENDPOINTS;
use serde_json::json;

const NAMES: [&str; 4] = ["depth", "orderbook", "books", "l2_book"];

pub(crate) async fn load(key: &Key) -> Result<Book, String> {
    let endpoint = ENDPOINTS
        .iter()
        .find(|e| e.venue == key.0 && e.source.split_once('.').is_some_and(|(_, n)| NAMES.contains(&n)))
        .ok_or_else(|| format!("{} has no public order book here", key.0))?;
    let job = fill(endpoint, &key.1, js_sys::Date::now());
    let text = http::text(
        endpoint.method,
        &job.url,
        job.body.as_deref(),
        endpoint.max_bytes,
        job.host(),
    )
    .await?;
    let request = json!({"op": "normalize", "source": endpoint.source, "body": text}).to_string();
    engine::read::<NormalizeResponse>(&engine::ask(Lane::Read, &request).await)
        .map_err(|f| f.message)?
        .found
        .book
        .ok_or_else(|| format!("{} answered without a book", job.host()))
}
