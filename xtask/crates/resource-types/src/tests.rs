use std::collections::BTreeSet;

use super::*;

/// The schema of what a row's property is, through lists.
fn of<'a>(known: &'a ResourceType, schema: &'a Schema, name: &str) -> Option<&'a Schema> {
    let types = &known.schema;
    let mut schema = types.resolve(schema);
    while let Some(items) = &schema.items {
        schema = types.resolve(items);
    }
    let forms = std::iter::once(schema)
        .chain(&schema.one_of)
        .chain(&schema.any_of)
        .map(|form| types.resolve(form));
    let forms = forms.flat_map(|form| [Some(form), form.items.as_deref()]);
    forms
        .flatten()
        .find_map(|form| types.resolve(form).properties.get(name))
}

#[test]
fn what_a_row_names_is_in_its_schema() {
    for row in ROWS.iter() {
        let known = find(row.name).unwrap_or_else(|| panic!("{} has no schema", row.name));
        for name in &row.replaced {
            assert!(known.has_property(name), "{}: {name}", row.name);
        }
        for name in &row.attributes {
            let known = &known.schema.attributes;
            assert!(!known.iter().any(|one| one == name), "{}: {name}", row.name);
        }
        if let Local::Named { property, .. } = row.local {
            assert!(known.has_property(property), "{}", row.name);
        }
        let root = &known.schema.root;
        let mut waiting: Vec<(&Addition, &Schema)> =
            row.properties.iter().map(|one| (one, root)).collect();
        while let Some((addition, schema)) = waiting.pop() {
            let about = format!("{}: {addition:?}", row.name);
            let found = of(known, schema, addition.name);
            let found = found.unwrap_or_else(|| panic!("{about}"));
            for of in &addition.of {
                let (name, attribute) = of.split_once('.').unwrap_or((of, ""));
                let referred = find(name).unwrap_or_else(|| panic!("{about}: {of}"));
                assert!(
                    attribute.is_empty() || referred.has_attribute(attribute),
                    "{about}: {of}"
                );
            }
            waiting.extend(addition.inner.iter().map(|inner| (inner, found)));
        }
    }
    assert!(find("AWS::EC2::Subne").is_none());
}

#[test]
fn a_type_has_one_row_and_every_mark_is_known() {
    let names: BTreeSet<&str> = ROWS.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), ROWS.len());
    assert!(names.len() > 40);
    for row in include_str!("types.txt").split("\nAWS::").skip(1) {
        let marks: Vec<&str> = row
            .lines()
            .filter_map(|line| line.trim().strip_prefix('@')?.split(' ').next())
            .collect();
        let known = ["replaced", "versioned", "holds", "kept", "emptied", "local"];
        assert!(marks.iter().all(|mark| known.contains(mark)), "{row}");
        let once: BTreeSet<&&str> = marks.iter().collect();
        assert_eq!(once.len(), marks.len(), "{row}");
    }
}

#[test]
fn every_schema_is_read_and_leads_somewhere() {
    let mut count = 0;
    let mut unread = Vec::new();
    for service in services() {
        for name in types_of(service) {
            count += 1;
            let known = find(name).unwrap_or_else(|| panic!("{name}"));
            let types = &known.schema;
            let mut waiting: Vec<&Schema> = types.definitions.values().collect();
            waiting.push(&types.root);
            while let Some(schema) = waiting.pop() {
                if let Some(path) = &schema.reference {
                    let target = path.strip_prefix("#/definitions/");
                    let is_there = target.is_some_and(|name| types.definitions.contains_key(name));
                    assert!(is_there || path.starts_with("#/"), "{name}: {path}");
                }
                for pattern in schema
                    .pattern
                    .iter()
                    .chain(schema.pattern_properties.keys())
                {
                    if let Err(error) = regex_lite::Regex::new(pattern) {
                        unread.push(format!("{name}: {pattern}: {error}"));
                    }
                }
                waiting.extend(schema.properties.values());
                waiting.extend(schema.pattern_properties.values());
                waiting.extend(schema.additional_properties.as_deref());
                waiting.extend(schema.items.as_deref());
                waiting.extend(&schema.one_of);
                waiting.extend(&schema.any_of);
                waiting.extend(&schema.all_of);
            }
        }
    }
    assert!(unread.is_empty(), "{}: {unread:#?}", unread.len());
    assert!(count > 1_800, "{count}");
    assert!(source().starts_with("cfn-lint 1."), "{}", source());
}

#[test]
fn a_change_is_made_in_place_or_not() {
    for (name, property, replaced) in [
        ("AWS::S3::Bucket", "BucketName", true),
        ("AWS::S3::Bucket", "Tags", false),
        ("AWS::ECS::TaskDefinition", "ContainerDefinitions", true),
        // https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-taskdefinition.html: Tags
        // are updated without interruption.
        ("AWS::ECS::TaskDefinition", "Tags", false),
        ("AWS::Lambda::Permission", "Action", true),
        ("AWS::X::Y", "Name", false),
    ] {
        let properties = ["Tags".to_owned(), property.to_owned()];
        assert_eq!(replaces(name, &properties), replaced, "{name} {property}");
    }
}

#[test]
fn what_holds_something_is_known_by_aws_list_and_by_ours() {
    for (name, holds, emptied) in [
        ("AWS::S3::Bucket", Some("bucket"), true),
        ("AWS::ECR::Repository", Some("repository"), true),
        ("AWS::SQS::Queue", Some("queue"), false),
        ("AWS::Logs::LogGroup", Some("log group"), false),
        ("AWS::IAM::Role", None, false),
    ] {
        let known = find(name).unwrap();
        assert_eq!(known.holds().as_deref(), holds, "{name}");
        assert_eq!(known.is_emptied(), emptied, "{name}");
    }
}
