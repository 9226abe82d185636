//! What the listing says of us is what we do.

use super::*;
use serde_json::{Value, json};
use x402::server::{Discovery, Listing};

fn discovery() -> Discovery {
    let listing = Listing::from_json(include_str!("../../listing.json")).unwrap();
    assert_eq!(listing.problems(), []);
    listing.discovery.unwrap()
}

#[test]
fn the_listing_has_the_limits_of_the_query() {
    let city = &discovery().query_schema["properties"]["city"];
    assert_eq!(city["maxLength"], CITY_CHARACTERS_MAX);
    let normals = Weather::Normals(Arc::new(Normals::embedded()));
    let example = &discovery().query["city"];
    assert!(normals.find(example.as_str().unwrap()).is_ok());
}

/// An answer of every source, and none with more or other members than the listing names.
#[test]
fn the_listing_describes_every_answer() {
    let mut discovery = discovery();
    discovery.answer_schema["additionalProperties"] = Value::Bool(false);
    let normals = Normals::embedded();
    let index = normals.find("Oslo").unwrap();
    let normal = normals.report(index, time::Month::May).unwrap();
    let observation = Report {
        kind: Kind::Observation,
        month: None,
        note: None,
        ..normal.clone()
    };
    for report in [normal, observation] {
        assert_eq!(discovery.describes(&json!(report)), Ok(()), "{report:?}");
    }
    let other = json!({ "kind": "forecast" });
    assert_eq!(discovery.describes(&other).unwrap_err().len(), 6);
}
