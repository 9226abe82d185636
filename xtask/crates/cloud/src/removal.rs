//! What the deletion of one stack takes along, what it leaves, and what has to be emptied for it.

use serde::Serialize;

use crate::DeployedStack;

/// One stack that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Removal {
    pub name: String,
    pub owner: String,
    #[serde(skip)]
    pub stack_id: String,
    #[serde(skip)]
    pub condition: Running,
    /// How many resources go with it.
    pub deletes: usize,
    /// Those among them that hold something: `secret turnpike/dev/wallet-key`.
    pub loses: Vec<String>,
    /// What its template says is to stay.
    pub retains: Vec<String>,
    /// What CloudFormation deletes only when nothing is in it.
    pub empties: Vec<Container>,
    /// Termination protection is on. A deploy that deletes the stack turns it off first; `destroy` refuses.
    pub protected: bool,
    /// Its agents leave network interfaces behind, for hours.
    pub agent_in_vpc: bool,
}

/// Something that has to be empty before it can go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "name")]
pub enum Container {
    Bucket(String),
    Repository(String),
}

/// What is being done to the stack already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Running {
    Nothing,
    /// It can be deleted once this is over.
    Change,
    Deletion,
}

impl Removal {
    /// A stack of which nothing has to be said but that it goes.
    pub fn plain(stack: &DeployedStack) -> Self {
        Self {
            name: stack.name.clone(),
            owner: stack.owner.clone(),
            stack_id: stack.stack_id.clone(),
            condition: Running::Nothing,
            deletes: 0,
            loses: Vec::new(),
            retains: Vec::new(),
            empties: Vec::new(),
            protected: false,
            agent_in_vpc: false,
        }
    }

    /// What has to be said about it, besides how much it is.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.protected {
            lines.push("its protection against deletion is turned off first".to_owned());
        }
        for thing in &self.loses {
            let emptied = self
                .empties
                .iter()
                .any(|container| thing.ends_with(container.name()));
            lines.push(match emptied {
                true => format!("{thing} with everything in it"),
                // aws-cloudformation/cloudformation-coverage-roadmap#1999: there is no recovery window.
                false if thing.starts_with("secret ") => format!("{thing}, for good"),
                false => thing.clone(),
            });
        }
        lines.extend(self.retains.iter().map(|thing| format!("stays: {thing}")));
        if self.agent_in_vpc {
            lines.push(
                "stays for up to eight hours: the agent's network interfaces, and with them their subnets and security groups"
                    .to_owned(),
            );
        }
        lines
    }
}

impl Container {
    pub fn name(&self) -> &str {
        match self {
            Self::Bucket(name) | Self::Repository(name) => name,
        }
    }
}
