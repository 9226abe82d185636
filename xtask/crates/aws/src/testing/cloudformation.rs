//! CloudFormation as a stand-in: change sets, stacks and events in memory, moved on by being asked.

use std::collections::{BTreeMap, VecDeque};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;

pub(crate) use super::words::event;
use super::{ACCOUNT, Fault, REGION, Shared, answer, broken, escaped, serve};
use crate::Aws;

/// One event, in the order in which they happened.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub id: String,
    pub resource: String,
    pub resource_type: String,
    pub physical_id: String,
    pub status: String,
    pub reason: String,
    /// Milliseconds after the hour.
    pub at: u64,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Stack {
    pub id: String,
    pub name: String,
    pub status: String,
    pub tags: BTreeMap<String, String>,
    pub outputs: BTreeMap<String, String>,
    pub events: Vec<Event>,
    /// What is still to happen: each time that the events are asked for, the next of these do.
    pub script: VecDeque<Vec<Event>>,
    pub resources: Vec<Event>,
}

#[derive(Debug, Clone)]
pub(crate) struct Set {
    pub id: String,
    pub name: String,
    pub stack_id: String,
    pub description: String,
    pub template: String,
    pub create: bool,
    pub status: String,
    pub execution: String,
    pub reason: String,
    /// It is still being made for so many questions.
    pub pending: u32,
}

/// The account.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub stacks: Vec<Stack>,
    pub sets: Vec<Set>,
    /// `Add Service AWS::ECS::Service`, and for a modification also the replacement and a property.
    pub changes: Vec<String>,
    /// Why the next sets fail.
    pub set_reason: Option<String>,
    pub set_pending: u32,
    pub page: usize,
    pub faults: Vec<(String, Fault)>,
    pub calls: Vec<String>,
    /// What happens to a stack when a set is executed or a stack deleted.
    pub script: Vec<Vec<Event>>,
    pub validation: Vec<(String, String)>,
    numbers: u64,
}

pub(crate) type Fields = BTreeMap<String, String>;
type Refused = (u16, &'static str, String);

/// A new account without any stacks.
pub(crate) async fn start() -> (Aws, Shared<World>) {
    let world = Shared::new(World {
        page: 100,
        changes: vec!["Add Service AWS::ECS::Service".to_owned()],
        ..World::default()
    });
    let router = Router::new()
        .route("/", post(handle))
        .with_state(world.clone());
    (serve(router).await, world)
}

async fn handle(State(world): State<Shared<World>>, body: Bytes) -> Response {
    let fields: Fields = url::form_urlencoded::parse(&body).into_owned().collect();
    let action = fields.get("Action").cloned().unwrap_or_default();
    let mut world = world.lock();
    world.calls.push(action.clone());
    let planned = world.faults.iter().position(|(name, _)| *name == action);
    let fault = planned.map(|index| world.faults.remove(index).1);
    match fault {
        Some(Fault::LostBefore) => return broken(),
        Some(Fault::Refused {
            status,
            code,
            message,
        }) => return refusal((status, code, message.to_owned())),
        Some(Fault::LostAfter | Fault::BrokenOff) => {
            drop(world.act(&action, &fields));
            return broken();
        }
        None => {}
    }
    match world.act(&action, &fields) {
        Ok(result) => answer(
            200,
            format!(
                "<{action}Response xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><{action}Result>{result}</{action}Result></{action}Response>"
            ),
        ),
        Err(refused) => refusal(refused),
    }
}

fn refusal((status, code, message): Refused) -> Response {
    let message = escaped(&message);
    answer(
        status,
        format!(
            "<ErrorResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
        ),
    )
}

impl World {
    fn act(&mut self, action: &str, fields: &Fields) -> Result<String, Refused> {
        let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
        match action {
            "DescribeStacks" => self.describe_stacks(&field("StackName"), &field("NextToken")),
            "ListStacks" => self.list_stacks(&field("NextToken")),
            "DescribeStackEvents" => self.events(&field("StackName"), &field("NextToken")),
            "ListStackResources" => self.resources(&field("StackName")),
            "CreateChangeSet" => self.create_set(fields),
            "DescribeChangeSet" => self.describe_set(
                &field("ChangeSetName"),
                &field("StackName"),
                &field("NextToken"),
            ),
            "DescribeEvents" => Ok(self.validation_events()),
            "DeleteChangeSet" => {
                self.sets.retain(|set| {
                    set.id != field("ChangeSetName") && set.name != field("ChangeSetName")
                });
                Ok(String::new())
            }
            "ExecuteChangeSet" => self.execute(&field("ChangeSetName")),
            "DeleteStack" => self.begin(&field("StackName"), "DELETE_IN_PROGRESS"),
            "ContinueUpdateRollback" => {
                self.begin(&field("StackName"), "UPDATE_ROLLBACK_IN_PROGRESS")
            }
            "CancelUpdateStack" => Err((
                400,
                "ValidationError",
                "CancelUpdateStack cannot be called from current stack status".to_owned(),
            )),
            other => Err((400, "InvalidAction", format!("the stand-in has no {other}"))),
        }
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// A stack that stands, with the tags of the stage `dev` of `turnpike`.
    pub(crate) fn add(&mut self, owner: &str, status: &str) -> String {
        let name = format!("turnpike-dev-{owner}");
        let id = format!(
            "arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/{}",
            self.number()
        );
        let tag = |key: &str, value: &str| (format!("turnpike:{key}"), value.to_owned());
        let old = Event {
            id: format!("old-{name}"),
            ..event(&name, "CREATE_COMPLETE", "", 1)
        };
        self.stacks.push(Stack {
            id: id.clone(),
            name,
            status: status.to_owned(),
            tags: [
                tag("project", "turnpike"),
                tag("stage", "dev"),
                tag("owner", owner),
            ]
            .into(),
            outputs: [("Url".to_owned(), "http://old".to_owned())].into(),
            events: vec![old],
            ..Stack::default()
        });
        id
    }

    pub(crate) fn stack(&mut self, name: &str) -> Result<&mut Stack, Refused> {
        let living = |stack: &&mut Stack| {
            stack.id == name || (stack.name == name && stack.status != "DELETE_COMPLETE")
        };
        self.stacks.iter_mut().find(living).ok_or_else(|| {
            (
                400,
                "ValidationError",
                format!("Stack with id {name} does not exist"),
            )
        })
    }

    fn create_set(&mut self, fields: &Fields) -> Result<String, Refused> {
        let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
        let (stack_name, name) = (field("StackName"), field("ChangeSetName"));
        let create = field("ChangeSetType") == "CREATE";
        if create && self.stack(&stack_name).is_err() {
            let owner = stack_name.rsplit('-').next().unwrap_or_default().to_owned();
            let id = self.add(&owner, "REVIEW_IN_PROGRESS");
            let stack = self.stack(&id)?;
            stack.tags.clear();
            stack.events[0].status = "REVIEW_IN_PROGRESS".to_owned();
        }
        let stack_id = self.stack(&stack_name)?.id.clone();
        if self
            .sets
            .iter()
            .any(|set| set.name == name && set.stack_id == stack_id)
        {
            return Err((
                400,
                "AlreadyExistsException",
                format!("ChangeSet {name} already exists"),
            ));
        }
        let reason = self.set_reason.clone();
        let id = format!(
            "arn:aws:cloudformation:{REGION}:{ACCOUNT}:changeSet/{name}/{}",
            self.number()
        );
        let failed = reason.is_some();
        self.sets.push(Set {
            id: id.clone(),
            name,
            stack_id: stack_id.clone(),
            description: field("Description"),
            template: field("TemplateBody"),
            create,
            status: if failed { "FAILED" } else { "CREATE_COMPLETE" }.to_owned(),
            execution: if failed { "UNAVAILABLE" } else { "AVAILABLE" }.to_owned(),
            reason: reason.unwrap_or_default(),
            pending: self.set_pending,
        });
        Ok(format!("<Id>{id}</Id><StackId>{stack_id}</StackId>"))
    }

    fn execute(&mut self, id: &str) -> Result<String, Refused> {
        let Some(set) = self.sets.iter_mut().find(|set| set.id == id) else {
            return Err((
                404,
                "ChangeSetNotFound",
                format!("ChangeSet [{id}] does not exist"),
            ));
        };
        if set.execution != "AVAILABLE" {
            let message = format!(
                "ChangeSet [{id}] cannot be executed in its current status of [{}]",
                set.execution
            );
            return Err((400, "InvalidChangeSetStatus", message));
        }
        set.execution = "EXECUTE_IN_PROGRESS".to_owned();
        let (stack_id, create) = (set.stack_id.clone(), set.create);
        self.begin(
            &stack_id,
            if create {
                "CREATE_IN_PROGRESS"
            } else {
                "UPDATE_IN_PROGRESS"
            },
        )
    }

    fn begin(&mut self, name: &str, status: &str) -> Result<String, Refused> {
        let script = self.script.clone();
        let stack = self.stack(name)?;
        if stack.status == "REVIEW_IN_PROGRESS" && status == "DELETE_IN_PROGRESS" {
            stack.status = "DELETE_COMPLETE".to_owned();
            return Ok(String::new());
        }
        stack.status = status.to_owned();
        stack.script = script.into();
        Ok(String::new())
    }
}
