//! The resources of CloudFormation that say what a program is started with: its roles, its environment and its secrets.

/// One of these resource types.
#[derive(Debug, PartialEq, Eq)]
pub struct Program {
    pub resource_type: &'static str,
    pub roles: &'static [RoleProperty],
    pub secrets: SecretsIn,
}

/// A property that names a role.
#[derive(Debug, PartialEq, Eq)]
pub struct RoleProperty {
    pub property: &'static str,
    pub purpose: Use,
}

/// What a role is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// What ECS does before a container starts.
    Execution,
    /// What a container of ECS may do itself.
    Task,
    /// What a function may do, and what Lambda does for it.
    Function,
    /// What an agent may do, and what AgentCore does for it.
    Runtime,
}

/// How a program gets its secrets. The path is below the resource's `Properties`.
#[derive(Debug, PartialEq, Eq)]
pub enum SecretsIn {
    /// The platform reads them and sets the variables: a list of `{Name, ValueFrom}`.
    Values(&'static str),
    /// The program reads them: a map of variables, of which `<NAME>_SECRET_ARN` says which secret.
    Arns(&'static str),
}

impl Use {
    /// The service of AWS that takes on the role.
    pub fn principal(self) -> &'static str {
        match self {
            Self::Execution | Self::Task => "ecs-tasks.amazonaws.com",
            Self::Function => "lambda.amazonaws.com",
            Self::Runtime => "bedrock-agentcore.amazonaws.com",
        }
    }
}

/// A container that ECS keeps running.
pub(crate) const TASK: Program = Program {
    resource_type: "AWS::ECS::TaskDefinition",
    roles: &[
        RoleProperty {
            property: "ExecutionRoleArn",
            purpose: Use::Execution,
        },
        RoleProperty {
            property: "TaskRoleArn",
            purpose: Use::Task,
        },
    ],
    secrets: SecretsIn::Values("ContainerDefinitions.0.Secrets"),
};
