//! What keeps the services of a stage that sell something out of the lists of paid APIs. Nothing is broken by it, so it is told
//! beside the problems.

use listing::Obstacle;
use template::Node;

use super::System;
use super::model::shown;
use super::place;
use facts::{CloudKind, Sale, Settled, sales};
use words::error::Problem;

/// What lists would need of each service that sells. On the local stage nobody lists anything.
pub(crate) fn notes(system: &System<'_>) -> Vec<Problem> {
    if system.stage.cloud == CloudKind::Local {
        return Vec::new();
    }
    let sales = sales(system.repo, system.stage);
    sales
        .iter()
        .flat_map(|sale| of_sale(system, sale))
        .collect()
}

fn of_sale(system: &System<'_>, sale: &Sale<'_>) -> Vec<Problem> {
    let name = &sale.service.name;
    let note = |place: String, why: &str, fix: String| Problem {
        place,
        text: format!(
            "no list of paid APIs shows {name} of {}: {why}",
            system.stage.name
        ),
        fix,
    };
    let mut notes = Vec::new();
    match &sale.service.listing {
        None => {
            let fix = "write a file beside the manifest and add listing = \"listing.json\" (docs/payments.md, \"Being found\")";
            let why = "its manifest names no `listing`";
            notes.push(note(sale.manifest.clone(), why, fix.to_owned()));
        }
        Some(file) => {
            let obstacles = Obstacle::of_listing(&file.listing).into_iter();
            notes.extend(obstacles.map(|obstacle| {
                let fix = format!("add it to {}", file.shown);
                note(file.shown.clone(), &obstacle.to_string(), fix)
            }));
        }
    }
    if let Some(place) = plain_http(system, name) {
        let fix = "give its load balancer a certificate for a name of yours, or put something that has both before it";
        notes.push(note(place, &Obstacle::NoHttps.to_string(), fix.to_owned()));
    }
    let networks = sale.networks.iter().map(String::as_str);
    if let Some(obstacle) = Obstacle::of_networks(networks) {
        let fix = "name a network that a hosted facilitator settles on";
        notes.push(note(
            sale.stage.clone(),
            &obstacle.to_string(),
            fix.to_owned(),
        ));
    }
    match &sale.settled {
        Some(Settled::Here(facilitator, hosted)) => {
            let why = format!(
                "{facilitator} settles its payments, and only hosted facilitators keep lists"
            );
            let fix = hosted.map_or_else(
                || "let a hosted facilitator settle".to_owned(),
                |key| format!("set `{key}` to a hosted facilitator"),
            );
            notes.push(note(sale.stage.clone(), &why, fix));
        }
        Some(settled @ Settled::Hosted(_)) => {
            notes.extend(settled.unlisted(&sale.networks).map(|unlisted| Problem {
                place: sale.stage.clone(),
                text: format!("{name} of {} may not start: {unlisted}", system.stage.name),
                fix:
                    "ask the facilitator's /supported, or sell on a network of its list".to_owned(),
            }));
        }
        None => {}
    }
    notes
}

/// Where a service's stack tells others a URL that begins with http.
fn plain_http(system: &System<'_>, owner: &str) -> Option<String> {
    let stack = system.stacks.iter().find(|stack| stack.owner == owner)?;
    let tree = Node::parse(stack.text).ok()?;
    let url = tree.at("Outputs.Url.Value")?;
    let place = || place::of(system, stack, Some(&tree), url.line);
    shown(url).starts_with("http://").then(place)
}
