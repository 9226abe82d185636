//! Who calls, and whether they may: every request to every local API goes through here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::authorization::Authorization;
use super::conditions::Context;
use super::error::AwsError;
use super::events::{Fact, Facts};
use super::iam::{self, Answer, Question};
use super::sigv4;
use super::types::{Credentials, Role};
use super::{Aws, identifiers};

/// The roles that the local cloud knows, by ARN and by access key.
#[derive(Default)]
pub(super) struct Roles {
    by_arn: HashMap<String, (Arc<Role>, Credentials)>,
    arn_by_key: HashMap<String, String>,
}

impl Roles {
    /// With `credentials` of `None` a role keeps those it has, and a new one gets its first.
    pub(super) fn put(&mut self, role: Role, credentials: Option<Credentials>) -> Credentials {
        let known = self
            .by_arn
            .get(&role.arn)
            .map(|(_, credentials)| credentials.clone());
        let credentials = credentials
            .or_else(|| known.clone())
            .unwrap_or_else(|| Credentials {
                access_key_id: identifiers::access_key_id(),
                secret_access_key: identifiers::secret_access_key(),
            });
        if let Some(known) = known {
            self.arn_by_key.remove(&known.access_key_id);
        }
        self.arn_by_key
            .insert(credentials.access_key_id.clone(), role.arn.clone());
        self.by_arn
            .insert(role.arn.clone(), (Arc::new(role), credentials.clone()));
        credentials
    }

    pub(super) fn remove(&mut self, arn: &str) {
        if let Some((_, credentials)) = self.by_arn.remove(arn) {
            self.arn_by_key.remove(&credentials.access_key_id);
        }
    }

    fn find(&self, access_key_id: &str) -> Option<(Arc<Role>, Credentials)> {
        self.by_arn
            .get(self.arn_by_key.get(access_key_id)?)
            .cloned()
    }
}

/// Somebody whose signature was right.
#[derive(Debug, Clone)]
pub struct Caller {
    pub role: Arc<Role>,
    pub access_key_id: String,
    pub service: String,
}

impl Caller {
    /// The name under which AWS speaks of a role in use.
    pub fn principal(&self) -> String {
        let account = self.role.arn.split(':').nth(4).unwrap_or_default();
        match self.role.arn.contains(":role/") {
            true => format!(
                "arn:aws:sts::{account}:assumed-role/{}/local",
                self.role.name
            ),
            false => self.role.arn.clone(),
        }
    }
}

/// A poisoned lock means that a test failed while it held it; the data are whole all the same.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Aws {
    /// Verifies the signature, and tells the log of every refusal.
    pub fn authenticate(
        &self,
        authorization: &Authorization,
        request: &sigv4::Request<'_>,
    ) -> Result<Caller, AwsError> {
        let found = lock(&self.inner.roles).find(&authorization.access_key_id);
        let verified = match found {
            None => Err(sigv4::invalid_token()),
            Some((role, credentials)) => sigv4::verify(
                request,
                authorization,
                &credentials,
                &self.inner.region,
                SystemTime::now(),
            )
            .map(|()| role),
        };
        let role = verified.inspect_err(|error| {
            let fact = Fact::warn(format!(
                "refused a request to {}: {}",
                authorization.service, error.message
            ));
            self.inner.facts.tell(
                fact.with("code", error.code)
                    .with("path", request.uri.path()),
            );
        })?;
        Ok(Caller {
            role,
            access_key_id: authorization.access_key_id.clone(),
            service: authorization.service.clone(),
        })
    }

    /// Asks the caller's policies. `extra` are condition keys of this action beside the global ones.
    pub fn authorize(
        &self,
        caller: &Caller,
        action: &str,
        resource: &str,
        extra: &[(&str, &str)],
    ) -> Result<(), AwsError> {
        let context = self.context(caller, extra);
        let question = Question {
            action,
            resource,
            context: &context,
        };
        let facts: &Facts = &self.inner.facts;
        match iam::evaluate(&caller.role.policies, question) {
            Ok(Answer::Allowed) => Ok(()),
            Ok(answer) => {
                let refusal = iam::refusal(&caller.principal(), question, answer);
                facts.tell(
                    Fact::warn(refusal.clone())
                        .with("role", &*caller.role.name)
                        .with("action", action),
                );
                Err(AwsError::access_denied(refusal))
            }
            Err(problem) => {
                let problem = format!(
                    "the policies of role {} cannot be evaluated: {problem}",
                    caller.role.name
                );
                facts.tell(Fact::warn(problem.clone()).with("role", &*caller.role.name));
                Err(AwsError::internal(problem))
            }
        }
    }

    fn context(&self, caller: &Caller, extra: &[(&str, &str)]) -> Context {
        let global = [
            ("aws:PrincipalArn", &*caller.role.arn),
            ("aws:PrincipalAccount", &*self.inner.account),
            ("aws:RequestedRegion", &*self.inner.region),
            // Loopback stands for the TLS connection that the same request makes on AWS.
            ("aws:SecureTransport", "true"),
        ];
        global
            .iter()
            .chain(extra)
            .map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()]))
            .collect()
    }
}
