use std::collections::BTreeSet;

use super::*;

#[test]
fn every_line_of_the_table_is_understood() {
    assert!(all().len() > 20, "{:?}", all().len());
    for known in all() {
        let mut waiting: Vec<&Property> = known.properties.iter().collect();
        assert!(!waiting.is_empty(), "{} has no properties", known.name);
        while let Some(property) = waiting.pop() {
            let about = format!("{}: {property:?}", known.name);
            assert!(
                property
                    .name
                    .starts_with(|first: char| first.is_ascii_alphabetic()),
                "{about}"
            );
            assert_eq!(
                property.form == Form::Map,
                !property.inner.is_empty(),
                "{about}"
            );
            waiting.extend(&property.inner);
        }
    }
    assert!(find("AWS::EC2::Subne").is_none());
}

#[test]
fn every_mark_is_known_and_every_type_says_what_it_becomes_locally() {
    let text = include_str!("types.txt");
    let rows = text.split("\nAWS::").skip(1);
    for row in rows {
        let marks: Vec<&str> = row
            .lines()
            .filter_map(|line| line.trim().strip_prefix('@')?.split(' ').next())
            .collect();
        let known = ["replaced", "versioned", "holds", "kept", "emptied", "local"];
        assert!(marks.iter().all(|mark| known.contains(mark)), "{row}");
        assert!(
            marks.contains(&"local") && marks.contains(&"replaced"),
            "{row}"
        );
        let once: BTreeSet<&&str> = marks.iter().collect();
        assert_eq!(once.len(), marks.len(), "{row}");
    }
}

#[test]
fn a_type_has_one_row_and_what_a_row_names_is_there() {
    let names: BTreeSet<&str> = all().iter().map(|known| known.name).collect();
    assert_eq!(names.len(), all().len());
    for known in all() {
        for name in known.replaced.iter().filter(|name| **name != "*") {
            assert!(known.property(name).is_some(), "{}: {name}", known.name);
        }
        assert!(known.holds.is_some() || !known.is_emptied, "{}", known.name);
        if let Local::Named { property, .. } = known.local {
            assert!(known.property(property).is_some(), "{}", known.name);
        }
        let mut waiting: Vec<&Property> = known.properties.iter().collect();
        while let Some(property) = waiting.pop() {
            for of in &property.of {
                let (name, attribute) = of.split_once('.').unwrap_or((of, ""));
                let referred = find(name).unwrap_or_else(|| panic!("{}: {of}", known.name));
                assert!(
                    attribute.is_empty() || referred.attributes.contains(&attribute),
                    "{}: {of}",
                    known.name
                );
            }
            waiting.extend(&property.inner);
        }
    }
}

#[test]
fn a_change_is_made_in_place_or_not() {
    let properties = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    assert!(replaces(
        "AWS::S3::Bucket",
        &properties(&["Tags", "BucketName"])
    ));
    assert!(!replaces("AWS::S3::Bucket", &properties(&["Tags"])));
    assert!(replaces("AWS::ECS::TaskDefinition", &properties(&["Tags"])));
    assert!(!replaces("AWS::X::Y", &properties(&["Name"])));
}
