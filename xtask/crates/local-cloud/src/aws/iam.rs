//! Evaluates the policy documents of a role: explicit `Deny`, then `Allow`, else no.

use serde_json::{Map, Value};

use super::conditions::{self, Context};
use super::wildcard;

const STATEMENT_KEYS: [&str; 7] = [
    "Sid",
    "Effect",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

/// What a request wants to do. `action` is written as in policies: `bedrock:InvokeModel`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    pub action: &'a str,
    pub resource: &'a str,
    pub context: &'a Context,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Allowed,
    /// No statement allows it.
    NotAllowed,
    /// A statement denies it.
    Denied,
}

/// Answers from all `policies` together. The error names what we cannot read: a policy that is half understood must
/// not let anybody in.
pub(super) fn evaluate(policies: &[Value], question: Question<'_>) -> Result<Answer, String> {
    let mut answer = Answer::NotAllowed;
    for policy in policies {
        for statement in statements(policy)? {
            match apply(statement, question)? {
                Some(Effect::Deny) => answer = Answer::Denied,
                Some(Effect::Allow) if answer == Answer::NotAllowed => answer = Answer::Allowed,
                Some(Effect::Allow) | None => {}
            }
        }
    }
    Ok(answer)
}

/// The sentence with which AWS refuses: who, what, on what, why.
pub(super) fn refusal(principal: &str, question: Question<'_>, answer: Answer) -> String {
    let Question {
        action, resource, ..
    } = question;
    let reason = match answer {
        Answer::Denied => "with an explicit deny in an identity-based policy".to_owned(),
        Answer::NotAllowed | Answer::Allowed => {
            format!("because no identity-based policy allows the {action} action")
        }
    };
    format!(
        "User: {principal} is not authorized to perform: {action} on resource: {resource} {reason}"
    )
}

#[derive(Clone, Copy)]
enum Effect {
    Allow,
    Deny,
}

fn statements(policy: &Value) -> Result<Vec<&Map<String, Value>>, String> {
    let statement = policy
        .get("Statement")
        .ok_or("a policy document has no `Statement`")?;
    let list: Vec<&Value> = match statement {
        Value::Array(list) => list.iter().collect(),
        single => vec![single],
    };
    list.into_iter()
        .map(|statement| {
            statement
                .as_object()
                .ok_or_else(|| "a policy statement is not an object".to_owned())
        })
        .collect()
}

/// The statement's effect if it is about `question`.
fn apply(statement: &Map<String, Value>, question: Question<'_>) -> Result<Option<Effect>, String> {
    if let Some(unknown) = statement
        .keys()
        .find(|key| !STATEMENT_KEYS.contains(&key.as_str()))
    {
        return Err(format!(
            "the policy statement has the key `{unknown}`, which the local cloud does not evaluate"
        ));
    }
    let effect = match statement.get("Effect").and_then(Value::as_str) {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        _ => return Err("a policy statement has no `Effect` of `Allow` or `Deny`".to_owned()),
    };
    let same_action = |pattern: &str| {
        wildcard::matches(
            &pattern.to_ascii_lowercase(),
            &question.action.to_ascii_lowercase(),
        )
    };
    let about_action = is_about(statement, "Action", "NotAction", same_action)?;
    let about_resource = is_about(statement, "Resource", "NotResource", |pattern| {
        wildcard::matches(pattern, question.resource)
    })?;
    // Conditions are read even when the statement is about something else: an unknown operator must show at once.
    let holds = match statement.get("Condition") {
        Some(condition) => conditions::hold(condition, question.context)?,
        None => true,
    };
    Ok((about_action && about_resource && holds).then_some(effect))
}

fn is_about(
    statement: &Map<String, Value>,
    key: &str,
    inverse: &str,
    fits: impl Fn(&str) -> bool,
) -> Result<bool, String> {
    match (statement.get(key), statement.get(inverse)) {
        (Some(patterns), None) => Ok(strings(patterns, key)?.into_iter().any(fits)),
        (None, Some(patterns)) => Ok(!strings(patterns, inverse)?.into_iter().any(fits)),
        _ => Err(format!(
            "a policy statement needs one of `{key}` and `{inverse}`"
        )),
    }
}

/// One string or a list of strings: JSON policies allow both.
pub(super) fn strings<'a>(value: &'a Value, place: &str) -> Result<Vec<&'a str>, String> {
    let wrong = || format!("`{place}` in a policy is not a string or a list of strings: {value}");
    match value {
        Value::String(text) => Ok(vec![text]),
        Value::Array(list) => list
            .iter()
            .map(|item| item.as_str().ok_or_else(wrong))
            .collect(),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ask(policy: Value, action: &str, resource: &str) -> String {
        let context = Context::from([(
            "aws:PrincipalAccount".to_owned(),
            vec!["000000000000".to_owned()],
        )]);
        match evaluate(
            &[policy],
            Question {
                action,
                resource,
                context: &context,
            },
        ) {
            Ok(answer) => format!("{answer:?}"),
            Err(problem) => problem,
        }
    }

    fn allow(action: Value, resource: Value) -> Value {
        json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": action, "Resource": resource } })
    }

    const MODEL: &str = "arn:aws:bedrock:us-east-1::foundation-model/turnpike.offline-model";

    #[test]
    fn actions_and_resources_match_with_wildcards() {
        let table = [
            (json!("bedrock:InvokeModel"), json!(MODEL), "Allowed"),
            (json!("BEDROCK:invokemodel"), json!("*"), "Allowed"),
            (
                json!("bedrock:Invoke*"),
                json!("arn:aws:bedrock:*::foundation-model/*"),
                "Allowed",
            ),
            (
                json!(["s3:GetObject", "bedrock:InvokeMode?"]),
                json!(["arn:aws:s3:::b", MODEL]),
                "Allowed",
            ),
            (
                json!("bedrock:InvokeModelWithResponseStream"),
                json!("*"),
                "NotAllowed",
            ),
            (
                json!("bedrock:InvokeModel"),
                json!("arn:aws:bedrock:*::foundation-model/other"),
                "NotAllowed",
            ),
            (
                json!("bedrock:InvokeModel"),
                json!(MODEL.to_uppercase()),
                "NotAllowed",
            ),
        ];
        for (action, resource, expected) in table {
            assert_eq!(
                ask(
                    allow(action.clone(), resource.clone()),
                    "bedrock:InvokeModel",
                    MODEL
                ),
                expected,
                "{action} on {resource}"
            );
        }
    }

    #[test]
    fn deny_wins_and_not_forms_invert() {
        let deny = json!({ "Statement": [
            { "Effect": "Deny", "NotAction": "s3:*", "Resource": MODEL },
            { "Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::*" },
        ] });
        assert_eq!(ask(deny.clone(), "bedrock:InvokeModel", MODEL), "Denied");
        assert_eq!(ask(deny.clone(), "s3:GetObject", MODEL), "Allowed");
        assert_eq!(
            ask(deny, "s3:GetObject", "arn:aws:s3:::bucket/key"),
            "NotAllowed"
        );
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        let odd = json!({ "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*" } });
        assert_eq!(
            ask(odd, "a:B", "c"),
            "the policy statement has the key `Principal`, which the local cloud does not evaluate"
        );
        let condition = json!({ "Statement": { "Effect": "Allow", "Action": "x:Y", "Resource": "*", "Condition": { "DateLessThan": { "aws:CurrentTime": "2030-01-01" } } } });
        assert_eq!(
            ask(condition, "a:B", "c"),
            "the policy condition operator `DateLessThan` is unknown to the local cloud; it evaluates ArnEquals, ArnLike, ArnNotEquals, ArnNotLike, Bool, Null, StringEquals, StringEqualsIgnoreCase, StringLike, StringNotEquals, StringNotEqualsIgnoreCase, StringNotLike and their ...IfExists forms"
        );
        assert_eq!(
            ask(
                json!({ "Statement": { "Effect": "Allow", "Action": "*" } }),
                "a:B",
                "c"
            ),
            "a policy statement needs one of `Resource` and `NotResource`"
        );
        assert_eq!(
            ask(
                json!({ "Statement": { "Effect": "Allow", "Action": "*", "Resource": { "Ref": "X" } } }),
                "a:B",
                "c"
            ),
            r#"`Resource` in a policy is not a string or a list of strings: {"Ref":"X"}"#
        );
    }
}
