//! The functions that make and take apart lists: `Join`, `Split`, `Select`, `Cidr`.

use serde_json::{Value, json};

use super::cidr;
use super::intrinsics::{Scope, arguments, as_text};
use template::{Node, Result, TemplateError};

impl Scope {
    pub(crate) fn list_call(&self, name: &str, argument: &Node, line: usize) -> Result<Value> {
        match name {
            "Join" => self.join(argument, line),
            "Split" => {
                let [separator, source] = arguments(argument, name, line)?;
                let separator = self.string(separator)?;
                let source = self.string(source)?;
                Ok(source.split(&separator).map(|part| json!(part)).collect())
            }
            "Select" => self.select(argument, line),
            _ => self.cidr(argument, line),
        }
    }

    fn join(&self, argument: &Node, line: usize) -> Result<Value> {
        let [separator, list] = arguments(argument, "Join", line)?;
        let separator = self.string(separator)?;
        let items: Option<Vec<String>> = self.list(list)?.iter().map(as_text).collect();
        let items = items.ok_or_else(|| {
            let problem = "!Join of something that is not text";
            TemplateError::new(line, problem, "join texts only")
        })?;
        Ok(json!(items.join(&separator)))
    }

    fn select(&self, argument: &Node, line: usize) -> Result<Value> {
        let [index, list] = arguments(argument, "Select", line)?;
        let index: usize = self.string(index)?.parse().map_err(|_| {
            TemplateError::new(line, "!Select needs a number first", "!Select [0, list]")
        })?;
        let list = self.list(list)?;
        let problem = format!("!Select {index} of a list of {}", list.len());
        let fix = "the list is shorter than the template expects";
        let item = list.into_iter().nth(index);
        item.ok_or_else(|| TemplateError::new(line, problem, fix))
    }

    fn cidr(&self, argument: &Node, line: usize) -> Result<Value> {
        let [block, count, bits] = arguments(argument, "Cidr", line)?;
        let number = |node: &Node| {
            self.string(node)?.parse::<u32>().map_err(|_| {
                TemplateError::new(line, "!Cidr needs numbers", "!Cidr [block, count, bits]")
            })
        };
        let blocks = cidr::split(&self.string(block)?, number(count)?, number(bits)?);
        let blocks =
            blocks.map_err(|problem| TemplateError::new(line, problem, "choose a larger block"))?;
        Ok(json!(blocks))
    }
}
