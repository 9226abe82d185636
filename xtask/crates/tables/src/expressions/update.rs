//! Updates: `SET a = a + :one REMOVE b ADD c :two DELETE d :three`.

use super::condition::Operand;
use super::{Fault, Parser, Placeholders, Token, parsed, refuse_overlap};
use crate::attribute::{Attribute, Item};
use crate::path::Path;
use crate::refusal::{Refusal, Result};

#[derive(Debug, Clone)]
enum Term {
    Operand(Operand),
    IfNotExists(Path, Box<Term>),
    ListAppend(Box<Term>, Box<Term>),
}

#[derive(Debug, Clone)]
enum Assigned {
    Term(Term),
    Sum(Term, Term),
    Difference(Term, Term),
}

#[derive(Debug, Clone)]
enum Action {
    Set(Path, Assigned),
    Remove(Path),
    Add(Path, Attribute),
    Delete(Path, Attribute),
}

#[derive(Debug, Clone)]
pub(crate) struct Update(Vec<Action>);

const CLAUSES: [&str; 4] = ["SET", "REMOVE", "ADD", "DELETE"];

pub(crate) fn update(text: &str, placeholders: &mut Placeholders) -> Result<Update> {
    parsed("UpdateExpression", text, placeholders, Parser::update)
}

type Parsed<T> = std::result::Result<T, Fault>;

impl Parser<'_> {
    fn update(&mut self) -> Parsed<Update> {
        let mut actions = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        while *self.peek() != Token::End {
            let Some(clause) = CLAUSES.into_iter().find(|clause| self.is_keyword(clause)) else {
                return Err(self.unexpected());
            };
            if seen.contains(&clause) {
                return Err(Fault(format!(
                    "The \"{clause}\" section can only be used once in an update expression;"
                )));
            }
            seen.push(clause);
            self.next();
            loop {
                actions.push(self.action(clause)?);
                if !self.symbol(",") {
                    break;
                }
            }
        }
        let paths: Vec<&Path> = actions.iter().map(Action::path).collect();
        refuse_overlap(&paths)?;
        Ok(Update(actions))
    }

    fn action(&mut self, clause: &str) -> Parsed<Action> {
        let path = self.path()?;
        Ok(match clause {
            "SET" => {
                self.expect("=")?;
                let first = self.term()?;
                let assigned = if self.symbol("+") {
                    Assigned::Sum(first, self.term()?)
                } else if self.symbol("-") {
                    Assigned::Difference(first, self.term()?)
                } else {
                    Assigned::Term(first)
                };
                Action::Set(path, assigned)
            }
            "REMOVE" => Action::Remove(path),
            _ => {
                let value = self.value()?;
                let is_set = matches!(
                    value,
                    Attribute::Ss(_) | Attribute::Ns(_) | Attribute::Bs(_)
                );
                let is_number = matches!(value, Attribute::N(_));
                if !(is_set || clause == "ADD" && is_number) {
                    return Err(Fault(format!(
                        "Incorrect operand type for operator or function; operator: {clause}, operand type: {}",
                        value.kind()
                    )));
                }
                if clause == "ADD" {
                    Action::Add(path, value)
                } else {
                    Action::Delete(path, value)
                }
            }
        })
    }

    fn term(&mut self) -> Parsed<Term> {
        let Some(function) = self.function() else {
            return Ok(Term::Operand(self.operand()?));
        };
        let term = match function.as_str() {
            "if_not_exists" => {
                let path = self.path()?;
                self.expect(",")?;
                Term::IfNotExists(path, Box::new(self.term()?))
            }
            "list_append" => {
                let first = self.term()?;
                self.expect(",")?;
                Term::ListAppend(Box::new(first), Box::new(self.term()?))
            }
            _ => {
                return Err(Fault(format!(
                    "Invalid function name; function: {function}"
                )));
            }
        };
        self.expect(")")?;
        Ok(term)
    }
}

impl Action {
    fn path(&self) -> &Path {
        match self {
            Self::Set(path, _)
            | Self::Remove(path)
            | Self::Add(path, _)
            | Self::Delete(path, _) => path,
        }
    }
}

impl Update {
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(Action::path)
    }

    /// The item as it becomes. What is assigned is worked out of the item as it was.
    pub(crate) fn applied(&self, before: &Item) -> Result<Item> {
        let mut item = before.clone();
        let mut removed = Vec::new();
        for action in &self.0 {
            match action {
                Action::Set(path, assigned) => path.set(&mut item, assigned.of(before)?)?,
                Action::Remove(path) => removed.push(path),
                Action::Add(path, value) => {
                    let sum = match path.get(before) {
                        None => value.clone(),
                        Some(found) => added(found, value)?,
                    };
                    path.set(&mut item, sum)?;
                }
                Action::Delete(path, value) => {
                    if let Some(found) = path.get(before) {
                        match without(found, value)? {
                            Some(rest) => path.set(&mut item, rest)?,
                            None => path.remove(&mut item)?,
                        }
                    }
                }
            }
        }
        // From the back, so that an index means what it meant before.
        removed.sort_by(|one, other| other.0.cmp(&one.0));
        for path in removed {
            path.remove(&mut item)?;
        }
        Ok(item)
    }
}

fn wrong_type() -> Refusal {
    Refusal::validation("An operand in the update expression has an incorrect data type")
}

impl Assigned {
    fn of(&self, item: &Item) -> Result<Attribute> {
        let (left, right, negative) = match self {
            Self::Term(term) => return term.of(item),
            Self::Sum(left, right) => (left, right, false),
            Self::Difference(left, right) => (left, right, true),
        };
        let (Attribute::N(left), Attribute::N(right)) = (left.of(item)?, right.of(item)?) else {
            return Err(wrong_type());
        };
        Ok(Attribute::N(left.add(if negative {
            right.negated()
        } else {
            right
        })?))
    }
}

impl Term {
    fn of(&self, item: &Item) -> Result<Attribute> {
        match self {
            Self::Operand(operand) => operand.of(item).map(std::borrow::Cow::into_owned).ok_or_else(|| {
                Refusal::validation("The provided expression refers to an attribute that does not exist in the item")
            }),
            Self::IfNotExists(path, otherwise) => match path.get(item) {
                Some(found) => Ok(found.clone()),
                None => otherwise.of(item),
            },
            Self::ListAppend(first, second) => {
                let (Attribute::L(mut list), Attribute::L(more)) = (first.of(item)?, second.of(item)?) else {
                    return Err(wrong_type());
                };
                list.extend(more);
                Ok(Attribute::L(list))
            }
        }
    }
}

fn added(found: &Attribute, more: &Attribute) -> Result<Attribute> {
    Ok(match (found, more) {
        (Attribute::N(found), Attribute::N(more)) => Attribute::N(found.add(*more)?),
        (Attribute::Ss(found), Attribute::Ss(more)) => Attribute::Ss(found | more),
        (Attribute::Ns(found), Attribute::Ns(more)) => Attribute::Ns(found | more),
        (Attribute::Bs(found), Attribute::Bs(more)) => Attribute::Bs(found | more),
        _ => return Err(wrong_type()),
    })
}

/// `None` when nothing is left: a set is never empty.
fn without(found: &Attribute, less: &Attribute) -> Result<Option<Attribute>> {
    Ok(match (found, less) {
        (Attribute::Ss(found), Attribute::Ss(less)) => Some(found - less)
            .filter(|set| !set.is_empty())
            .map(Attribute::Ss),
        (Attribute::Ns(found), Attribute::Ns(less)) => Some(found - less)
            .filter(|set| !set.is_empty())
            .map(Attribute::Ns),
        (Attribute::Bs(found), Attribute::Bs(less)) => Some(found - less)
            .filter(|set| !set.is_empty())
            .map(Attribute::Bs),
        _ => return Err(wrong_type()),
    })
}
