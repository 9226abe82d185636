//! A real supervisor in a process of its own, with real services, on ports and in a folder of each test.

mod deploys;
mod recovery;
mod world;

const FOLDER_VARIABLE: &str = "TURNPIKE_TEST_FOLDER";

/// Not a test: the supervisor's process, which the tests start from their own program.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the other tests run this as a process"]
async fn supervisor_process() {
    let folder = std::env::var(FOLDER_VARIABLE).unwrap();
    super::supervise(folder.into()).await.unwrap();
}
