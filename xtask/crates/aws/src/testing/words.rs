//! The stand-in's answers, as XML.

use std::fmt::Write;

use super::cloudformation::{Event, World};
use super::escaped;

type Answer = Result<String, (u16, &'static str, String)>;

impl World {
    pub(crate) fn describe_stacks(&mut self, name: &str, token: &str) -> Answer {
        let mut found = Vec::new();
        if name.is_empty() {
            found.extend(
                self.stacks
                    .iter()
                    .filter(|stack| stack.status != "DELETE_COMPLETE")
                    .cloned(),
            );
        } else {
            found.push(self.stack(name)?.clone());
        }
        let start: usize = token.parse().unwrap_or(0);
        let mut xml = String::from("<Stacks>");
        for stack in found.iter().skip(start).take(self.page) {
            let pairs =
                |pairs: &std::collections::BTreeMap<String, String>, key: &str, value: &str| {
                    pairs
                        .iter()
                        .fold(String::new(), |mut all, (name, content)| {
                            let content = escaped(content);
                            write!(
                                all,
                                "<member><{key}>{name}</{key}><{value}>{content}</{value}></member>"
                            )
                            .unwrap();
                            all
                        })
                };
            write!(
                xml,
                "<member><StackId>{}</StackId><StackName>{}</StackName><StackStatus>{}</StackStatus><CreationTime>2026-11-22T12:00:00.5Z</CreationTime><Tags>{}</Tags><Outputs>{}</Outputs></member>",
                stack.id, stack.name, stack.status,
                pairs(&stack.tags, "Key", "Value"),
                pairs(&stack.outputs, "OutputKey", "OutputValue"),
            )
            .unwrap();
        }
        xml.push_str("</Stacks>");
        Ok(xml + &next(start + self.page, found.len()))
    }

    /// As ListStacks shows them: without tags, and with no say of a page's length but the account's.
    pub(crate) fn list_stacks(&mut self, token: &str) -> Answer {
        let start: usize = token.parse().unwrap_or(0);
        let mut xml = String::from("<StackSummaries>");
        for stack in self.stacks.iter().skip(start).take(self.page) {
            write!(
                xml,
                "<member><StackId>{}</StackId><StackName>{}</StackName><StackStatus>{}</StackStatus><CreationTime>2026-11-22T12:00:00.5Z</CreationTime></member>",
                stack.id, stack.name, stack.status,
            )
            .unwrap();
        }
        xml.push_str("</StackSummaries>");
        Ok(xml + &next(start + self.page, self.stacks.len()))
    }

    /// The newest first, after the next part of the script has happened.
    pub(crate) fn events(&mut self, name: &str, token: &str) -> Answer {
        let page = self.page;
        let stack = self.stack(name)?;
        if token.is_empty() {
            for event in stack.script.pop_front().unwrap_or_default() {
                if event.resource == stack.name {
                    stack.status = event.status.clone();
                }
                stack.events.push(event);
            }
        }
        let start: usize = token.parse().unwrap_or(0);
        let mut xml = String::from("<StackEvents>");
        for event in stack.events.iter().rev().skip(start).take(page) {
            write!(
                xml,
                "<member><StackId>{}</StackId><StackName>{}</StackName>",
                stack.id, stack.name
            )
            .unwrap();
            write!(
                xml,
                "<EventId>{}</EventId>{}</member>",
                event.id,
                fields(event, &stack.id, &stack.name)
            )
            .unwrap();
        }
        xml.push_str("</StackEvents>");
        Ok(xml + &next(start + page, stack.events.len()))
    }

    pub(crate) fn resources(&mut self, name: &str) -> Answer {
        let stack = self.stack(name)?;
        let all = stack
            .resources
            .iter()
            .fold(String::new(), |mut all, event| {
                write!(
                    all,
                    "<member>{}</member>",
                    fields(event, &stack.id, &stack.name)
                )
                .unwrap();
                all
            });
        Ok(format!(
            "<StackResourceSummaries>{all}</StackResourceSummaries>"
        ))
    }

    pub(crate) fn describe_set(&mut self, set: &str, stack: &str, token: &str) -> Answer {
        let page = self.page;
        let stack_id = self
            .stack(stack)
            .map(|stack| stack.id.clone())
            .unwrap_or_default();
        let found = self
            .sets
            .iter_mut()
            .find(|found| found.id == set || (found.name == set && found.stack_id == stack_id));
        let Some(found) = found else {
            return Err((
                404,
                "ChangeSetNotFound",
                format!("ChangeSet [{set}] does not exist"),
            ));
        };
        let ready = found.pending == 0;
        found.pending = found.pending.saturating_sub(1);
        let status = if ready {
            found.status.as_str()
        } else {
            "CREATE_IN_PROGRESS"
        };
        let start: usize = token.parse().unwrap_or(0);
        let mut xml = format!(
            "<ChangeSetId>{}</ChangeSetId><ChangeSetName>{}</ChangeSetName><StackId>{}</StackId><Description>{}</Description><Status>{status}</Status><ExecutionStatus>{}</ExecutionStatus><StatusReason>{}</StatusReason><Changes>",
            found.id,
            found.name,
            found.stack_id,
            found.description,
            found.execution,
            escaped(&found.reason),
        );
        for change in self.changes.iter().skip(start).take(page) {
            let mut words = change.split(' ');
            let mut word = || words.next().unwrap_or_default();
            write!(xml, "<member><Type>Resource</Type><ResourceChange><Action>{}</Action><LogicalResourceId>{}</LogicalResourceId><ResourceType>{}</ResourceType>", word(), word(), word()).unwrap();
            let replacement = word();
            if !replacement.is_empty() {
                write!(xml, "<Replacement>{replacement}</Replacement><Details><member><Target><Attribute>Properties</Attribute><Name>{0}</Name></Target></member><member><Target><Attribute>Properties</Attribute><Name>{0}</Name></Target></member><member><Target><Attribute>Tags</Attribute></Target></member></Details>", word()).unwrap();
            }
            xml.push_str("</ResourceChange></member>");
        }
        xml.push_str("</Changes>");
        Ok(xml + &next(start + page, self.changes.len()))
    }

    pub(crate) fn validation_events(&self) -> String {
        let all = self.validation.iter().fold(String::new(), |mut all, (resource, reason)| {
            write!(all, "<member><EventType>VALIDATION_ERROR</EventType><LogicalResourceId>{resource}</LogicalResourceId><ValidationStatusReason>{}</ValidationStatusReason><ValidationPath>/Resources/{resource}</ValidationPath></member>", escaped(reason)).unwrap();
            all
        });
        format!("<OperationEvents>{all}</OperationEvents>")
    }
}

fn fields(event: &Event, stack_id: &str, stack_name: &str) -> String {
    let physical = match event.resource == stack_name {
        true => stack_id,
        false => &event.physical_id,
    };
    let (minutes, seconds) = (event.at / 60_000, event.at % 60_000 / 1000);
    format!(
        "<LogicalResourceId>{}</LogicalResourceId><PhysicalResourceId>{physical}</PhysicalResourceId><ResourceType>{}</ResourceType><ResourceStatus>{}</ResourceStatus><ResourceStatusReason>{}</ResourceStatusReason><Timestamp>2026-11-22T12:{minutes:02}:{seconds:02}.{:03}Z</Timestamp>",
        event.resource,
        event.resource_type,
        event.status,
        escaped(&event.reason),
        event.at % 1000,
    )
}

fn next(end: usize, count: usize) -> String {
    match end < count {
        true => format!("<NextToken>{end}</NextToken>"),
        false => String::new(),
    }
}

/// An event of the stack itself, if the resource has its name, or of a service in it.
pub(crate) fn event(resource: &str, status: &str, reason: &str, at: u64) -> Event {
    let of_stack = resource.starts_with("turnpike-");
    Event {
        id: format!("{resource}-{status}-{at}"),
        resource: resource.to_owned(),
        resource_type: if of_stack {
            "AWS::CloudFormation::Stack"
        } else {
            "AWS::ECS::Service"
        }
        .to_owned(),
        physical_id: String::new(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        at,
    }
}
