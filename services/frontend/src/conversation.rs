//! Conversation ids: made here, random, and good only for the visitor they were made for.

use crate::access::Visitor;
use crate::seal::{Seal, random_hex};

/// AgentCore keeps one session for each of these, so its id must be 33 to 256 characters and impossible to guess.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conversation {
    /// 64 hex digits: the AgentCore session id.
    pub(crate) session: String,
    /// What the page holds: the session id and a signature over it and the visitor.
    pub(crate) token: String,
}

impl Conversation {
    /// A new conversation of a visitor.
    pub(crate) fn new(seal: &Seal, visitor: &Visitor) -> Self {
        let session = random_hex::<32>();
        let signature = seal.sign(&[&session, &visitor.id]);
        Self {
            token: format!("{session}.{signature}"),
            session,
        }
    }

    /// The conversation of a token, or `None` when it was not made here for this visitor.
    pub(crate) fn open(seal: &Seal, visitor: &Visitor, token: &str) -> Option<Self> {
        let (session, signature) = token.split_once('.')?;
        seal.verify(&[session, &visitor.id], signature)
            .then(|| Self {
                session: session.to_owned(),
                token: token.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::Conversation;
    use crate::access::Visitor;
    use crate::seal::Seal;

    #[test]
    fn a_token_is_good_for_its_visitor_only() {
        let seal = Seal::derive(b"secret", "conversation");
        let (ann, ben) = (Visitor { id: "ann".into() }, Visitor { id: "ben".into() });
        let made = Conversation::new(&seal, &ann);
        assert_eq!(made.session.len(), 64);
        assert_eq!(
            Conversation::open(&seal, &ann, &made.token),
            Some(made.clone())
        );
        assert_eq!(Conversation::open(&seal, &ben, &made.token), None);
        assert_eq!(Conversation::open(&seal, &ann, &made.session), None);
        let other = Conversation::new(&seal, &ann);
        let mixed = format!(
            "{}.{}",
            other.session,
            made.token.split_once('.').unwrap().1
        );
        assert_eq!(Conversation::open(&seal, &ann, &mixed), None);
    }
}
