//! DynamoDB's expressions: conditions, filters, key conditions, updates, projections.
//! https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html

pub(crate) mod condition;
mod evaluate;
pub(crate) mod key_condition;
mod lexer;
pub(crate) mod projection;
pub(crate) mod update;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::attribute::{Attribute, item_from_json};
use crate::path::{Path, Step};
use crate::refusal::{Refusal, Result};
use lexer::{Token, tokens};

/// 573 words that an expression may not use as names of attributes, in lower case.
/// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html
const RESERVED: &str = include_str!("reserved.txt");
/// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
const EXPRESSION_BYTES_MAX: usize = 4096;

/// What `#name` and `:value` stand for in all expressions of one request, and which of them were used.
pub(crate) struct Placeholders {
    names: BTreeMap<String, String>,
    values: BTreeMap<String, Attribute>,
    used: BTreeSet<String>,
}

impl Placeholders {
    pub(crate) fn new(
        names: Option<&BTreeMap<String, String>>,
        values: Option<&Json>,
        any_expression: bool,
    ) -> Result<Self> {
        for (given, what) in [(names.is_some(), "Names"), (values.is_some(), "Values")] {
            if given && !any_expression {
                return Err(Refusal::validation(format!(
                    "ExpressionAttribute{what} can only be specified when using expressions"
                )));
            }
        }
        let values = values.map(item_from_json).transpose()?;
        for (empty, what) in [
            (names.is_some_and(BTreeMap::is_empty), "Names"),
            (values.as_ref().is_some_and(BTreeMap::is_empty), "Values"),
        ] {
            if empty {
                return Err(Refusal::validation(format!(
                    "ExpressionAttribute{what} must not be empty"
                )));
            }
        }
        Ok(Self {
            names: names.cloned().unwrap_or_default(),
            values: values.unwrap_or_default(),
            used: BTreeSet::new(),
        })
    }

    /// What no expression has used is a mistake.
    pub(crate) fn finish(self) -> Result<()> {
        let unused = |keys: Vec<&String>, what: &str| {
            let left: Vec<&str> = keys
                .into_iter()
                .filter(|key| !self.used.contains(*key))
                .map(String::as_str)
                .collect();
            if left.is_empty() {
                return Ok(());
            }
            Err(Refusal::validation(format!(
                "Value provided in ExpressionAttribute{what} unused in expressions: keys: {{{}}}",
                left.join(", ")
            )))
        };
        unused(self.names.keys().collect(), "Names")?;
        unused(self.values.keys().collect(), "Values")
    }
}

/// What is wrong with an expression, before it is known which.
pub(super) struct Fault(String);

impl Fault {
    fn syntax(token: &str, near: &str) -> Self {
        Self(format!(
            "Syntax error; token: \"{token}\", near: \"{near}\""
        ))
    }
}

/// Reads one expression.
pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<(Token, usize, usize)>,
    at: usize,
    placeholders: &'a mut Placeholders,
}

/// Reads all of `text` as `read` does; `kind` is its parameter: `ConditionExpression`.
pub(super) fn parsed<'a, T>(
    kind: &str,
    text: &'a str,
    placeholders: &'a mut Placeholders,
    read: impl FnOnce(&mut Parser<'a>) -> std::result::Result<T, Fault>,
) -> Result<T> {
    let invalid = |fault: Fault| Refusal::validation(format!("Invalid {kind}: {}", fault.0));
    if text.trim().is_empty() {
        return Err(invalid(Fault(
            "The expression can not be empty;".to_owned(),
        )));
    }
    if text.len() > EXPRESSION_BYTES_MAX {
        return Err(invalid(Fault(format!(
            "Expression size has exceeded the maximum allowed size; expression size: {}",
            text.len()
        ))));
    }
    let mut parser = Parser {
        text,
        tokens: tokens(text).map_err(invalid)?,
        at: 0,
        placeholders,
    };
    let result = read(&mut parser).map_err(invalid)?;
    match parser.peek() {
        Token::End => Ok(result),
        _ => Err(invalid(parser.unexpected())),
    }
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn peek_second(&self) -> &Token {
        &self.tokens[(self.at + 1).min(self.tokens.len() - 1)].0
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    /// The token that comes cannot come here; it is shown between its neighbours.
    fn unexpected(&self) -> Fault {
        let (token, begin, end) = &self.tokens[self.at];
        let from = self.tokens[self.at.saturating_sub(1)].1;
        let to = self.tokens[(self.at + 1).min(self.tokens.len() - 1)].2;
        match token {
            Token::End => Fault::syntax("<EOF>", &self.text[from..]),
            _ => Fault::syntax(&self.text[*begin..*end], &self.text[from..to]),
        }
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let is_it = matches!(self.peek(), Token::Symbol(found) if *found == symbol);
        if is_it {
            self.next();
        }
        is_it
    }

    fn expect(&mut self, symbol: &str) -> std::result::Result<(), Fault> {
        if self.symbol(symbol) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn is_keyword(&self, keyword: &str) -> bool {
        matches!(self.peek(), Token::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let is_it = self.is_keyword(keyword);
        if is_it {
            self.next();
        }
        is_it
    }

    /// The name of the function that is called here.
    fn function(&mut self) -> Option<String> {
        let (Token::Word(word), Token::Symbol("(")) = (self.peek(), self.peek_second()) else {
            return None;
        };
        let word = word.clone();
        self.next();
        self.next();
        Some(word)
    }

    fn value(&mut self) -> std::result::Result<Attribute, Fault> {
        let Token::Value(key) = self.peek().clone() else {
            return Err(self.unexpected());
        };
        self.next();
        let value = self.placeholders.values.get(&key).cloned().ok_or_else(|| {
            Fault(format!("An expression attribute value used in expression is not defined; attribute value: {key}"))
        })?;
        self.placeholders.used.insert(key);
        Ok(value)
    }

    /// `a`, `#n`, `a.b[3].#c`
    fn path(&mut self) -> std::result::Result<Path, Fault> {
        let mut steps = vec![self.name()?];
        loop {
            if self.symbol(".") {
                steps.push(self.name()?);
            } else if self.symbol("[") {
                let Token::Index(index) = *self.peek() else {
                    return Err(self.unexpected());
                };
                self.next();
                self.expect("]")?;
                steps.push(Step::Index(index));
            } else {
                return Ok(Path(steps));
            }
        }
    }

    fn name(&mut self) -> std::result::Result<Step, Fault> {
        match self.peek().clone() {
            Token::Word(word) => {
                if RESERVED
                    .split_ascii_whitespace()
                    .any(|reserved| word.eq_ignore_ascii_case(reserved))
                {
                    return Err(Fault(format!(
                        "Attribute name is a reserved keyword; reserved keyword: {word}"
                    )));
                }
                self.next();
                Ok(Step::Name(word))
            }
            Token::Name(key) => {
                self.next();
                let name = self.placeholders.names.get(&key).cloned().ok_or_else(|| {
                    Fault(format!("An expression attribute name used in the document path is not defined; attribute name: {key}"))
                })?;
                self.placeholders.used.insert(key);
                Ok(Step::Name(name))
            }
            _ => Err(self.unexpected()),
        }
    }
}

/// Two paths of which one leads to or through the other change or show the same thing twice.
fn refuse_overlap(paths: &[&Path]) -> std::result::Result<(), Fault> {
    for (index, one) in paths.iter().enumerate() {
        for other in &paths[index + 1..] {
            let shared = one.0.len().min(other.0.len());
            if one.0[..shared] == other.0[..shared] {
                return Err(Fault(format!(
                    "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: {one}, path two: {other}"
                )));
            }
        }
    }
    Ok(())
}
