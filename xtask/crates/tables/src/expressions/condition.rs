//! Conditions and filters: what they say.

use super::{Fault, Parser, Placeholders, Token, parsed};
use crate::attribute::Attribute;
use crate::path::Path;
use crate::refusal::Result;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operand {
    Path(Path),
    Value(Attribute),
    Size(Path),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    Compare(Operand, Comparator, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    Exists(Path),
    NotExists(Path),
    HasType(Path, String),
    BeginsWith(Operand, Operand),
    Contains(Operand, Operand),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
}

impl Operand {
    fn attribute(&self) -> Option<&str> {
        match self {
            Self::Path(path) | Self::Size(path) => Some(path.attribute()),
            Self::Value(_) => None,
        }
    }
}

impl Condition {
    /// The attributes that it is about.
    pub(crate) fn attributes(&self) -> Vec<&str> {
        match self {
            Self::Compare(left, _, right)
            | Self::BeginsWith(left, right)
            | Self::Contains(left, right) => [left, right]
                .into_iter()
                .filter_map(Operand::attribute)
                .collect(),
            Self::Between(value, low, high) => [value, low, high]
                .into_iter()
                .filter_map(Operand::attribute)
                .collect(),
            Self::In(value, choices) => std::iter::once(value)
                .chain(choices)
                .filter_map(Operand::attribute)
                .collect(),
            Self::Exists(path) | Self::NotExists(path) | Self::HasType(path, _) => {
                vec![path.attribute()]
            }
            Self::And(left, right) | Self::Or(left, right) => {
                [left.attributes(), right.attributes()].concat()
            }
            Self::Not(inner) => inner.attributes(),
        }
    }
}

/// `kind` is the parameter that has it: `ConditionExpression`.
pub(crate) fn condition(
    kind: &str,
    text: &str,
    placeholders: &mut Placeholders,
) -> Result<Condition> {
    parsed(kind, text, placeholders, Parser::either)
}

const TYPES: [&str; 10] = ["S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"];
const IN_MAX: usize = 100;
const DEPTH_MAX: usize = 300;

type Parsed<T> = std::result::Result<T, Fault>;

impl Parser<'_> {
    fn either(&mut self) -> Parsed<Condition> {
        if self.at > DEPTH_MAX * 4 {
            return Err(Fault(
                "The expression contains too many operators".to_owned(),
            ));
        }
        let mut left = self.both()?;
        while self.keyword("OR") {
            left = Condition::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Parsed<Condition> {
        let mut left = self.negation()?;
        while self.keyword("AND") {
            left = Condition::And(Box::new(left), Box::new(self.negation()?));
        }
        Ok(left)
    }

    fn negation(&mut self) -> Parsed<Condition> {
        if self.keyword("NOT") {
            return Ok(Condition::Not(Box::new(self.negation()?)));
        }
        if self.symbol("(") {
            let inner = self.either()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let is_size = matches!(self.peek(), Token::Word(word) if word == "size");
        if !is_size && let Some(function) = self.function() {
            return self.call(&function);
        }
        self.comparison()
    }

    fn call(&mut self, function: &str) -> Parsed<Condition> {
        let condition = match function {
            "attribute_exists" => Condition::Exists(self.only_path(function)?),
            "attribute_not_exists" => Condition::NotExists(self.only_path(function)?),
            "attribute_type" => {
                let path = self.only_path(function)?;
                self.expect(",")?;
                let Attribute::S(kind) = self.value()? else {
                    return Err(wrong_operand(function, "not S"));
                };
                if !TYPES.contains(&kind.as_str()) {
                    return Err(Fault(format!(
                        "Invalid attribute type name found; type: {kind}, valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}"
                    )));
                }
                Condition::HasType(path, kind)
            }
            "begins_with" => {
                let whole = self.operand()?;
                self.expect(",")?;
                let start = self.operand()?;
                for operand in [&whole, &start] {
                    if let Operand::Value(value) = operand
                        && !matches!(value, Attribute::S(_) | Attribute::B(_))
                    {
                        return Err(wrong_operand(function, value.kind()));
                    }
                }
                Condition::BeginsWith(whole, start)
            }
            "contains" => {
                let whole = self.operand()?;
                self.expect(",")?;
                Condition::Contains(whole, self.operand()?)
            }
            "if_not_exists" | "list_append" => {
                return Err(Fault(format!(
                    "The function is not allowed in a condition expression; function: {function}"
                )));
            }
            _ => {
                return Err(Fault(format!(
                    "Invalid function name; function: {function}"
                )));
            }
        };
        self.expect(")")?;
        Ok(condition)
    }

    fn only_path(&mut self, function: &str) -> Parsed<Path> {
        match self.peek() {
            Token::Value(_) => Err(Fault(format!(
                "Operator or function requires a document path; operator or function: {function}"
            ))),
            _ => self.path(),
        }
    }

    fn comparison(&mut self) -> Parsed<Condition> {
        let left = self.operand()?;
        if self.keyword("BETWEEN") {
            let low = self.operand()?;
            if !self.keyword("AND") {
                return Err(self.unexpected());
            }
            let high = self.operand()?;
            for operand in [&low, &high] {
                sortable("BETWEEN", operand)?;
            }
            return Ok(Condition::Between(left, low, high));
        }
        if self.keyword("IN") {
            self.expect("(")?;
            let mut choices = vec![self.operand()?];
            while self.symbol(",") {
                choices.push(self.operand()?);
            }
            self.expect(")")?;
            if choices.len() > IN_MAX {
                return Err(Fault(format!(
                    "Too many operands for IN; the limit is {IN_MAX}"
                )));
            }
            return Ok(Condition::In(left, choices));
        }
        let comparators = [
            ("=", Comparator::Equal),
            ("<>", Comparator::NotEqual),
            ("<", Comparator::Less),
            ("<=", Comparator::LessOrEqual),
            (">", Comparator::Greater),
            (">=", Comparator::GreaterOrEqual),
        ];
        let found = comparators
            .into_iter()
            .find(|(symbol, _)| self.symbol(symbol));
        let Some((symbol, comparator)) = found else {
            return Err(self.unexpected());
        };
        let right = self.operand()?;
        if !matches!(comparator, Comparator::Equal | Comparator::NotEqual) {
            sortable(symbol, &left)?;
            sortable(symbol, &right)?;
        }
        Ok(Condition::Compare(left, comparator, right))
    }

    pub(super) fn operand(&mut self) -> Parsed<Operand> {
        match self.peek() {
            Token::Value(_) => Ok(Operand::Value(self.value()?)),
            Token::Word(word) if word == "size" && *self.peek_second() == Token::Symbol("(") => {
                self.function();
                let path = self.only_path("size")?;
                self.expect(")")?;
                Ok(Operand::Size(path))
            }
            _ => Ok(Operand::Path(self.path()?)),
        }
    }
}

fn wrong_operand(function: &str, kind: &str) -> Fault {
    Fault(format!(
        "Incorrect operand type for operator or function; operator or function: {function}, operand type: {kind}"
    ))
}

/// Only text, numbers and bytes have an order.
fn sortable(operator: &str, operand: &Operand) -> Parsed<()> {
    match operand {
        Operand::Value(value)
            if !matches!(value, Attribute::S(_) | Attribute::N(_) | Attribute::B(_)) =>
        {
            Err(wrong_operand(operator, value.kind()))
        }
        _ => Ok(()),
    }
}
