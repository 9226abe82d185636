use axum::extract::State;
use axum::{Extension, Json};
use serde_json::Value;

use super::chat::no_place;
use crate::access::Visitor;
use crate::app::App;
use crate::problem::Problem;

/// `GET /api/wallet`: what the agent's `get_wallet` tool says. The wallet belongs to the agent, so every visitor sees the
/// same one, and all of them are served by one AgentCore session instead of a new one each time.
pub(crate) async fn wallet(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Json<Value>, Problem> {
    let _place = app.wallet_reads.take(&visitor.id).map_err(no_place)?;
    app.agent
        .read(&app.wallet_session, "get_wallet")
        .await
        .map(Json)
}
