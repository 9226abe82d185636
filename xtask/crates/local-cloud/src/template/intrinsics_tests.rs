use super::*;

fn scope() -> Scope {
    let physical = Physical {
        reference: "vpc-1".to_owned(),
        attributes: BTreeMap::from([
            ("Arn".to_owned(), json!("arn:vpc")),
            ("A.B".to_owned(), json!(7)),
        ]),
    };
    Scope {
        stack_name: "turnpike-local-agent".to_owned(),
        region: "us-west-2".to_owned(),
        account: "000000000000".to_owned(),
        parameters: BTreeMap::from([
            ("Name".to_owned(), json!("x")),
            ("Ids".to_owned(), json!(["s-1", "s-2"])),
        ]),
        conditions: BTreeMap::from([("Yes".to_owned(), true), ("No".to_owned(), false)]),
        mappings: Some(Node::parse("M: {a: {b: found}}").unwrap()),
        resources: BTreeMap::from([("Vpc".to_owned(), physical)]),
    }
}

fn evaluated(text: &str) -> String {
    let node = Node::parse(&format!("V: {text}\n")).unwrap();
    match scope().evaluate(node.get("V").unwrap()) {
        Ok(Some(value)) => value.to_string(),
        Ok(None) => "no value".to_owned(),
        Err(error) => format!("error: {}", error.problem),
    }
}

#[test]
fn every_function_gives_its_value() {
    for (text, expected) in [
        ("!Ref Name", r#""x""#),
        ("!Ref Vpc", r#""vpc-1""#),
        ("!Ref AWS::NoValue", "no value"),
        ("!Ref AWS::Region", r#""us-west-2""#),
        (
            "!Ref Nothing",
            "error: `Nothing` is neither a parameter nor a resource of this template",
        ),
        ("!GetAtt Vpc.Arn", r#""arn:vpc""#),
        ("!GetAtt Vpc.A.B", "7"),
        ("!GetAtt [Vpc, Arn]", r#""arn:vpc""#),
        ("!GetAtt Vpc.Nope", "error: `Vpc` has no attribute `Nope`"),
        ("!GetAtt Vpc", "error: `Vpc` names no attribute"),
        (
            "!Sub '${Name}-${AWS::Region}-${Vpc}-${Vpc.Arn}-${!Literal}-$x'",
            r#""x-us-west-2-vpc-1-arn:vpc-${Literal}-$x""#,
        ),
        (
            "!Sub ['${A}${Name}', {A: !Ref AWS::AccountId}]",
            r#""000000000000x""#,
        ),
        ("!Sub '${Ids}'", "error: ${Ids} is not text"),
        ("!Join [',', !Ref Ids]", r#""s-1,s-2""#),
        ("!Join ['-', [a, 1, !Ref Name]]", r#""a-1-x""#),
        ("!Join ['-']", "error: !Join takes 2 arguments and has 1"),
        ("!Select [1, !Ref Ids]", r#""s-2""#),
        ("!Select [2, !Ref Ids]", "error: !Select 2 of a list of 2"),
        ("!Select ['0', !Split ['/', 'a/b']]", r#""a""#),
        ("!Split [',', 'a,b']", r#"["a","b"]"#),
        ("!If [Yes, a, b]", r#""a""#),
        ("!If [No, a, !Ref AWS::NoValue]", "no value"),
        (
            "!If [Maybe, a, b]",
            "error: the condition `Maybe` does not exist",
        ),
        ("!FindInMap [M, a, b]", r#""found""#),
        ("!FindInMap [M, a, c]", "error: Mappings has no M / a / c"),
        (
            "!Select [1, !Cidr ['10.20.0.0/16', 2, 8]]",
            r#""10.20.1.0/24""#,
        ),
        ("!Select [1, !GetAZs '']", r#""us-west-2b""#),
        ("{Fn::Base64: hello}", r#""aGVsbG8=""#),
        ("[a, !Ref AWS::NoValue, b]", r#"["a","b"]"#),
        (
            "{a: !Ref AWS::NoValue, b: 1, c: true, d: '1'}",
            r#"{"b":1,"c":true,"d":"1"}"#,
        ),
        ("'2012-10-17'", r#""2012-10-17""#),
        ("2012-10-17", r#""2012-10-17""#),
    ] {
        assert_eq!(evaluated(text), expected, "{text}");
    }
}

#[test]
fn conditions_combine() {
    for (text, expected) in [
        ("!Equals [!Ref Name, x]", true),
        ("!Equals [1, '1']", true),
        ("!Not [!Condition Yes]", false),
        ("!And [!Condition Yes, !Equals [a, b]]", false),
        ("!Or [{Condition: No}, !Condition Yes]", true),
        ("Yes", true),
    ] {
        let node = Node::parse(&format!("V: {text}\n")).unwrap();
        assert_eq!(
            scope().condition(node.get("V").unwrap()).unwrap(),
            expected,
            "{text}"
        );
    }
}
