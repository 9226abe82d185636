//! Refusals as DynamoDB names them.

use serde_json::{Map, Value as Json, json};

/// An error answer: a code that programs branch on, a message for people, and what an error of that code has beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub code: &'static str,
    pub message: String,
    pub more: Map<String, Json>,
}

pub(crate) type Result<T> = std::result::Result<T, Refusal>;

impl Refusal {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            more: Map::new(),
        }
    }

    pub(crate) fn with(mut self, name: &str, value: Json) -> Self {
        self.more.insert(name.to_owned(), value);
        self
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }

    /// What DynamoDB says of an item, a key or a value that cannot be.
    pub(crate) fn parameter(problem: impl std::fmt::Display) -> Self {
        Self::validation(format!(
            "One or more parameter values were invalid: {problem}"
        ))
    }

    /// The request is not even of the operation's shape.
    pub(crate) fn serialization(message: impl Into<String>) -> Self {
        Self::new("SerializationException", message)
    }

    pub fn no_table() -> Self {
        Self::new("ResourceNotFoundException", "Requested resource not found")
    }

    /// `item` is what stood there, for whoever asked for it.
    pub(crate) fn condition(item: Option<Json>) -> Self {
        let refusal = Self::new(
            "ConditionalCheckFailedException",
            "The conditional request failed",
        );
        match item {
            Some(item) => refusal.with("Item", item),
            None => refusal,
        }
    }

    /// A fault of this machine, never of the caller.
    pub(crate) fn internal(error: impl std::fmt::Display) -> Self {
        Self::new("InternalServerError", format!("the tables' file: {error}"))
    }

    pub fn is_internal(&self) -> bool {
        self.code == "InternalServerError"
    }

    /// The body of the answer.
    pub fn body(&self) -> Json {
        let mut body = self.more.clone();
        let name = match self.code {
            // Errors of the protocol itself have another prefix.
            code @ ("ValidationException"
            | "SerializationException"
            | "UnknownOperationException") => {
                format!(
                    "com.amazon.coral.{}#{code}",
                    if code == "ValidationException" {
                        "validate"
                    } else {
                        "service"
                    }
                )
            }
            code => format!("com.amazonaws.dynamodb.v20120810#{code}"),
        };
        // `TransactionCanceledException` spells it with a capital letter.
        let message = if self.code == "TransactionCanceledException" {
            "Message"
        } else {
            "message"
        };
        body.insert("__type".to_owned(), json!(name));
        body.insert(message.to_owned(), json!(self.message));
        Json::Object(body)
    }
}
