//! What was said so far in one session. It is bounded: the oldest turns are forgotten.

use std::collections::VecDeque;

use aws_sdk_bedrockruntime::types::{ContentBlock, ConversationRole, Message};

const TURNS_MAX: usize = 20;
/// About 50,000 tokens.
const CHARACTERS_MAX: usize = 200_000;

/// The turns of one session, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    turns: VecDeque<Exchange>,
}

/// One prompt and everything that followed from it.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    messages: Vec<Message>,
    characters: usize,
}

impl Exchange {
    pub(crate) fn new(prompt: String) -> Self {
        let characters = prompt.len();
        let messages = vec![message(
            ConversationRole::User,
            vec![ContentBlock::Text(prompt)],
        )];
        Self {
            messages,
            characters,
        }
    }

    /// Adds what the model said and what its tools returned. The two belong together: Converse refuses one without the other.
    pub(crate) fn add_step(
        &mut self,
        said: Vec<ContentBlock>,
        results: Vec<ContentBlock>,
        characters: usize,
    ) {
        self.messages
            .push(message(ConversationRole::Assistant, said));
        self.messages.push(message(ConversationRole::User, results));
        self.characters += characters;
    }

    /// Adds the model's last word.
    pub(crate) fn add_answer(&mut self, said: Vec<ContentBlock>, characters: usize) {
        if !said.is_empty() {
            self.messages
                .push(message(ConversationRole::Assistant, said));
            self.characters += characters;
        }
    }

    /// A prompt that led to nothing is better asked again than remembered.
    fn is_worth_keeping(&self) -> bool {
        self.messages.len() > 1
    }
}

impl Conversation {
    /// Everything for the model to read: all turns and the one that is under way.
    pub(crate) fn messages_with(&self, current: &Exchange) -> Vec<Message> {
        let mut messages: Vec<Message> = Vec::new();
        for next in self
            .turns
            .iter()
            .chain([current])
            .flat_map(|turn| &turn.messages)
        {
            match messages.last_mut() {
                // A turn that was cut short ends with tool results, which are the user's. Converse wants the roles to alternate.
                Some(last) if last.role == next.role => {
                    last.content.extend_from_slice(&next.content)
                }
                _ => messages.push(next.clone()),
            }
        }
        messages
    }

    /// Remembers a turn, and forgets the oldest ones while there is too much.
    pub(crate) fn keep(&mut self, turn: Exchange) {
        if !turn.is_worth_keeping() {
            return;
        }
        self.turns.push_back(turn);
        while self.turns.len() > TURNS_MAX
            || (self.characters() > CHARACTERS_MAX && self.turns.len() > 1)
        {
            self.turns.pop_front();
        }
    }

    #[cfg(test)]
    pub(crate) fn turn_count(&self) -> usize {
        self.turns.len()
    }

    fn characters(&self) -> usize {
        self.turns.iter().map(|turn| turn.characters).sum()
    }
}

fn message(role: ConversationRole, content: Vec<ContentBlock>) -> Message {
    let message = Message::builder()
        .role(role)
        .set_content(Some(content))
        .build();
    message.expect("role and content are all that a message needs")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn turn(prompt: &str, answer: &str) -> Exchange {
        let mut turn = Exchange::new(prompt.into());
        turn.add_answer(vec![ContentBlock::Text(answer.into())], answer.len());
        turn
    }

    fn cut_short(prompt: &str) -> Exchange {
        let mut turn = Exchange::new(prompt.into());
        let text = |text: &str| vec![ContentBlock::Text(text.into())];
        turn.add_step(text("(tool use)"), text("(tool result)"), 20);
        turn
    }

    fn outline(conversation: &Conversation, current: &str) -> String {
        let line = |message: &Message| {
            let text: Vec<&str> = message
                .content
                .iter()
                .filter_map(|block| block.as_text().ok())
                .map(String::as_str)
                .collect();
            format!("{}: {}\n", message.role, text.join(" + "))
        };
        conversation
            .messages_with(&Exchange::new(current.into()))
            .iter()
            .map(line)
            .collect()
    }

    #[test]
    fn roles_alternate_also_after_a_turn_that_was_cut_short() {
        let mut conversation = Conversation::default();
        conversation.keep(turn("Tokyo?", "11 °C."));
        conversation.keep(cut_short("Paris?"));
        conversation.keep(Exchange::new("forgotten".into()));
        expect![[r"
            user: Tokyo?
            assistant: 11 °C.
            user: Paris?
            assistant: (tool use)
            user: (tool result) + And?
        "]]
        .assert_eq(&outline(&conversation, "And?"));
    }

    #[test]
    fn the_oldest_turns_are_forgotten() {
        let mut conversation = Conversation::default();
        for number in 0..30 {
            conversation.keep(turn(&number.to_string(), "yes"));
        }
        assert_eq!(conversation.turns.len(), TURNS_MAX);
        assert!(outline(&conversation, "now").starts_with("user: 10\n"));

        conversation.keep(turn("long", &"x".repeat(CHARACTERS_MAX)));
        assert_eq!(conversation.turns.len(), 1);
        assert!(outline(&conversation, "now").starts_with("user: long\n"));
    }
}
