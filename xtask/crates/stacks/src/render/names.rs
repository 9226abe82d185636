//! Names that AWS accepts, made of ours. Each is made in one place, here, so that whoever looks for a thing finds it.

use heck::ToUpperCamelCase as _;

/// `x402-backend`, `API_KEY` and `functionArn` as CloudFormation wants its ids: `X402Backend`, `ApiKey`, `FunctionArn`.
pub fn pascal_case(name: &str) -> String {
    name.to_upper_camel_case()
}

/// The text with an underscore for everything but letters and digits, which is all that AgentCore takes in a name.
pub fn underscored(text: &str) -> String {
    text.replace(|character: char| !character.is_ascii_alphanumeric(), "_")
}

/// The name of a stack, and of a function: `turnpike-dev-agent`.
pub fn stack_name(project: &str, stage: &str, owner: &str) -> String {
    format!("{project}-{stage}-{owner}")
}

/// The parameter that carries an output of a service: `x402-backend` and `url` give `X402BackendUrl`.
pub fn parameter_name(service: &str, output: &str) -> String {
    pascal_case(service) + &pascal_case(output)
}

/// A Bedrock model without the region group of its inference profile: `us.amazon.nova-2-lite-v1:0` gives
/// `amazon.nova-2-lite-v1:0`. None for a model that is no profile's.
pub fn profiled_model(model: &str) -> Option<&str> {
    const GROUPS: [&str; 9] = [
        "apac", "au", "ca", "eu", "global", "jp", "sa", "us", "us-gov",
    ];
    let (group, model) = model.split_once('.')?;
    GROUPS.contains(&group).then_some(model)
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
