//! `AWS::SecretsManager::Secret`, and values drawn as `GenerateSecretString` says.

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::plan::{SecretPlan, SecretValue};
use super::properties::Input;
use super::{Builder, physical};
use crate::template::{Physical, Result};

const PUNCTUATION: &str = r##"!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"##;

/// How a value is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recipe {
    length: usize,
    /// One alphabet for each kind of character that is allowed, exclusions taken out.
    alphabets: Vec<Vec<char>>,
    each_kind: bool,
    /// The JSON object to put the value into, and under which key.
    template: Option<(Value, String)>,
}

pub(super) fn make(builder: &mut Builder<'_>, input: Input<'_>) -> Result<Physical> {
    let name = input
        .text("Name")
        .unwrap_or_else(|| builder.name_for(input.id()));
    let arn = format!(
        "arn:aws:secretsmanager:{}:{}:secret:{name}-{}",
        builder.region,
        builder.account,
        &builder.digest(input.id())[..6]
    );
    let value = match (
        input.text("SecretString"),
        input.get("GenerateSecretString"),
    ) {
        (Some(value), None) => SecretValue::Given(value),
        (None, Some(_)) => SecretValue::Generated(recipe(input)?),
        (None, None) => {
            return Err(input.error(
                "SecretString",
                "has neither SecretString nor GenerateSecretString",
                "give it one",
            ));
        }
        (Some(_), Some(_)) => {
            return Err(input.error(
                "SecretString",
                "has both SecretString and GenerateSecretString",
                "keep one",
            ));
        }
    };
    let retained = input.resource.retained;
    builder.plan.secrets.push(SecretPlan {
        logical_id: input.id().to_owned(),
        arn: arn.clone(),
        name,
        value,
        version: input.version,
        retained,
    });
    Ok(physical(&arn, [("Id", json!(arn))]))
}

fn recipe(input: Input<'_>) -> Result<Recipe> {
    let rule = |name: &str| format!("GenerateSecretString.{name}");
    let excluded: Vec<char> = input
        .text(&rule("ExcludeCharacters"))
        .unwrap_or_default()
        .chars()
        .collect();
    let alphabets = alphabets(input, &excluded);
    let length = input.number(&rule("PasswordLength"), 32)? as usize;
    let each_kind = input.flag(&rule("RequireEachIncludedType"), true);
    if alphabets.is_empty()
        || length == 0
        || length > 4096
        || (each_kind && length < alphabets.len())
    {
        return Err(input.error(
            "GenerateSecretString",
            "leaves no value to draw",
            "allow more characters, or a length between 1 and 4096",
        ));
    }
    let template = match (
        input.text(&rule("SecretStringTemplate")),
        input.text(&rule("GenerateStringKey")),
    ) {
        (None, None) => None,
        (Some(template), Some(key)) => {
            let template = serde_json::from_str(&template)
                .ok()
                .filter(Value::is_object);
            Some((
                template.ok_or_else(|| {
                    input.error(
                        "GenerateSecretString",
                        "SecretStringTemplate is not a JSON object",
                        "correct it",
                    )
                })?,
                key,
            ))
        }
        _ => {
            return Err(input.error(
                "GenerateSecretString",
                "SecretStringTemplate and GenerateStringKey go together",
                "give both or neither",
            ));
        }
    };
    Ok(Recipe {
        length,
        alphabets,
        each_kind,
        template,
    })
}

/// One alphabet for each kind of character that the rules allow, without the excluded ones.
fn alphabets(input: Input<'_>, excluded: &[char]) -> Vec<Vec<char>> {
    let rule = |name: &str| format!("GenerateSecretString.{name}");
    let kinds: [(&str, bool, Vec<char>); 5] = [
        ("ExcludeLowercase", false, ('a'..='z').collect()),
        ("ExcludeUppercase", false, ('A'..='Z').collect()),
        ("ExcludeNumbers", false, ('0'..='9').collect()),
        ("ExcludePunctuation", false, PUNCTUATION.chars().collect()),
        ("IncludeSpace", true, vec![' ']),
    ];
    kinds
        .into_iter()
        .filter(|(flag, wanted, _)| input.flag(&rule(flag), false) == *wanted)
        .map(|(_, _, characters)| {
            characters
                .into_iter()
                .filter(|character| !excluded.contains(character))
                .collect::<Vec<_>>()
        })
        .filter(|characters| !characters.is_empty())
        .collect()
}

/// Draws a value from the operating system's randomness.
pub(crate) fn draw(recipe: &Recipe) -> anyhow::Result<String> {
    let all: Vec<char> = recipe.alphabets.iter().flatten().copied().collect();
    // Drawing again until every kind is there keeps all allowed values equally likely.
    for _ in 0..10_000 {
        let value = (0..recipe.length)
            .map(|_| pick(&all))
            .collect::<anyhow::Result<String>>()?;
        if recipe.each_kind
            && !recipe
                .alphabets
                .iter()
                .all(|kind| value.chars().any(|character| kind.contains(&character)))
        {
            continue;
        }
        return Ok(match &recipe.template {
            None => value,
            Some((template, key)) => {
                let mut document = template.clone();
                document[key] = json!(value);
                document.to_string()
            }
        });
    }
    bail!(
        "no value of {} characters holds every kind of character",
        recipe.length
    )
}

fn pick(characters: &[char]) -> anyhow::Result<char> {
    let count =
        u8::try_from(characters.len()).context("more characters than one byte tells apart")?;
    let fair = 256 - 256 % u16::from(count);
    loop {
        let mut byte = [0];
        getrandom::fill(&mut byte)
            .map_err(|error| anyhow::anyhow!("no randomness from the operating system: {error}"))?;
        // A byte beyond the last whole round would favour the first characters.
        if u16::from(byte[0]) < fair {
            return Ok(characters[usize::from(byte[0] % count)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::input_of;
    use super::*;

    fn drawn(rules: &str) -> String {
        input_of(
            "AWS::SecretsManager::Secret",
            &format!("GenerateSecretString: {rules}"),
            |input| draw(&recipe(input).unwrap()).unwrap(),
        )
    }

    #[test]
    fn values_hold_what_is_allowed_and_nothing_else() {
        let key = drawn(
            "{PasswordLength: 64, ExcludeUppercase: true, ExcludePunctuation: true, ExcludeCharacters: ghijklmnopqrstuvwxyz, RequireEachIncludedType: false}",
        );
        assert!(
            key.len() == 64
                && key
                    .chars()
                    .all(|character| matches!(character, '0'..='9' | 'a'..='f')),
            "{key}"
        );
        let password = drawn("{}");
        assert_eq!(password.chars().count(), 32);
        for kind in [
            char::is_ascii_lowercase,
            char::is_ascii_uppercase,
            char::is_ascii_digit,
            char::is_ascii_punctuation,
        ] {
            assert!(
                password.chars().any(|character| kind(&character)),
                "{password}"
            );
        }
        assert!(
            !drawn("{PasswordLength: 200, IncludeSpace: true, ExcludeCharacters: 'abc'}")
                .contains(['a', 'b', 'c'])
        );
        let document: Value = serde_json::from_str(&drawn(
            r#"{SecretStringTemplate: '{"user":"a"}', GenerateStringKey: pass}"#,
        ))
        .unwrap();
        assert_eq!(
            (
                document["user"].as_str(),
                document["pass"].as_str().unwrap().len()
            ),
            (Some("a"), 32)
        );
    }

    #[test]
    fn impossible_rules_are_refused() {
        for rules in [
            "{PasswordLength: 2}",
            "{PasswordLength: 0}",
            "{ExcludeLowercase: true, ExcludeUppercase: true, ExcludeNumbers: true, ExcludePunctuation: true}",
            "{GenerateStringKey: x}",
        ] {
            input_of(
                "AWS::SecretsManager::Secret",
                &format!("GenerateSecretString: {rules}"),
                |input| assert!(recipe(input).is_err(), "{rules}"),
            );
        }
    }
}
