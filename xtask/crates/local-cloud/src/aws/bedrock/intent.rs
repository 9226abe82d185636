//! What a prompt is about, and which of the offered tools is for that.

use super::request::ToolSpec;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    Weather,
    Price,
    Wallet,
}

const ALL: [Intent; 3] = [Intent::Weather, Intent::Price, Intent::Wallet];

impl Intent {
    /// Words of a prompt that speak of it.
    fn words(self) -> &'static [&'static str] {
        match self {
            Intent::Weather => &[
                "celsius",
                "climate",
                "cloudy",
                "coat",
                "cold",
                "colder",
                "coldest",
                "degrees",
                "fahrenheit",
                "forecast",
                "hot",
                "hotter",
                "humid",
                "jacket",
                "rain",
                "raining",
                "rainy",
                "snow",
                "snowing",
                "sunny",
                "temperature",
                "temperatures",
                "umbrella",
                "warm",
                "warmer",
                "warmest",
                "weather",
                "wind",
                "windy",
            ],
            Intent::Price => &[
                "charge",
                "cheap",
                "cost",
                "costs",
                "expensive",
                "fee",
                "fees",
                "price",
                "prices",
                "quote",
            ],
            Intent::Wallet => &[
                "balance", "budget", "funds", "money", "paid", "payments", "spend", "spending",
                "spent", "wallet",
            ],
        }
    }

    /// Parts of the name or the description of a tool that is for it.
    fn stems(self) -> &'static [&'static str] {
        match self {
            Intent::Weather => &["weather", "forecast", "temperature", "climate"],
            Intent::Price => &["price", "quote", "cost", "fee"],
            Intent::Wallet => &["wallet", "balance", "account"],
        }
    }

    /// The tool for it: by its name, or by its description if its name speaks of nothing else.
    pub(super) fn tool<'a>(self, tools: &[&'a ToolSpec]) -> Option<&'a ToolSpec> {
        let speaks_of = |text: &str, intent: Intent| {
            intent
                .stems()
                .iter()
                .any(|stem| text.to_lowercase().contains(stem))
        };
        let by_name = tools.iter().find(|tool| speaks_of(&tool.name, self));
        let by_description = || {
            let free = tools
                .iter()
                .filter(|tool| !ALL.iter().any(|&other| speaks_of(&tool.name, other)));
            free.into_iter()
                .find(|tool| speaks_of(&tool.description, self))
        };
        by_name.or_else(by_description).copied()
    }
}

/// Is this word (in lower case) part of what a prompt asks, and so never part of a place's name?
pub(super) fn is_topic(word: &str) -> bool {
    ALL.iter().any(|intent| intent.words().contains(&word))
}

/// Everything that the prompt asks for, in a fixed order.
pub(super) fn intents(prompt: &str) -> Vec<Intent> {
    let prompt = prompt.to_lowercase();
    let words: Vec<&str> = prompt
        .split(|letter: char| !letter.is_alphanumeric())
        .collect();
    let mentioned = |intent: Intent| intent.words().iter().any(|word| words.contains(word));
    let mut found: Vec<Intent> = ALL
        .into_iter()
        .filter(|&intent| mentioned(intent))
        .collect();
    let how_much = words.windows(3).any(|words| {
        words[..2] == ["how", "much"]
            && ["did", "do", "does", "for", "is", "will", "would"].contains(&words[2])
    });
    if how_much && !found.contains(&Intent::Wallet) && !found.contains(&Intent::Price) {
        found.push(Intent::Price);
    }
    found
}

/// Asks the prompt what something costs, rather than for the thing and its price? It matters, as the thing is paid for.
pub(super) fn is_price_question(prompt: &str) -> bool {
    let prompt = prompt.trim_start().to_lowercase();
    let starts = [
        "how much",
        "what do",
        "what will",
        "what would",
        "what is the price",
        "what's the price",
        "price",
        "cost",
    ];
    starts.iter().any(|start| prompt.starts_with(start))
        && intents(&prompt).contains(&Intent::Price)
}

#[cfg(test)]
#[path = "intent_tests.rs"]
mod tests;
