//! The AgentCore HTTP contract: `POST /invocations` and `GET /ping`.

pub(crate) mod invocations;
pub(crate) mod ping;
mod request;
