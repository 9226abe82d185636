//! Work that outlives the connection on which it was asked for.

use std::sync::LazyLock;

use tokio_util::task::TaskTracker;

/// Of the whole process: it is the process that ends, or waits.
static WORK: LazyLock<TaskTracker> = LazyLock::new(TaskTracker::new);

/// Spawns work that has to run to its end even if its caller disconnects. A process that is told to stop waits for it as it
/// does for requests: see [`super::serve`].
pub fn spawn_to_end(work: impl Future<Output: Send + 'static> + Send + 'static) {
    WORK.spawn(work);
}

/// Waits until nothing of it is left. Nothing new begins once requests have ended.
pub(super) async fn ended() {
    WORK.close();
    WORK.wait().await;
}
