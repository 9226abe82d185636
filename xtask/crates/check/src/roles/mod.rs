//! Who may do what: every role trusts one service of AWS, and may do what its service's links and needs say, no more.

mod grants;
mod needs;
mod policy;
mod trust;

use template::Node;

use super::model::{Model, Resource, Stack, shown};
use super::report::Report;
use kinds::{Program, RoleProperty, Use};
use policy::Statement;

pub(crate) fn check(model: &Model<'_>, report: &mut Report<'_>) {
    for (stack, service) in model.of_services() {
        let uses = uses(stack, service.kind.program, report);
        for role in stack.of_type("AWS::IAM::Role") {
            let statements = statements_of(stack, &role, report);
            let Some((_, purpose)) = uses.iter().find(|(id, _)| id == role.id) else {
                // One for something else of AWS is that one's affair.
                if !trust::is_for_programs(&role) {
                    continue;
                }
                let text = format!("the role {} belongs to nothing", role.id);
                report.add(
                    stack.index,
                    role.line,
                    text,
                    "give it to the task, the function or the runtime, or remove it",
                );
                continue;
            };
            trust::check(stack, &role, *purpose, report);
            let needs = needs::of(model, stack, service, *purpose);
            // What a policy of AWS's own allows is not to be seen here.
            let is_whole = role.get("ManagedPolicyArns").is_none();
            grants::check(stack, &role, &statements, (&needs, is_whole), report);
        }
    }
}

/// The roles of a stack, each with the thing that takes it on.
fn uses(stack: &Stack<'_>, program: &Program, report: &mut Report<'_>) -> Vec<(String, Use)> {
    let mut uses: Vec<(String, Use)> = Vec::new();
    for RoleProperty { property, purpose } in program.roles {
        for resource in stack.of_type(program.resource_type) {
            let target = resource.get(property).and_then(|node| stack.target(node));
            match target {
                Some((role, _)) if uses.iter().any(|(id, _)| id == role.id) => {
                    let text = format!(
                        "{}.{property} is {} again: what starts a container and what it may do itself are two roles",
                        resource.id, role.id
                    );
                    report.add(
                        stack.index,
                        resource.line_of(property),
                        text,
                        format!("give {property} a role of its own"),
                    );
                }
                Some((role, _)) => uses.push((role.id.to_owned(), *purpose)),
                None => {
                    let text = format!("{}.{property} names no role of the template", resource.id);
                    report.add(
                        stack.index,
                        resource.line_of(property),
                        text,
                        format!("write {property}: !GetAtt <a role>.Arn"),
                    );
                }
            }
        }
    }
    uses
}

/// Every statement that holds for a role. What no policy may say is reported on the way.
fn statements_of<'a>(
    stack: &Stack<'a>,
    role: &Resource<'a>,
    report: &mut Report<'_>,
) -> Vec<Statement<'a>> {
    let mut found = Vec::new();
    for own in role.get("Policies").map_or(&[][..], Node::items) {
        if let Some(document) = own.get("PolicyDocument") {
            found.extend(policy::read(stack, role.id, document, report));
        }
    }
    let own = format!("${{{}}}", role.id);
    for beside in stack.of_type("AWS::IAM::Policy") {
        let roles = beside.get("Roles").map_or(&[][..], Node::items);
        let is_of_role = roles.iter().any(|name| shown(name) == own);
        if let Some(document) = beside.get("PolicyDocument").filter(|_| is_of_role) {
            found.extend(policy::read(stack, role.id, document, report));
        }
    }
    for managed in role.get("ManagedPolicyArns").map_or(&[][..], Node::items) {
        let text = format!(
            "{} has the managed policy {}, which allows more than this service needs",
            role.id,
            shown(managed)
        );
        report.advise(
            "managed-policy",
            stack.index,
            managed.line,
            text,
            "write the actions that are needed under Policies, with their resources",
        );
    }
    found
}
