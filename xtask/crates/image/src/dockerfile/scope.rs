//! Which ARG and ENV an instruction sees, and which ARGs it thereby uses.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// The variables at one line of a Dockerfile.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    /// The values that the build was given.
    given: &'a BTreeMap<String, String>,
    /// ARGs from before FROM: visible in FROM, and where a stage declares them again without a value.
    global: BTreeMap<String, String>,
    /// ARGs and ENVs of the stage, whichever was set last.
    variables: BTreeMap<String, Variable>,
    pub declared: BTreeSet<String>,
    used: RefCell<BTreeSet<String>>,
}

#[derive(Debug)]
struct Variable {
    value: String,
    is_arg: bool,
}

impl<'a> Scope<'a> {
    pub(super) fn new(given: &'a BTreeMap<String, String>) -> Self {
        Self {
            given,
            global: BTreeMap::new(),
            variables: BTreeMap::new(),
            declared: BTreeSet::new(),
            used: RefCell::default(),
        }
    }

    /// What `$name` stands for in FROM.
    pub(super) fn lookup_global(&self, name: &str) -> Option<String> {
        let found = self
            .global
            .get(name)
            .cloned()
            .or_else(|| platform(name).map(str::to_owned));
        if self.global.contains_key(name) {
            self.used.borrow_mut().insert(name.to_owned());
        }
        found
    }

    /// What `$name` stands for in a stage.
    pub(super) fn lookup(&self, name: &str) -> Option<String> {
        let variable = self.variables.get(name)?;
        if variable.is_arg {
            self.used.borrow_mut().insert(name.to_owned());
        }
        Some(variable.value.clone())
    }

    /// The value of an ARG that the Dockerfile says nothing else about.
    pub(super) fn given(&self, name: &str) -> Option<&'a str> {
        self.given.get(name).map(String::as_str)
    }

    /// The value that an ARG without a default has from outside the stage.
    pub(super) fn inherited(&self, name: &str) -> Option<String> {
        self.global
            .get(name)
            .cloned()
            .or_else(|| platform(name).map(str::to_owned))
    }

    /// Forgets what only the stage before this one knew.
    pub(super) fn begin_stage(&mut self) {
        self.variables.clear();
    }

    pub(super) fn set_global(&mut self, name: &str, value: String) {
        self.global.insert(name.to_owned(), value);
    }

    pub(super) fn set_arg(&mut self, name: &str, value: String) {
        self.declared.insert(name.to_owned());
        self.set(name, value, true);
    }

    pub(super) fn set_env(&mut self, name: &str, value: String) {
        self.set(name, value, false);
    }

    fn set(&mut self, name: &str, value: String, is_arg: bool) {
        self.variables
            .insert(name.to_owned(), Variable { value, is_arg });
    }

    pub(super) fn is_used(&self, name: &str) -> bool {
        self.used.borrow().contains(name)
    }
}

/// The values that every builder gives, for the only platform that Turnpike builds for.
fn platform(name: &str) -> Option<&'static str> {
    match name {
        "TARGETPLATFORM" => Some("linux/arm64"),
        "TARGETOS" => Some("linux"),
        "TARGETARCH" => Some("arm64"),
        "TARGETVARIANT" => Some(""),
        _ => None,
    }
}
