use super::*;
use expect_test::{Expect, expect};

/// A file that nothing is wrong with, changed.
fn listing(change: impl FnOnce(&mut Value)) -> Listing {
    let mut json = json!({
        "description": "Weather of a city",
        "serviceName": "Weather",
        "tags": ["weather", "climate data"],
        "iconUrl": "https://example.org/icon.png",
        "discovery": {
            "query": { "city": "Tokyo" },
            "querySchema": { "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] },
            "answer": { "city": "Tokyo", "celsius": 15.2 },
            "answerSchema": { "type": "object", "properties": { "celsius": { "type": "number" } } },
        },
    });
    change(&mut json);
    Listing::from_json(&json.to_string()).unwrap()
}

fn problems(change: impl FnOnce(&mut Value)) -> Vec<ListingError> {
    listing(change).problems()
}

#[test]
fn limits() {
    use ListingError::*;
    assert_eq!(problems(|_| {}), []);
    let whole = |json: &mut Value| json["description"] = "é".repeat(500).into();
    assert_eq!(problems(whole), []);
    let foreign = || Reference(Which::Query, "https://example.org/city".into());
    for (path, value, expected) in [
        ("/description", json!("é".repeat(501)), Description(501)),
        ("/description", json!("🌦".repeat(251)), Description(502)),
        ("/serviceName", json!("a".repeat(33)), ServiceName),
        ("/serviceName", json!(""), ServiceName),
        ("/serviceName", json!("Météo"), ServiceName),
        ("/serviceName", json!("a\nb"), ServiceName),
        ("/tags", json!(["a".repeat(33)]), Tags),
        ("/tags", json!(["a", "b", "c", "d", "e", "f"]), Tags),
        ("/tags", json!(["rain", "Rain"]), Tags),
        (
            "/discovery/querySchema/properties/city",
            json!({ "$ref": "https://example.org/city" }),
            foreign(),
        ),
        (
            "/discovery/answerSchema",
            json!({ "anyOf": [{ "$id": 7 }] }),
            Reference(Which::Answer, "7".into()),
        ),
        ("/discovery/query", json!("city=Tokyo"), Query),
    ] {
        let change = |json: &mut Value| *json.pointer_mut(path).unwrap() = value.clone();
        assert_eq!(problems(change), [expected], "{path} {value}");
    }
}

#[test]
fn icons_are_on_public_hosts() {
    for url in [
        "ftp://example.org/a",
        "https://localhost/a",
        "https://127.0.0.1/a",
        "https://0x7f000001/",
        "https://[::1]/",
        "https://a:b@example.org/",
        "icon.png",
        "",
    ] {
        let found = problems(|json| json["iconUrl"] = url.into());
        assert_eq!(found, [ListingError::IconUrl], "{url}");
    }
}

#[test]
fn the_file_is_read_strictly() {
    for (text, expected) in [
        (
            "{\"description\": \"a\",\n \"tag\": []}",
            "unknown field `tag`",
        ),
        (
            "{\"discovery\": {\"query\": {}}}",
            "missing field `querySchema`",
        ),
        ("{\"tags\": \"weather\"}", "invalid type: string"),
        ("{\"description\": \"a\",}", "trailing comma"),
        ("", "EOF while parsing"),
    ] {
        let error = Listing::from_json(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert_eq!(Listing::from_json("{}").unwrap(), Listing::default());
}

/// What is said of a schema of the answer and an example of it.
#[track_caller]
fn told(schema: &Value, answer: &Value, expected: Expect) {
    let found = problems(|json| {
        json["discovery"]["answerSchema"] = schema.clone();
        json["discovery"]["answer"] = answer.clone();
    });
    let lines = found.iter().map(|problem| {
        let member = problem.member().join(".");
        format!("{member}: {problem}\n  {}", problem.fix())
    });
    expected.assert_eq(&lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_schema_is_one() {
    told(
        &json!({ "type": "strnig", "properties": { "a": "text", "b": { "items": [{}] } }, "required": "a", "minLength": -1 }),
        &json!({}),
        expect![[r#"
            discovery.answerSchema: `minLength` is not a whole number, so this is not a JSON Schema
              write it as JSON Schema 2020-12 has it
            discovery.answerSchema: `properties/a` is not a schema: an object, true or false, so this is not a JSON Schema
              write it as JSON Schema 2020-12 has it
            discovery.answerSchema: `properties/b/items` is not a schema: an object, true or false, so this is not a JSON Schema
              write it as JSON Schema 2020-12 has it
            discovery.answerSchema: `required` is not a list of names, so this is not a JSON Schema
              write it as JSON Schema 2020-12 has it
            discovery.answerSchema: `type` is not null, boolean, object, array, number, string or integer, or a list of these, so this is not a JSON Schema
              write it as JSON Schema 2020-12 has it"#]],
    );
}

/// Buyers get both schemas as parts of one, and references count from its root.
#[test]
fn a_reference_means_something_where_buyers_read_it() {
    let defs = json!({ "city": { "type": "string" } });
    told(
        &json!({ "$ref": "#/$defs/city", "$defs": defs }),
        &json!("Tokyo"),
        expect![[r#"
            discovery.answerSchema: `#/$defs/city` refers to nothing in the schema that buyers get
              write `#/properties/output/properties/example/$defs/city`, or the schema that it means in its place"#]],
    );
    told(
        &json!({ "$ref": "#nowhere" }),
        &json!("Tokyo"),
        expect![[r#"
            discovery.answerSchema: `#nowhere` refers to nothing in the schema that buyers get
              write the schema that it means in its place"#]],
    );
    for reference in ["#/properties/output/properties/example/$defs/city", "#town"] {
        let defs = json!({ "city": { "$anchor": "town", "type": "string" } });
        let schema = json!({ "properties": { "city": { "$ref": reference } }, "$defs": defs });
        told(&schema, &json!({ "city": "Tokyo" }), expect![""]);
        told(
            &schema,
            &json!({ "city": 7 }),
            expect![[r#"
                discovery.answer: `city` is not of type string, so the example does not fit its own schema, and no hosted facilitator lists it
                  copy a request and its answer as they are, or fix the schema"#]],
        );
    }
    told(
        &json!({ "$ref": "#/properties/output/properties/example" }),
        &json!("Tokyo"),
        expect![[r#"
            discovery.answer: the example has a schema that refers to itself, so the example does not fit its own schema, and no hosted facilitator lists it
              copy a request and its answer as they are, or fix the schema"#]],
    );
}

/// A schema, what fits, what does not, and what is said of it.
const EXAMPLES: &str = r#"
{"type": "integer"} ~ 1.0 ~ 1.5 ~ the example is not of type integer
{"type": ["string", "null"]} ~ null ~ 1 ~ the example is not of type string or null
{"enum": ["a", 1]} ~ 1.0 ~ "b" ~ the example is not one of the `enum`
{"const": {"a": 1}} ~ {"a": 1} ~ {} ~ the example is not the `const`
{"maxLength": 1} ~ "é" ~ "ab" ~ the example is above `maxLength`
{"minItems": 1} ~ [1] ~ [] ~ the example is below `minItems`
{"minimum": 0} ~ 0 ~ -0.1 ~ the example breaks its `minimum`
{"exclusiveMaximum": 3} ~ 2.9 ~ 3 ~ the example breaks its `exclusiveMaximum`
{"required": ["a"]} ~ {"a": 1} ~ {} ~ `a` is required and missing
{"properties": {"a": {"items": {"type": "string"}}}} ~ {"a": ["x"]} ~ {"a": ["x", 1]} ~ `a/1` is not of type string
{"prefixItems": [true, {"const": 2}], "items": false} ~ [7, 2] ~ [7, 3] ~ `1` is not the `const`
{"properties": {"a": {}}, "additionalProperties": false} ~ {"a": 1} ~ {"b": 1} ~ `b` is not allowed
{"additionalProperties": {"type": "number"}} ~ {"a": 1} ~ {"b": "1"} ~ `b` is not of type number
{"allOf": [{"minimum": 1}, {"maximum": 2}]} ~ 2 ~ 3 ~ the example breaks its `maximum`
{"anyOf": [{"type": "string"}, {"minimum": 2}]} ~ "a" ~ 1 ~ the example fits none of its `anyOf`
{"oneOf": [{"const": 1}, {"const": 2}]} ~ 2 ~ 3 ~ the example fits none of its `oneOf`"#;

#[test]
fn an_example_fits_its_schema() {
    for line in EXAMPLES.trim().lines() {
        let [schema, good, bad, misfit] = line.splitn(4, " ~ ").collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let [schema, good, bad] = [schema, good, bad].map(|text| text.parse::<Value>().unwrap());
        let misfits = |answer: &Value| example::misfits(answer, &schema, &schema);
        assert_eq!(misfits(&good), Vec::<String>::new(), "{line}");
        assert_eq!(misfits(&bad), [misfit], "{line}");
    }
}

#[test]
fn what_is_not_judged_is_never_a_misfit() {
    for (schema, example) in [
        (json!({ "pattern": "^b" }), json!("a")),
        (json!({ "not": { "pattern": "^b" } }), json!("a")),
        (json!({ "oneOf": [{ "pattern": "^b" }, true] }), json!("a")),
        (json!({ "if": true, "then": false }), json!("a")),
        (json!({ "format": "date" }), json!("a")),
        (
            json!({ "patternProperties": { "^a": true }, "additionalProperties": false }),
            json!({ "ab": 1 }),
        ),
    ] {
        let misfits = example::misfits(&example, &schema, &schema);
        assert_eq!(misfits, Vec::<String>::new(), "{schema}");
    }
}

#[test]
fn what_keeps_a_route_out_of_lists() {
    for (url, count) in [
        ("https://api.example.org/weather?city=Tokyo", 0),
        ("http://api.example.org/", 1),
        ("https://localhost/", 1),
        ("https://shop.internal/", 1),
        ("https://10.0.0.7/", 1),
        ("https://[::1]/", 1),
        ("http://127.0.0.1:8080/weather", 2),
        ("weather", 2),
    ] {
        assert_eq!(Obstacle::of_url(url).len(), count, "{url}");
    }
    assert_eq!(Obstacle::of_listing(&listing(|_| {})), []);
    let nothing = [Obstacle::NoDescription, Obstacle::NoDiscovery];
    assert_eq!(Obstacle::of_listing(&Listing::default()), nothing);
    let networks = |names: &[&'static str]| Obstacle::of_networks(names.iter().copied());
    assert_eq!(networks(&["eip155:31337"]), Some(Obstacle::DevelopmentOnly));
    assert_eq!(networks(&["eip155:31337", "eip155:8453"]), None);
}
