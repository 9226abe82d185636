//! The paths that services name themselves, under `smoke` in their manifests: each answers 200 when its service can do its work.

use std::time::Duration;

use futures_util::future::join_all;

use super::Check;
use crate::shop::own_words;
use cloud::Outputs;
use facts::Context;
use facts::typed;
use facts::{CloudKind, Smoke, Stage};

/// How long a load balancer may take to know that its new task is well.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks every service of the stage all that it wants to be asked, as far as it can be reached from here.
pub async fn paths(context: &Context, stage: &Stage, outputs: &Outputs) -> Vec<Check> {
    let mut asked = Vec::new();
    for service in facts::deployed(&context.repo, stage) {
        let Some(url) = outputs
            .get(&service.name)
            .and_then(|outputs| outputs.get("Url"))
        else {
            continue;
        };
        // On AWS the others answer nobody outside of the stage's network.
        if stage.cloud != CloudKind::Local
            && !stacks::answers_the_world(&context.repo, stage, service)
        {
            continue;
        }
        for path in service.smoke.iter().filter_map(|asked| match asked {
            Smoke::Path(path) => Some(path),
            Smoke::Paid(_) | Smoke::Refused(_) | Smoke::Tool(_) | Smoke::Ask(_) => None,
        }) {
            asked.push(async move {
                let result = own_words(url, path, PATIENCE).await;
                let hint = format!(
                    "what it logs: {}",
                    typed(stage, &format!("logs {} --since 10m", service.name))
                );
                Check::new(format!("{}, {path}", service.name), result, hint)
            });
        }
    }
    join_all(asked).await
}
