use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use tokio_util::task::TaskTracker;

use crate::activity::Activity;
use crate::config::Config;
use crate::model::Model;
use crate::routes;
use crate::sessions::Sessions;
use crate::tools::Tools;
use crate::turn::Agent;

/// A prompt is text that a person wrote.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// For a payment that is under way when everything else has stopped.
const LAST_WORK_GRACE: Duration = Duration::from_secs(10);

/// Everything that a request may use.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) agent: Agent,
    pub(crate) sessions: Sessions,
    pub(crate) activity: Activity,
    /// Turns run as tasks of their own, so that a caller who leaves tears nothing.
    pub(crate) turns: TaskTracker,
}

/// Serves the AgentCore contract until the process is told to stop.
pub(crate) async fn serve(config: Config) -> Result<(), runtime::Error> {
    let aws = runtime::aws::config().await;
    let app = Arc::new(App {
        agent: Agent {
            model: Model::new(&aws, config.model_id, config.tokens_max),
            tools: Tools::new(config.mcp_endpoint, config.answer_within, &aws)?,
            steps_max: config.steps_max,
        },
        sessions: Sessions::default(),
        activity: Activity::default(),
        turns: TaskTracker::new(),
    });
    runtime::serve(&config.address, router(Arc::clone(&app))).await?;
    app.turns.close();
    if tokio::time::timeout(LAST_WORK_GRACE, app.turns.wait())
        .await
        .is_err()
    {
        tracing::warn!(
            turns = app.turns.len(),
            "stopped before all turns had ended"
        );
    }
    Ok(())
}

fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/invocations", post(routes::invocations::post))
        .route("/ping", get(routes::ping::get))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(app)
}
