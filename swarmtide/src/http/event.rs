//! What an answer of type `text/event-stream` is made of, for the OpenAPI document.

use serde::Serialize;

/// One server-sent event, its lines as fields; comments, which say that the stream lives, are none.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ServerSentEvent {
    /// What kind of event it is.
    pub(super) event: String,
    /// Identifies what it says, to resume by; not every event has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    /// JSON.
    pub(super) data: String,
}
