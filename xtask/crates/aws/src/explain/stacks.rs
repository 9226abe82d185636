//! What CloudFormation itself finds fault with.

use super::{Known, known};

pub(super) const KNOWN: &[Known] = &[
    known(
        &["cannot be deleted as it is in use by"],
        "another stack imports a value of this one",
        "deploy or delete that stack first",
    ),
    known(
        &["cannot be updated as it is in use by"],
        "another stack imports a value of this one",
        "deploy that stack without the import first",
    ),
    known(
        &["terminationprotection"],
        "the stack is protected against deletion",
        "take `protect` off the stage in Cargo.toml and deploy it, if the stage is really to go",
    ),
    known(
        &["requires capabilities"],
        "the template makes roles with names of their own, which a deploy does not allow",
        "leave `RoleName` out of the template: CloudFormation finds a name",
    ),
    known(
        &["unrecognized resource types"],
        "the region does not have this type of resource",
        "choose another region for the stage, or leave the service out of it",
    ),
    known(
        &["resource type", "is not supported in this region"],
        "the region does not have this type of resource",
        "choose another region for the stage, or leave the service out of it",
    ),
    known(
        &["do not exist in the template"],
        "a value was given for a parameter that the template does not have",
        "`cargo xtask check` compares the two; nothing was touched",
    ),
    known(
        &["parameters: [", "must have values"],
        "the template has a parameter that nothing gives a value",
        "link it in the service's Cargo.toml, or give it a default; nothing was touched",
    ),
    known(
        &["failed to satisfy constraint"],
        "a value is not of the form that the parameter asks for",
        "is an output empty or from another stage? `cargo xtask outputs` shows them; nothing was touched",
    ),
    known(
        &["validationerror", "parameter '", "' must "],
        "a value is not of the form that the parameter asks for",
        "is an output empty or from another stage? `cargo xtask outputs` shows them; nothing was touched",
    ),
    known(
        &["must match pattern"],
        "a value is not of the form that the parameter asks for",
        "is an output empty or from another stage? `cargo xtask outputs` shows them; nothing was touched",
    ),
    known(
        &["unresolved resource dependencies"],
        "the template refers to something that it does not have",
        "`cargo xtask check` names the line",
    ),
    known(
        &["circular dependency"],
        "resources of one template wait for each other",
        "`cargo xtask check` names them; take one reference out",
    ),
    known(
        &["extraneous key"],
        "a property that the resource does not have",
        "correct the template: `cargo xtask check` names the line",
    ),
    known(
        &["required key"],
        "a property is missing",
        "correct the template: `cargo xtask check` names the line",
    ),
    known(
        &["properties validation failed"],
        "a property is not as the resource wants it",
        "correct the template: `cargo xtask check` names the line",
    ),
    known(
        &["property validation failure"],
        "a property is not as the resource wants it",
        "correct the template: `cargo xtask check` names the line",
    ),
    known(
        &["encountered unsupported property"],
        "a property that the resource does not have",
        "correct the template: `cargo xtask check` names the line",
    ),
    known(
        &["template format error"],
        "the template is not a template that CloudFormation reads",
        "`cargo xtask check` names the line",
    ),
    known(
        &["state and can not be updated"],
        "the stack is in the middle of something, or stuck",
        "`cargo xtask status` says what; deploying again fixes it or says how",
    ),
    known(
        &["token already exists"],
        "two requests with the same token and different content",
        "run the same command again",
    ),
];
