//! Who may not do what.

use super::{Known, known};

pub(super) const KNOWN: &[Known] = &[
    known(
        &["encoded authorization failure message"],
        "whoever deploys lacks a permission, and AWS says which in a sealed message",
        "open it: aws sts decode-authorization-message --encoded-message MESSAGE",
    ),
    known(
        &["is not authorized to perform: ", "service control policy"],
        "the organization forbids {action} in this account",
        "ask whoever runs the AWS organization to allow {action} on {resource}; nothing in this account can",
    ),
    known(
        &["is not authorized to perform: ", "permissions boundary"],
        "the permissions boundary of {who} leaves {action} out",
        "allow {action} on {resource} in that boundary",
    ),
    known(
        &["is not authorized to perform: ", "explicit deny"],
        "a policy denies {action} to {who}, and a denial beats what allows it",
        "take {action} on {resource} out of the policy that denies it",
    ),
    known(
        &["is not authorized to perform: "],
        "{who} may not do {action}",
        "allow {action} on {resource} for {who}, and run the same command again",
    ),
    known(
        &["expiredtoken"],
        "the credentials have run out",
        "sign in again and run the same command: it goes on where it was",
    ),
    known(
        &["security token included in the request is expired"],
        "the credentials have run out",
        "sign in again and run the same command: it goes on where it was",
    ),
    known(
        &["security token included in the request is invalid"],
        "AWS does not know these credentials",
        "sign in again, or set AWS_PROFILE to the right profile",
    ),
    known(
        &["signature expired"],
        "this machine's clock is wrong: AWS takes requests from the last five minutes only",
        "set the clock (`timedatectl set-ntp true`) and run the same command again",
    ),
    known(
        &["signature not yet current"],
        "this machine's clock is ahead",
        "set the clock (`timedatectl set-ntp true`) and run the same command again",
    ),
    known(
        &["signaturedoesnotmatch"],
        "the secret access key does not belong to the key id, or something on the way changed the request",
        "set both keys again, or sign in anew",
    ),
    known(
        &["subscriptionrequiredexception"],
        "the account is not activated for this service",
        "finish signing up: a new account needs a payment method, and up to a day",
    ),
    known(
        &["optinrequired"],
        "the account has not opted in to this service or region",
        "turn the region on under Account in the AWS console, or choose another for the stage",
    ),
    known(
        &["not authorized to perform this operation"],
        "whoever deploys lacks a permission for this",
        "add the permission that is named, and run the same command again",
    ),
    known(
        &["unauthorizedoperation"],
        "whoever deploys lacks a permission for this",
        "add the permission that is named, and run the same command again",
    ),
    known(
        &["access denied"],
        "a permission is missing",
        "add the permission that is named, and run the same command again",
    ),
    known(
        &["accessdenied"],
        "a permission is missing",
        "add the permission that is named, and run the same command again",
    ),
];

/// The parts of `User: X is not authorized to perform: Y on resource: Z`.
pub(super) struct Denied<'a> {
    who: &'a str,
    action: &'a str,
    resource: Option<&'a str>,
}

impl<'a> Denied<'a> {
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let (before, after) = text.split_once(" is not authorized to perform: ")?;
        let who = before.rsplit_once("User: ").map_or(before, |(_, who)| who);
        Some(Self {
            who: word(who),
            action: word(after),
            resource: after
                .split_once("on resource: ")
                .map(|(_, resource)| word(resource)),
        })
    }

    pub(super) fn fill(&self, sentence: &str) -> String {
        sentence
            .replace("{action}", self.action)
            .replace("{who}", self.who)
            .replace("{resource}", self.resource.unwrap_or("*"))
    }
}

fn word(text: &str) -> &str {
    text.split_whitespace()
        .next()
        .unwrap_or_default()
        .trim_end_matches(['.', ',', ';', '"', ')'])
}
