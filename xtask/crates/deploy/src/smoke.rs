//! The first questions to what was just deployed, told one by one.

use cloud::progress::{Event, Reporter};
use cloud::{Cloud, Outputs};

/// Asks the services of the stage; true when every answer was right.
pub(crate) async fn passes(cloud: &dyn Cloud, outputs: &Outputs, reporter: &Reporter) -> bool {
    let checks = cloud.smoke_checks(outputs).await;
    for check in &checks {
        reporter.report(&Event::Smoke {
            name: &check.name,
            passed: check.passed,
            detail: &check.detail,
        });
    }
    checks.iter().all(|check| check.passed)
}
