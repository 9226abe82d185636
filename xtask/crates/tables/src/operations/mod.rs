//! What can be asked of tables, one file per kind of operation.

mod batch;
mod describe;
mod get;
mod query;
mod transaction;
mod write;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::Tables;
use crate::refusal::{Refusal, Result};

/// A request as it was read; nothing was looked up yet.
pub struct Request {
    operation: Operation,
}

enum Operation {
    Get(get::GetItem),
    Write(write::Kind, write::WriteItem),
    BatchGet(batch::BatchGetItem),
    BatchWrite(batch::BatchWriteItem),
    TransactGet(transaction::TransactGetItems),
    TransactWrite(transaction::TransactWriteItems),
    Query(query::Query),
    Scan(query::Scan),
    DescribeTable(describe::OfTable),
    DescribeTimeToLive(describe::OfTable),
    ListTables(describe::ListTables),
}

const OPERATIONS: [&str; 14] = [
    "BatchGetItem",
    "BatchWriteItem",
    "DeleteItem",
    "DescribeTable",
    "DescribeTimeToLive",
    "GetItem",
    "ListTables",
    "PutItem",
    "Query",
    "Scan",
    "TransactGetItems",
    "TransactWriteItems",
    "UpdateItem",
    "ConditionCheckItem",
];

/// The permission that a request needs: an action, and the table it is on. No table is all of them.
pub type Permission<'a> = (&'static str, Option<&'a str>);

impl Request {
    /// Reads a request. What is not served here is refused by its name.
    ///
    /// # Errors
    /// When it is not of the operation's shape, or has a parameter that is not served here.
    pub fn parse(operation: &str, body: &[u8]) -> Result<Self> {
        use write::Kind;
        let operation = match operation {
            "GetItem" => Operation::Get(read(body)?),
            "PutItem" => Operation::Write(Kind::Put, read(body)?),
            "UpdateItem" => Operation::Write(Kind::Update, read(body)?),
            "DeleteItem" => Operation::Write(Kind::Delete, read(body)?),
            "BatchGetItem" => Operation::BatchGet(read(body)?),
            "BatchWriteItem" => Operation::BatchWrite(read(body)?),
            "TransactGetItems" => Operation::TransactGet(read(body)?),
            "TransactWriteItems" => Operation::TransactWrite(read(body)?),
            "Query" => Operation::Query(read(body)?),
            "Scan" => Operation::Scan(read(body)?),
            "DescribeTable" => Operation::DescribeTable(read(body)?),
            "DescribeTimeToLive" => Operation::DescribeTimeToLive(read(body)?),
            "ListTables" => Operation::ListTables(read(body)?),
            _ => {
                return Err(Refusal::new(
                    "UnknownOperationException",
                    format!(
                        "The local cloud has no operation '{operation}' of DynamoDB; it has {}. Tables are made and removed by templates.",
                        OPERATIONS[..13].join(", ")
                    ),
                ));
            }
        };
        Ok(Self { operation })
    }

    /// What the caller's policies have to allow. A transaction needs the permissions of its parts.
    /// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
    pub fn permissions(&self) -> Vec<Permission<'_>> {
        match &self.operation {
            Operation::Get(get) => vec![("dynamodb:GetItem", Some(name(&get.table_name)))],
            Operation::Write(kind, write) => vec![(kind.action(), Some(name(&write.table_name)))],
            Operation::BatchGet(batch) => {
                let tables = batch.request_items.keys();
                tables
                    .map(|table| ("dynamodb:BatchGetItem", Some(name(table))))
                    .collect()
            }
            Operation::BatchWrite(batch) => {
                let tables = batch.request_items.keys();
                tables
                    .map(|table| ("dynamodb:BatchWriteItem", Some(name(table))))
                    .collect()
            }
            Operation::TransactGet(all) => all.permissions(),
            Operation::TransactWrite(all) => all.permissions(),
            Operation::Query(query) => vec![("dynamodb:Query", Some(name(&query.table_name)))],
            Operation::Scan(scan) => vec![("dynamodb:Scan", Some(name(&scan.table_name)))],
            Operation::DescribeTable(of) => {
                vec![("dynamodb:DescribeTable", Some(name(&of.table_name)))]
            }
            Operation::DescribeTimeToLive(of) => {
                vec![("dynamodb:DescribeTimeToLive", Some(name(&of.table_name)))]
            }
            Operation::ListTables(_) => vec![("dynamodb:ListTables", None)],
        }
    }
}

impl Tables {
    /// Does what is asked, and answers as DynamoDB would.
    ///
    /// # Errors
    /// A refusal, under the name that DynamoDB gives it.
    pub async fn run(&self, request: Request) -> Result<Json> {
        match request.operation {
            Operation::Get(get) => self.get_item(&get),
            Operation::Write(kind, write) => self.write_item(kind, &write).await,
            Operation::BatchGet(batch) => self.batch_get(&batch),
            Operation::BatchWrite(batch) => self.batch_write(&batch).await,
            Operation::TransactGet(all) => self.transact_get(&all),
            Operation::TransactWrite(all) => self.transact_write(all).await,
            Operation::Query(query) => self.query(&query),
            Operation::Scan(scan) => self.scan(&scan),
            Operation::DescribeTable(of) => self.describe_table(&of),
            Operation::DescribeTimeToLive(of) => self.describe_time_to_live(&of),
            Operation::ListTables(list) => Ok(self.list_tables(&list)),
        }
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => Refusal::validation(format!(
            "The local cloud does not serve this request: {error}."
        )),
        _ => Refusal::serialization(format!("The request is not JSON: {error}.")),
    })
}

/// A table may be named by its ARN.
fn name(table: &str) -> &str {
    match table.split_once(":table/") {
        Some((_, name)) if table.starts_with("arn:") => name,
        _ => table,
    }
}

type Names = Option<BTreeMap<String, String>>;

/// Where only one value is served: anything else is refused by name.
#[derive(Debug, Clone, Copy, Deserialize)]
enum Nothing {
    #[serde(rename = "NONE")]
    None,
}
