//! The rendered stacks in the form that every check reads.

use std::collections::{BTreeMap, BTreeSet};

use template::{Kind as NodeKind, Node, Piece, pieces};

use super::{Origin, Stack as Given, System};
use facts::{Link, Repo, Resolved, Service, Stage};

pub(crate) struct Model<'a> {
    pub repo: &'a Repo,
    pub stage: &'a Stage,
    pub stacks: Vec<Stack<'a>>,
    by_owner: BTreeMap<&'a str, usize>,
    /// The services to which something links that is not in the stage's network.
    pub called_from_outside: BTreeSet<&'a str>,
}

pub(crate) struct Stack<'a> {
    /// Where it stands in the system: what a report names it by.
    pub index: usize,
    pub given: &'a Given<'a>,
    pub root: &'a Node,
    pub resources: Vec<Resource<'a>>,
    pub service: Option<&'a Service>,
    region: &'a str,
}

#[derive(Clone, Copy)]
pub(crate) struct Resource<'a> {
    pub id: &'a str,
    pub line: usize,
    pub kind: &'a str,
    pub node: &'a Node,
}

impl<'a> Model<'a> {
    pub(crate) fn new(system: &'a System<'a>, trees: &'a [(usize, Node)]) -> Self {
        let stacks = trees.iter().map(|(index, root)| {
            let given = &system.stacks[*index];
            let resources = root.get("Resources").map_or(&[][..], Node::entries);
            let resources = resources.iter().map(|entry| Resource {
                id: &entry.key,
                line: entry.line,
                kind: entry.value.get("Type").and_then(Node::as_str).unwrap_or(""),
                node: &entry.value,
            });
            Stack {
                index: *index,
                given,
                root,
                resources: resources.collect(),
                service: system.repo.service(given.owner),
                region: &system.stage.region,
            }
        });
        let stacks: Vec<Stack<'a>> = stacks.collect();
        let owners = stacks.iter().map(|stack| stack.given.owner).zip(0..);
        let mut model = Self {
            repo: system.repo,
            stage: system.stage,
            by_owner: owners.collect(),
            stacks,
            called_from_outside: BTreeSet::new(),
        };
        let callers = facts::deployed(model.repo, model.stage).into_iter();
        let outside = callers.filter(|caller| !caller.kind.in_network);
        let called = outside.flat_map(|caller| model.callees(caller));
        model.called_from_outside = called.map(|callee| callee.name.as_str()).collect();
        model
    }

    pub(crate) fn stack(&self, owner: &str) -> Option<&Stack<'a>> {
        self.by_owner.get(owner).map(|index| &self.stacks[*index])
    }

    /// The stacks of services, `network` and `artifacts` aside.
    pub(crate) fn of_services(&self) -> impl Iterator<Item = (&Stack<'a>, &'a Service)> {
        let stacks = self.stacks.iter();
        stacks.filter_map(|stack| Some((stack, stack.service?)))
    }

    /// The links of a service that hold on this stage.
    pub(crate) fn links(&self, service: &'a Service) -> Vec<(&'static str, &'a str, &'a Link)>
    where
        'a: 'a,
    {
        let stage: &'a Stage = self.stage;
        let resolved =
            service
                .values()
                .filter_map(|(table, name, value)| match stage.resolve(value) {
                    Some(Resolved::Link(link)) => Some((table, name.as_str(), link)),
                    _ => None,
                });
        resolved.collect()
    }

    /// The secrets that this stage names for a service: the variable, and the ARN.
    pub(crate) fn existing_secrets(
        &self,
        service: &'a Service,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let stage: &'a Stage = self.stage;
        let secrets = service.existing_secrets.iter();
        secrets.filter_map(move |(variable, secret)| {
            let arn = stage.settings.get(&secret.setting)?;
            Some((variable.as_str(), arn.as_str()))
        })
    }

    /// The services that a service calls on this stage, each once.
    pub(crate) fn callees(&self, service: &'a Service) -> Vec<&'a Service> {
        let mut names: Vec<&str> = self
            .links(service)
            .into_iter()
            .map(|(_, _, link)| link.service.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        let repo: &'a Repo = self.repo;
        names
            .into_iter()
            .filter_map(|name| repo.service(name))
            .collect()
    }
}

impl<'a> Stack<'a> {
    pub(crate) fn resource(&self, id: &str) -> Option<Resource<'a>> {
        self.resources
            .iter()
            .find(|resource| resource.id == id)
            .copied()
    }

    pub(crate) fn of_type(&self, kind: &str) -> impl Iterator<Item = Resource<'a>> {
        self.resources
            .iter()
            .filter(move |resource| resource.kind == kind)
            .copied()
    }

    /// The only resource of a type, or the first.
    pub(crate) fn first(&self, kind: &str) -> Option<Resource<'a>> {
        self.of_type(kind).next()
    }

    /// The entries of a section.
    pub(crate) fn section(&self, name: &str) -> &'a [template::Entry] {
        self.root.get(name).map_or(&[], Node::entries)
    }

    /// The parameter that a deploy fills from there.
    pub(crate) fn parameter_of(&self, wanted: Origin<'_>) -> Option<&'a str> {
        let mut inputs = self.given.inputs.iter();
        inputs.find_map(|(name, origin)| (*origin == wanted).then_some(*name))
    }

    pub(crate) fn resource_ids(&self) -> Vec<&'a str> {
        self.resources.iter().map(|resource| resource.id).collect()
    }

    /// Where a parameter's value comes from.
    pub(crate) fn origin(&self, parameter: &str) -> Option<Origin<'a>> {
        self.given
            .inputs
            .iter()
            .find(|(name, _)| *name == parameter)
            .map(|(_, origin)| *origin)
    }

    /// Every text that a property may come to; none for one that only a deploy knows.
    pub(crate) fn possible(&self, resource: &Resource<'a>, path: &str) -> Vec<Option<String>> {
        resource
            .get(path)
            .map_or_else(Vec::new, |node| self.values(node))
    }

    fn values(&self, node: &'a Node) -> Vec<Option<String>> {
        match &node.kind {
            NodeKind::Call("If", argument) => {
                let branches = argument.items().iter().skip(1);
                branches.flat_map(|branch| self.values(branch)).collect()
            }
            NodeKind::Call("FindInMap", argument) => vec![self.mapped(argument.items())],
            NodeKind::Call("Ref", argument) => match argument.as_str() {
                Some("AWS::NoValue") => Vec::new(),
                Some(name) if self.origin(name).is_none() => {
                    let declared = self.section("Parameters").iter();
                    let mut declared = declared.filter(|entry| entry.key == name);
                    let default = declared.find_map(|entry| entry.value.get("Default"));
                    vec![Some(shown(default.unwrap_or(node)))]
                }
                _ => vec![Some(shown(node))],
            },
            NodeKind::Call("GetAtt" | "Sub" | "Join", _) => vec![Some(shown(node))],
            NodeKind::Call(..) => vec![None],
            _ => vec![Some(shown(node))],
        }
    }

    /// What a mapping has under two keys.
    fn mapped(&self, keys: &'a [Node]) -> Option<String> {
        let key = |node: &'a Node| match shown(node) {
            text if text == "${AWS::Region}" => Some(self.region.to_owned()),
            _ => self.values(node).pop()?,
        };
        let [map, first, second, ..] = keys else {
            return None;
        };
        let mappings = self.root.get("Mappings")?.get(&key(map)?)?;
        Some(shown(mappings.get(&key(first)?)?.get(&key(second)?)?))
    }

    /// The resource that a node refers to, with the attribute that it asks for.
    pub(crate) fn target(&self, node: &'a Node) -> Option<(Resource<'a>, Option<String>)> {
        let (name, attribute) = reference(node)?;
        Some((self.resource(&name)?, attribute))
    }
}

impl<'a> Resource<'a> {
    pub(crate) fn get(&self, path: &str) -> Option<&'a Node> {
        let node: &'a Node = self.node;
        node.get("Properties")?.at(path)
    }

    pub(crate) fn text(&self, path: &str) -> Option<String> {
        self.get(path).map(shown)
    }

    /// Environment variables that are a map: name, value and line.
    pub(crate) fn variables(&self, path: &str) -> Vec<(String, String, usize)> {
        let entries = self.get(path).map_or(&[][..], Node::entries).iter();
        let variable =
            |entry: &template::Entry| (entry.key.clone(), shown(&entry.value), entry.line);
        entries.map(variable).collect()
    }

    /// The line of a property, or of what holds it, or of the resource.
    pub(crate) fn line_of(&self, path: &str) -> usize {
        let mut line = self.line;
        let mut node = self.node.get("Properties");
        for step in path.split('.') {
            let Some(here) = node else { break };
            if let Some(entry) = here.entries().iter().find(|entry| entry.key == step) {
                line = entry.line;
                node = Some(&entry.value);
            } else if let Some(item) = step
                .parse::<usize>()
                .ok()
                .and_then(|at| here.items().get(at))
            {
                line = item.line;
                node = Some(item);
            } else {
                break;
            }
        }
        line
    }
}

/// The name and the attribute of a `Ref` or a `GetAtt`, or of a `Sub` that is nothing else.
pub(crate) fn reference(node: &Node) -> Option<(String, Option<String>)> {
    let text = match &node.kind {
        NodeKind::Call("Ref" | "GetAtt" | "Sub", _) => shown(node),
        _ => return None,
    };
    let inner = text.strip_prefix("${")?.strip_suffix('}')?;
    if inner.contains("${") || inner.contains('}') {
        return None;
    }
    Some(match inner.split_once('.') {
        Some((name, attribute)) => (name.to_owned(), Some(attribute.to_owned())),
        None => (inner.to_owned(), None),
    })
}

/// A value as one text, however it is spelt: a `Ref` is `${Name}`, a `GetAtt` `${Name.Attribute}`, and joins are joined.
pub(crate) fn shown(node: &Node) -> String {
    match &node.kind {
        NodeKind::Scalar(value) => match value.as_str() {
            Some(text) => text.to_owned(),
            None if value.is_null() => String::new(),
            None => value.to_string(),
        },
        NodeKind::List(items) => items.iter().map(shown).collect::<Vec<_>>().join(","),
        NodeKind::Map(entries) => {
            let entries = entries.iter();
            let entries = entries.map(|entry| format!("{}={}", entry.key, shown(&entry.value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        NodeKind::Call("Ref", argument) => format!("${{{}}}", shown(argument)),
        NodeKind::Call("GetAtt", argument) => {
            let parts: Vec<String> = argument.one_or_many().iter().map(shown).collect();
            format!("${{{}}}", parts.join("."))
        }
        NodeKind::Call("Sub", argument) => substituted(argument),
        NodeKind::Call("Join", argument) => match argument.items() {
            [separator, list] => {
                let items: Vec<String> = list.one_or_many().iter().map(shown).collect();
                items.join(&shown(separator))
            }
            _ => String::new(),
        },
        NodeKind::Call(name, argument) => format!("!{name}({})", shown(argument)),
    }
}

fn substituted(argument: &Node) -> String {
    let text = match argument.items().first() {
        Some(text) => shown(text),
        None => shown(argument),
    };
    let locals = argument.items().get(1);
    let mut result = String::with_capacity(text.len());
    for piece in pieces(&text) {
        match piece {
            Piece::Text(text) => result.push_str(text),
            Piece::Name(name) => match locals.and_then(|locals| locals.get(name)) {
                Some(value) => result.push_str(&shown(value)),
                None => result.push_str(&format!("${{{name}}}")),
            },
        }
    }
    result
}

/// True when nothing of a text is left for a deploy to fill in.
pub(crate) fn is_literal(text: &str) -> bool {
    !text.contains("${") && !text.starts_with('!')
}
