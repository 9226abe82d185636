//! The `Condition` block of a policy statement.

use std::collections::BTreeMap;

use serde_json::Value;

use super::wildcard;

/// Condition keys of a request with their values, such as `aws:PrincipalArn`. Keys are compared without case.
pub(super) type Context = BTreeMap<String, Vec<String>>;

/// Each operator compares a policy's value (first) with a request's (second); `negated` ones hold when none fits.
struct Operator {
    name: &'static str,
    negated: bool,
    fits: fn(&str, &str) -> bool,
}

const OPERATORS: [Operator; 11] = [
    Operator {
        name: "ArnEquals",
        negated: false,
        fits: wildcard::matches_arn,
    },
    Operator {
        name: "ArnLike",
        negated: false,
        fits: wildcard::matches_arn,
    },
    Operator {
        name: "ArnNotEquals",
        negated: true,
        fits: wildcard::matches_arn,
    },
    Operator {
        name: "ArnNotLike",
        negated: true,
        fits: wildcard::matches_arn,
    },
    Operator {
        name: "Bool",
        negated: false,
        fits: |policy, request| policy.eq_ignore_ascii_case(request),
    },
    Operator {
        name: "StringEquals",
        negated: false,
        fits: |policy, request| policy == request,
    },
    Operator {
        name: "StringEqualsIgnoreCase",
        negated: false,
        fits: |policy, request| policy.eq_ignore_ascii_case(request),
    },
    Operator {
        name: "StringLike",
        negated: false,
        fits: wildcard::matches,
    },
    Operator {
        name: "StringNotEquals",
        negated: true,
        fits: |policy, request| policy == request,
    },
    Operator {
        name: "StringNotEqualsIgnoreCase",
        negated: true,
        fits: |policy, request| policy.eq_ignore_ascii_case(request),
    },
    Operator {
        name: "StringNotLike",
        negated: true,
        fits: wildcard::matches,
    },
];

/// Whether all operators with all their keys hold. An operator that we do not know is an error, never a pass.
pub(super) fn hold(condition: &Value, context: &Context) -> Result<bool, String> {
    let blocks = condition
        .as_object()
        .ok_or("the `Condition` of a policy statement is not an object")?;
    let mut all_hold = true;
    for (operator, keys) in blocks {
        let keys = keys
            .as_object()
            .ok_or_else(|| format!("the policy condition `{operator}` is not an object"))?;
        for (key, expected) in keys {
            let expected = texts(expected).ok_or_else(|| {
                format!(
                    "the policy condition `{operator}` of `{key}` is not a list of plain values"
                )
            })?;
            all_hold &= holds(operator, &expected, values(context, key))?;
        }
    }
    Ok(all_hold)
}

fn holds(operator: &str, expected: &[String], found: Option<&[String]>) -> Result<bool, String> {
    let (name, if_exists) = match operator.strip_suffix("IfExists") {
        Some(name) => (name, true),
        None => (operator, false),
    };
    if name == "Null" && !if_exists {
        let wants_absence = expected
            .iter()
            .any(|value| value.eq_ignore_ascii_case("true"));
        return Ok(wants_absence == found.is_none());
    }
    let Some(operator) = OPERATORS.iter().find(|known| known.name == name) else {
        return Err(unknown(operator));
    };
    let Some(found) = found else {
        return Ok(operator.negated || if_exists);
    };
    let any_fits = expected
        .iter()
        .any(|policy| found.iter().any(|request| (operator.fits)(policy, request)));
    Ok(any_fits != operator.negated)
}

fn unknown(operator: &str) -> String {
    let mut names: Vec<&str> = OPERATORS
        .iter()
        .map(|operator| operator.name)
        .chain(["Null"])
        .collect();
    names.sort_unstable();
    format!(
        "the policy condition operator `{operator}` is unknown to the local cloud; it evaluates {} and their ...IfExists forms",
        names.join(", ")
    )
}

fn values<'a>(context: &'a Context, key: &str) -> Option<&'a [String]> {
    context
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(key))
        .map(|(_, values)| values.as_slice())
}

fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Bool(_) | Value::Number(_) => Some(vec![value.to_string()]),
        Value::Array(list) => list
            .iter()
            .map(texts)
            .collect::<Option<Vec<_>>>()
            .map(|lists| lists.concat()),
        Value::Null | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(condition: &Value) -> bool {
        let context = Context::from([
            (
                "lambda:FunctionUrlAuthType".to_owned(),
                vec!["AWS_IAM".to_owned()],
            ),
            (
                "aws:SourceArn".to_owned(),
                vec!["arn:aws:bedrock-agentcore:us-east-1:1:runtime/a-b".to_owned()],
            ),
            ("aws:SecureTransport".to_owned(), vec!["true".to_owned()]),
        ]);
        hold(condition, &context).expect("a condition we know")
    }

    #[test]
    fn operators() {
        let table = [
            (
                json!({ "StringEquals": { "lambda:functionurlauthtype": "AWS_IAM" } }),
                true,
            ),
            (
                json!({ "StringEquals": { "lambda:FunctionUrlAuthType": ["NONE", "AWS_IAM"] } }),
                true,
            ),
            (
                json!({ "StringEquals": { "lambda:FunctionUrlAuthType": "NONE" } }),
                false,
            ),
            (
                json!({ "StringEquals": { "lambda:FunctionUrlAuthType": "AWS_IAM", "absent:Key": "x" } }),
                false,
            ),
            (
                json!({ "StringEqualsIfExists": { "absent:Key": "x" } }),
                true,
            ),
            (
                json!({ "StringNotEquals": { "lambda:FunctionUrlAuthType": "NONE" } }),
                true,
            ),
            (
                json!({ "StringNotEquals": { "lambda:FunctionUrlAuthType": ["NONE", "AWS_IAM"] } }),
                false,
            ),
            (json!({ "StringNotEquals": { "absent:Key": "x" } }), true),
            (
                json!({ "StringLike": { "lambda:FunctionUrlAuthType": "AWS_*" } }),
                true,
            ),
            (
                json!({ "StringNotLike": { "lambda:FunctionUrlAuthType": "AWS_*" } }),
                false,
            ),
            (
                json!({ "ArnLike": { "aws:SourceArn": "arn:aws:bedrock-agentcore:us-east-1:1:*" } }),
                true,
            ),
            (
                json!({ "ArnEquals": { "aws:SourceArn": "arn:aws:bedrock-agentcore:us-east-1:2:*" } }),
                false,
            ),
            (json!({ "Bool": { "aws:SecureTransport": false } }), false),
            (json!({ "Bool": { "aws:SecureTransport": "true" } }), true),
            (json!({ "Null": { "absent:Key": "true" } }), true),
            (json!({ "Null": { "aws:SourceArn": "true" } }), false),
        ];
        for (condition, expected) in table {
            assert_eq!(check(&condition), expected, "{condition}");
        }
    }
}
