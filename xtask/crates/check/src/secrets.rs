//! No secret stands in clear, and each reaches its service by the one way that hides it.

use template::{Kind as NodeKind, Node};

use super::model::{Model, Resource, Stack, shown};
use super::report::Report;
use facts::{Alphabet, Service, looks_secret};
use kinds::SecretsIn;

pub(crate) fn check(model: &Model<'_>, report: &mut Report<'_>) {
    for stack in &model.stacks {
        for resource in &stack.resources {
            if let Some(properties) = resource.node.get("Properties") {
                in_clear(stack, resource.id, properties, report);
            }
        }
        for secret in stack.of_type("AWS::SecretsManager::Secret") {
            if secret.get("SecretString").is_some() {
                let text = format!(
                    "{} has a SecretString: the secret stands in the template",
                    secret.id
                );
                report.add(
                    stack.index,
                    secret.line_of("SecretString"),
                    text,
                    "write GenerateSecretString, and let the cloud draw it",
                );
            }
        }
        for output in stack.section("Outputs") {
            in_clear(
                stack,
                &format!("the output {}", output.key),
                &output.value,
                report,
            );
        }
        parameters(stack, report);
        if let Some(service) = stack.service {
            declared(model, stack, service, report);
        }
    }
}

fn in_clear(stack: &Stack<'_>, id: &str, node: &Node, report: &mut Report<'_>) {
    match &node.kind {
        NodeKind::Scalar(value) => {
            let Some(text) = value.as_str().filter(|text| text.len() >= 8) else {
                return;
            };
            if let Some(reason) = looks_secret(text) {
                report.add(stack.index, node.line, format!("{id} holds a secret in clear ({reason})"), "declare it under [package.metadata.service.secrets], and let the cloud make it");
            } else if text.contains("{{resolve:") {
                report.add(stack.index, node.line, format!("{id} has a secret written into it when it is deployed, for anyone to read who may describe it"), "hand over the secret's ARN, and let the service read it");
            }
        }
        NodeKind::List(items) => items
            .iter()
            .for_each(|item| in_clear(stack, id, item, report)),
        NodeKind::Map(entries) => entries
            .iter()
            .for_each(|entry| in_clear(stack, id, &entry.value, report)),
        NodeKind::Call(_, argument) => in_clear(stack, id, argument, report),
    }
}

/// A secret as a parameter is in the console, in the change set and in whatever calls the tool.
fn parameters(stack: &Stack<'_>, report: &mut Report<'_>) {
    for entry in stack.section("Parameters") {
        let secret = [
            "Secret",
            "Password",
            "Token",
            "PrivateKey",
            "WalletKey",
            "AccessKey",
            "ApiKey",
            "Mnemonic",
        ]
        .iter()
        .any(|word| entry.key.contains(word));
        if secret && !entry.key.ends_with("Arn") {
            report.add(
                stack.index,
                entry.line,
                format!("the parameter {} would carry a secret", entry.key),
                "make the secret in the template (AWS::SecretsManager::Secret), and refer to it",
            );
        }
    }
}

/// What Secrets Manager draws from, unless something is excluded:
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html>.
const DRAWN: [(&str, &str); 4] = [
    ("ExcludeLowercase", "abcdefghijklmnopqrstuvwxyz"),
    ("ExcludeUppercase", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    ("ExcludeNumbers", "0123456789"),
    ("ExcludePunctuation", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
];

/// The secret is made of the characters that its service reads.
fn alphabet(
    stack: &Stack<'_>,
    made: &Resource<'_>,
    alphabet: Alphabet,
    variable: &str,
    report: &mut Report<'_>,
) {
    let of = |key: &str| made.text(&format!("GenerateSecretString.{key}"));
    let excluded = of("ExcludeCharacters").unwrap_or_default();
    let drawn = DRAWN
        .iter()
        .filter(|(key, _)| of(key).as_deref() != Some("true"));
    let mut drawn = drawn.flat_map(|(_, letters)| letters.chars());
    let fits = |letter: char| match alphabet {
        Alphabet::Hex => matches!(letter, '0'..='9' | 'a'..='f'),
        Alphabet::Password => letter.is_ascii_alphanumeric(),
    };
    let wrong = drawn.find(|letter| !excluded.contains(*letter) && !fits(*letter));
    let has_space = of("IncludeSpace").as_deref() == Some("true");
    let Some(wrong) = wrong.or(has_space.then_some(' ')) else {
        return;
    };
    let (what, fix) = match alphabet {
        Alphabet::Hex => (
            "hexadecimal digits",
            "write ExcludePunctuation: true, ExcludeUppercase: true and ExcludeCharacters: ghijklmnopqrstuvwxyz",
        ),
        Alphabet::Password => ("letters and digits", "write ExcludePunctuation: true"),
    };
    report.add(
        stack.index,
        made.line_of("GenerateSecretString.PasswordLength"),
        format!(
            "{} may draw `{wrong}`, and the manifest asks for {what} in {variable}",
            made.id
        ),
        fix,
    );
}

/// Every secret that the manifest declares is made, and handed over where the kind of service looks for it.
fn declared(model: &Model<'_>, stack: &Stack<'_>, service: &Service, report: &mut Report<'_>) {
    for (variable, secret) in &service.secrets {
        let name = format!(
            "{}/{}/{}/{}",
            model.repo.project, model.stage.name, service.name, secret.name
        );
        let made = stack
            .of_type("AWS::SecretsManager::Secret")
            .find(|resource| resource.text("Name").as_deref() == Some(&name));
        let Some(made) = made else {
            report.add(
                stack.index,
                stack.resources.first().map_or(1, |first| first.line),
                format!("no resource is the secret {variable}"),
                format!("add an AWS::SecretsManager::Secret with the Name \"{name}\""),
            );
            continue;
        };
        if made.text("GenerateSecretString.PasswordLength") != Some(secret.length.to_string()) {
            report.add(
                stack.index,
                made.line_of("GenerateSecretString.PasswordLength"),
                format!(
                    "{} has not the {} characters that the manifest asks for",
                    made.id, secret.length
                ),
                format!("write PasswordLength: {}", secret.length),
            );
        }
        alphabet(stack, &made, secret.alphabet, variable, report);
        let reference = Reference {
            shown: format!("${{{}}}", made.id),
            written: format!("!Ref {}", made.id),
        };
        handed_over(stack, service, variable, &reference, report);
    }
    for (variable, arn) in model.existing_secrets(service) {
        let reference = Reference {
            shown: arn.to_owned(),
            written: arn.to_owned(),
        };
        handed_over(stack, service, variable, &reference, report);
    }
}

/// A secret as a template refers to it.
struct Reference {
    /// As the model shows it.
    shown: String,
    /// As it is written.
    written: String,
}

fn handed_over(
    stack: &Stack<'_>,
    service: &Service,
    variable: &str,
    secret: &Reference,
    report: &mut Report<'_>,
) {
    let program = service.kind.program;
    let Some(resource) = stack.first(program.resource_type) else {
        return;
    };
    let arn_variable = format!("{variable}_SECRET_ARN");
    let written = &secret.written;
    let (path, value, name, fix) = match program.secrets {
        SecretsIn::Values(path) => {
            let own = super::ecs::own_container(stack, &resource, service);
            let path = path.replacen(".0.", &format!(".{own}."), 1);
            let list = resource.get(&path).map_or(&[][..], Node::items);
            let entry = list
                .iter()
                .find(|item| item.get("Name").and_then(Node::as_str) == Some(variable));
            let fix = format!(
                "add {{Name: {variable}, ValueFrom: {written}}} to Secrets of the container"
            );
            let value = entry.and_then(|item| item.get("ValueFrom"));
            (path, value, variable, fix)
        }
        SecretsIn::Arns(path) => {
            let value = resource.get(path).and_then(|node| node.get(&arn_variable));
            let fix = format!("add {arn_variable}: {written} to the environment");
            (path.to_owned(), value, arn_variable.as_str(), fix)
        }
    };
    if value.map(shown).as_ref() != Some(&secret.shown) {
        report.add(
            stack.index,
            resource.line_of(&path),
            format!("the service does not get its secret {name}"),
            fix,
        );
    }
}
