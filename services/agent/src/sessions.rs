//! Which conversation belongs to which session. Bounded: the sessions unused for longest are forgotten.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;

use crate::conversation::Conversation;

/// AgentCore gives each session a machine of its own; elsewhere one process serves them all.
const SESSIONS_MAX: usize = 256;

/// All sessions of this process.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    by_id: HashMap<String, Session>,
    /// Counts uses, so that the session with the smallest number is the one unused for longest.
    clock: u64,
}

#[derive(Debug)]
struct Session {
    conversation: Arc<tokio::sync::Mutex<Conversation>>,
    used_at: u64,
}

/// Another turn of the session is still under way.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Busy;

impl Sessions {
    /// Takes a session for one turn; it is free again when the guard is dropped. A turn without a session id is remembered by
    /// nobody. Errors when the session's previous turn still runs after `patience`.
    pub(crate) async fn begin(
        &self,
        session_id: Option<&str>,
        patience: Duration,
    ) -> Result<OwnedMutexGuard<Conversation>, Busy> {
        let conversation = match session_id {
            Some(id) => self.lock().use_session(id),
            None => Arc::default(),
        };
        tokio::time::timeout(patience, conversation.lock_owned())
            .await
            .map_err(|_elapsed| Busy)
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn use_session(&mut self, id: &str) -> Arc<tokio::sync::Mutex<Conversation>> {
        self.clock += 1;
        let used_at = self.clock;
        if let Some(session) = self.by_id.get_mut(id) {
            session.used_at = used_at;
            return Arc::clone(&session.conversation);
        }
        if self.by_id.len() >= SESSIONS_MAX {
            self.forget_oldest();
        }
        let conversation = Arc::default();
        self.by_id.insert(
            id.to_owned(),
            Session {
                conversation: Arc::clone(&conversation),
                used_at,
            },
        );
        conversation
    }

    /// A session in use keeps its place: a second one of the same name must not start beside it.
    fn forget_oldest(&mut self) {
        let idle = self
            .by_id
            .iter()
            .filter(|(_, session)| Arc::strong_count(&session.conversation) == 1);
        if let Some(oldest) = idle
            .min_by_key(|(_, session)| session.used_at)
            .map(|(id, _)| id.clone())
        {
            self.by_id.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_bedrockruntime::types::ContentBlock;

    use super::*;
    use crate::conversation::Exchange;

    const PATIENCE: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_session_has_one_turn_at_a_time() {
        let sessions = Sessions::default();
        let mut first = sessions.begin(Some("a"), PATIENCE).await.unwrap();
        let mut turn = Exchange::new("Tokyo?".into());
        turn.add_answer(vec![ContentBlock::Text("11 °C.".into())], 6);
        first.keep(turn);
        assert_eq!(sessions.begin(Some("a"), PATIENCE).await.err(), Some(Busy));
        sessions.begin(Some("b"), PATIENCE).await.unwrap();
        drop(first);
        assert_eq!(
            sessions
                .begin(Some("a"), PATIENCE)
                .await
                .unwrap()
                .turn_count(),
            1
        );
        assert_eq!(
            sessions.begin(None, PATIENCE).await.unwrap().turn_count(),
            0
        );
    }

    #[tokio::test]
    async fn the_oldest_idle_session_is_forgotten() {
        let sessions = Sessions::default();
        let busy = sessions.begin(Some("busy"), PATIENCE).await.unwrap();
        for number in 0..SESSIONS_MAX + 5 {
            sessions
                .begin(Some(&number.to_string()), PATIENCE)
                .await
                .unwrap();
        }
        let sessions = sessions.lock();
        assert_eq!(sessions.by_id.len(), SESSIONS_MAX);
        assert!(sessions.by_id.contains_key("busy") && !sessions.by_id.contains_key("5"));
        assert!(sessions.by_id.contains_key("6"));
        drop(busy);
    }
}
