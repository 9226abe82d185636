use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use crate::activity::Ping;
use crate::app::App;

/// `GET /ping`: always answers at once, also while turns run.
pub(crate) async fn get(State(app): State<Arc<App>>) -> Json<Ping> {
    Json(app.activity.ping())
}
