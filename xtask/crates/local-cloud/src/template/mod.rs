//! Evaluates a rendered CloudFormation template: its parameters, conditions, functions, and the order of its resources.
//!
//! Nothing here knows a resource type; `local/resources` says what a type becomes.

mod cidr;
mod conditions;
mod intrinsics;
mod lists;
mod order;
mod parameters;
mod substitution;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub(crate) use intrinsics::{Physical, Scope, as_text};
use template::{Entry, Node, SECTIONS};
pub(crate) use template::{Result, TemplateError};

/// A template that has been read but not yet evaluated.
#[derive(Debug)]
pub(crate) struct Template {
    root: Node,
}

/// One resource of a template whose condition holds.
#[derive(Debug, Clone)]
pub(crate) struct Resource<'a> {
    pub logical_id: String,
    pub line: usize,
    pub resource_type: String,
    pub retained: bool,
    properties: Option<&'a Node>,
}

impl Resource<'_> {
    /// The line of a property, or of the resource when it has no such property.
    pub(crate) fn line_of(&self, property: &str) -> usize {
        self.properties
            .and_then(|node| node.entries().iter().find(|entry| entry.key == property))
            .map_or(self.line, |entry| entry.line)
    }

    /// Its properties with every function called, as a JSON object.
    pub(crate) fn evaluate(&self, scope: &Scope) -> Result<Value> {
        match self.properties {
            Some(node) => scope.value(node),
            None => Ok(Value::Object(serde_json::Map::new())),
        }
        .map_err(|error| {
            error.about(&format!(
                "resource {} ({})",
                self.logical_id, self.resource_type
            ))
        })
    }
}

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let root = Node::parse(text)?;
        for entry in root.entries() {
            if !SECTIONS.contains(&entry.key.as_str()) {
                return Err(TemplateError::new(
                    entry.line,
                    format!("the section `{}` is not known", entry.key),
                    format!("a template has {}", SECTIONS.join(", ")),
                ));
            }
        }
        if root
            .get("Resources")
            .is_none_or(|resources| resources.entries().is_empty())
        {
            return Err(TemplateError::new(
                0,
                "has no Resources",
                "a template needs at least one",
            ));
        }
        Ok(Self { root })
    }

    /// Everything that values can refer to before the first resource exists: parameters, conditions, mappings.
    pub(crate) fn scope(
        &self,
        base: Scope,
        given: &BTreeMap<String, String>,
    ) -> std::result::Result<Scope, Vec<TemplateError>> {
        let mut scope = base;
        scope.parameters = parameters::resolve(self.section("Parameters"), given)?;
        scope.mappings = self.root.get("Mappings").cloned();
        let mut waiting: Vec<&Entry> = self.section("Conditions").iter().collect();
        // Conditions may name each other in any order: take those that can be told until nothing moves.
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut problem = None;
            waiting.retain(|entry| match scope.condition(&entry.value) {
                Ok(holds) => {
                    scope.conditions.insert(entry.key.clone(), holds);
                    false
                }
                Err(error) => {
                    problem = Some(error.about(&format!("condition {}", entry.key)));
                    true
                }
            });
            if waiting.len() == before {
                return Err(problem.into_iter().collect());
            }
        }
        Ok(scope)
    }

    /// The resources whose conditions hold, each after those it refers to or depends on.
    pub(crate) fn resources(&self, scope: &Scope) -> Result<Vec<Resource<'_>>> {
        let mut resources = BTreeMap::new();
        let mut names = Vec::new();
        for entry in self.section("Resources") {
            if let Some(resource) = resource(entry, scope)? {
                names.push((entry.key.clone(), entry.line));
                resources.insert(entry.key.clone(), resource);
            }
        }
        let mut needs = BTreeMap::new();
        for entry in self
            .section("Resources")
            .iter()
            .filter(|entry| resources.contains_key(&entry.key))
        {
            let mut found = BTreeSet::new();
            if let Some(properties) = entry.value.get("Properties") {
                order::references(properties, scope, &mut found);
            }
            found.retain(|name| resources.contains_key(name));
            for name in depends_on(entry) {
                if !resources.contains_key(&name) {
                    return Err(TemplateError::new(
                        entry.line,
                        format!("depends on `{name}`, which does not exist"),
                        "correct DependsOn",
                    )
                    .about(&format!("resource {}", entry.key)));
                }
                found.insert(name);
            }
            needs.insert(entry.key.clone(), found);
        }
        let sorted = order::sort(&names, &needs)?;
        Ok(sorted
            .into_iter()
            .filter_map(|name| resources.remove(&name))
            .collect())
    }

    /// The outputs whose conditions hold, as text.
    pub(crate) fn outputs(&self, scope: &Scope) -> Result<BTreeMap<String, String>> {
        let mut outputs = BTreeMap::new();
        for entry in self.section("Outputs") {
            let about = |error: TemplateError| error.about(&format!("output {}", entry.key));
            if !holds(entry, scope).map_err(about)? {
                continue;
            }
            let value = entry
                .value
                .get("Value")
                .ok_or_else(|| about(TemplateError::new(entry.line, "has no Value", "add one")))?;
            outputs.insert(entry.key.clone(), scope.string(value).map_err(about)?);
        }
        Ok(outputs)
    }

    fn section(&self, name: &str) -> &[Entry] {
        self.root.get(name).map_or(&[], Node::entries)
    }
}

fn resource<'a>(entry: &'a Entry, scope: &Scope) -> Result<Option<Resource<'a>>> {
    let about = |error: TemplateError| error.about(&format!("resource {}", entry.key));
    if !holds(entry, scope).map_err(about)? {
        return Ok(None);
    }
    let resource_type = entry
        .value
        .get("Type")
        .and_then(Node::text)
        .ok_or_else(|| {
            about(TemplateError::new(
                entry.line,
                "has no Type",
                "add one, such as `Type: AWS::ECS::Service`",
            ))
        })?;
    let retained = entry
        .value
        .get("DeletionPolicy")
        .and_then(Node::text)
        .is_some_and(|policy| policy == "Retain");
    Ok(Some(Resource {
        logical_id: entry.key.clone(),
        line: entry.line,
        resource_type,
        retained,
        properties: entry.value.get("Properties"),
    }))
}

/// Whether a resource or output is to be there at all.
fn holds(entry: &Entry, scope: &Scope) -> Result<bool> {
    entry
        .value
        .get("Condition")
        .map_or(Ok(true), |condition| scope.condition(condition))
}

fn depends_on(entry: &Entry) -> Vec<String> {
    entry
        .value
        .get("DependsOn")
        .map_or_else(Vec::new, |node| match node.text() {
            Some(one) => vec![one],
            None => node.items().iter().filter_map(Node::text).collect(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(text: &str) -> String {
        let template = Template::parse(text).unwrap();
        let scope = template.scope(Scope::default(), &BTreeMap::new()).unwrap();
        match template.resources(&scope) {
            Ok(resources) => resources
                .iter()
                .map(|resource| resource.logical_id.as_str())
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn resources_come_after_what_they_need() {
        let text = "
Conditions: {Never: !Not [!Condition Always], Always: !Equals [a, a]}
Resources:
  A: {Type: T, Properties: {x: !GetAtt B.Arn}}
  B: {Type: T, Properties: {x: !Sub 'a${C}'}}
  C: {Type: T, DependsOn: [D]}
  D: {Type: T, Properties: {x: !If [Never, !Ref A, y]}}
  E: {Type: T, Condition: Never}
";
        assert_eq!(order(text), "D C B A");
    }

    #[test]
    fn a_circle_is_named_whole() {
        let error = order(
            "Resources:\n  A: {Type: T, Properties: {x: !Ref B}}\n  B: {Type: T, DependsOn: A}\n",
        );
        assert!(
            error.contains("A -> B -> A") && error.starts_with("line 2"),
            "{error}"
        );
        assert!(order("Resources:\n  A: {Type: T, DependsOn: Z}\n").contains("depends on `Z`"));
    }

    #[test]
    fn a_template_that_is_none_says_so() {
        for (text, problem) in [
            ("Resource: {}\n", "the section `Resource` is not known"),
            ("Resources: {}\n", "has no Resources"),
            ("a: b: c\n", "not YAML"),
        ] {
            assert!(
                Template::parse(text)
                    .unwrap_err()
                    .to_string()
                    .contains(problem),
                "{text}"
            );
        }
    }
}
