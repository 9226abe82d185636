//! Finds the places that a prompt names: after `in`, `for`, `at`, or by their capital letters.

use super::intent;

const PREPOSITIONS: [&str; 8] = ["in", "for", "at", "of", "near", "around", "about", "from"];
const SEPARATORS: [&str; 8] = ["and", "or", "plus", "versus", "vs", "than", "with", "to"];
/// Small words inside of names: Rio de Janeiro, Stoke on Trent.
const INNER: [&str; 10] = [
    "da", "das", "de", "del", "der", "do", "dos", "la", "los", "upon",
];
/// Words that end a name, or that begin a sentence without being one.
const OTHER_WORDS: &str = "a afternoon again ai all also am an answer any are as autumn bad be been better bring can celsius check city compare compared \
    could currently date day days did do does dollar each either evening every expect fall fetch find get give go going good hello hey hi how i i'd i'll \
    i'm if is it it's its just know let's like look lookup looks many may me midnight moment month most monday tuesday wednesday thursday friday saturday \
    sunday january february march april june july august september october november december morning much my need next nice night no noon not now offline \
    okay on one our out outside please question report right say search season see should show so some spring summer sure take tell thank thanks that that's \
    the least their them then there these they they're this time today tonight tomorrow tool tools two under us usd usdc use very was we week weekend were what what's \
    whats when where which who why will winter would year yes yesterday you your";
/// `Paris, France` is one place; the tools want the city.
const COUNTRIES: &str = "argentina australia austria belgium brazil canada chile china colombia denmark egypt england finland france germany greece india \
    indonesia ireland israel italy japan kenya mexico morocco netherlands nigeria norway peru poland portugal scotland spain sweden switzerland thailand \
    turkey uk usa us vietnam";

/// The places in the order in which they are named, each once, as the prompt writes them.
pub(super) fn places(prompt: &str) -> Vec<String> {
    let words = words(prompt);
    let mut found = after_prepositions(&words);
    if found.is_empty() {
        found = capitalised(&words);
    }
    let mut unique: Vec<String> = Vec::new();
    for place in found {
        if !unique
            .iter()
            .any(|known| known.eq_ignore_ascii_case(&place))
        {
            unique.push(place);
        }
    }
    unique
}

/// What is left of a prompt about the weather when all words that are no names are taken away: `tokyo weather`.
pub(super) fn leftover(prompt: &str) -> Vec<String> {
    let words = words(prompt);
    let allowed = |word: &Word| {
        !is_other(&word.lower)
            && !PREPOSITIONS.contains(&&*word.lower)
            && !word.lower.contains(char::is_numeric)
    };
    let runs = words.split(|word| !allowed(word) || SEPARATORS.contains(&&*word.lower));
    let names: Vec<String> = runs
        .filter(|run| (1..=3).contains(&run.len()))
        .map(join)
        .collect();
    if names.len() == 1 { names } else { Vec::new() }
}

#[derive(Debug, Clone)]
struct Word {
    text: String,
    lower: String,
    /// A comma or the end of a sentence follows.
    ends: bool,
    comma: bool,
}

fn words(prompt: &str) -> Vec<Word> {
    prompt
        .split_whitespace()
        .filter_map(|raw| {
            let raw = raw.replace('’', "'");
            let comma = raw.ends_with([',', ';']);
            let ends = raw.ends_with([',', ';', '.', '?', '!', ':', ')', '"']);
            let text = raw
                .trim_matches(|letter: char| !letter.is_alphanumeric() && letter != '\'')
                .trim_matches('\'');
            let text = text.strip_suffix("'s").unwrap_or(text);
            let text = if text == "&" { "and" } else { text };
            let word = Word {
                text: text.to_owned(),
                lower: text.to_lowercase(),
                ends,
                comma,
            };
            (!text.is_empty()).then_some(word).or_else(|| {
                raw.contains('&').then(|| Word {
                    text: "and".to_owned(),
                    lower: "and".to_owned(),
                    ends: false,
                    comma: false,
                })
            })
        })
        .collect()
}

fn is_other(lower: &str) -> bool {
    OTHER_WORDS.split_whitespace().any(|word| word == lower) || intent::is_topic(lower)
}

fn is_capitalised(word: &Word) -> bool {
    word.text.chars().next().is_some_and(char::is_uppercase)
}

fn join(words: &[Word]) -> String {
    words
        .iter()
        .map(|word| word.text.as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

fn after_prepositions(words: &[Word]) -> Vec<String> {
    let mut lists = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let is_preposition = PREPOSITIONS.contains(&&*words[at].lower) && !words[at].ends;
        at += 1;
        if is_preposition {
            let (names, next) = list(words, at);
            at = next.max(at);
            lists.push(names);
        }
    }
    // Who writes names with capital letters means no name by `at once`.
    let capital = |names: &Vec<String>| {
        names
            .iter()
            .any(|name| name.starts_with(char::is_uppercase))
    };
    if lists.iter().any(capital) {
        lists.retain(capital);
    }
    lists.concat()
}

/// Names from `start` on, separated by commas and `and`; also gives where the list ends.
fn list(words: &[Word], start: usize) -> (Vec<String>, usize) {
    let mut names = Vec::new();
    let mut at = start;
    loop {
        let length = name_length(&words[at..]);
        if length == 0 {
            return (names, at);
        }
        let name = &words[at..at + length];
        at += length;
        let is_country = name.len() == 1
            && (name[0].text.len() == 2
                || COUNTRIES
                    .split_whitespace()
                    .any(|country| country == name[0].lower));
        let after_comma = at > length && words[at - length - 1].comma && !names.is_empty();
        if !(is_country && after_comma) {
            names.push(join(name));
        }
        let comma = name.last().is_some_and(|word| word.comma);
        let joined = words
            .get(at)
            .is_some_and(|word| SEPARATORS.contains(&&*word.lower));
        if joined && (comma || !name.last().is_some_and(|word| word.ends)) {
            at += 1;
            // `in Tokyo and in Oslo`
            at += usize::from(
                words
                    .get(at)
                    .is_some_and(|word| PREPOSITIONS.contains(&&*word.lower)),
            );
        } else if !comma {
            return (names, at);
        }
    }
}

/// How many words the name at the beginning of `words` has; 0 if there is none.
fn name_length(words: &[Word]) -> usize {
    let mut length = 0;
    let capital = words.first().is_some_and(is_capitalised);
    for (position, word) in words.iter().enumerate() {
        let inner = position > 0
            && INNER.contains(&&*word.lower)
            && words.get(position + 1).is_some_and(is_capitalised);
        let stops = is_other(&word.lower)
            || SEPARATORS.contains(&&*word.lower)
            || PREPOSITIONS.contains(&&*word.lower);
        // In a name that begins with a capital letter every word does, but for the small ones.
        let fits = inner || (!stops && (is_capitalised(word) || !capital));
        if !fits || position == 4 {
            break;
        }
        length = position + 1;
        if word.ends {
            break;
        }
    }
    length
}

fn capitalised(words: &[Word]) -> Vec<String> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let length = if is_capitalised(&words[at]) {
            name_length(&words[at..])
        } else {
            0
        };
        if length > 0 {
            let (names, next) = list(words, at);
            found.extend(names);
            at = next;
        }
        at += usize::from(length == 0);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_prompts() {
        let table: [(&str, &[&str]); 27] = [
            ("What is the weather in Tokyo?", &["Tokyo"]),
            ("What is the weather in Tokyo right now?", &["Tokyo"]),
            ("How warm is it in Tokyo and Oslo today", &["Tokyo", "Oslo"]),
            (
                "weather for New York, São Paulo, and Rio de Janeiro please",
                &["New York", "São Paulo", "Rio de Janeiro"],
            ),
            (
                "what's the weather in new york and oslo?",
                &["new york", "oslo"],
            ),
            ("weather in tokyo tomorrow", &["tokyo"]),
            ("Weather in Tokyo and in Lima?", &["Tokyo", "Lima"]),
            ("And in Oslo?", &["Oslo"]),
            ("What about Lima?", &["Lima"]),
            ("Tokyo weather", &["Tokyo"]),
            ("Compare Tokyo with Cairo", &["Tokyo", "Cairo"]),
            ("Is Oslo colder than Lima?", &["Oslo", "Lima"]),
            (
                "Paris, London & Rome: how hot?",
                &["Paris", "London", "Rome"],
            ),
            ("Weather in Paris, France?", &["Paris"]),
            ("Weather in November in Tokyo", &["Tokyo"]),
            (
                "What is the weather like in the morning in Berlin?",
                &["Berlin"],
            ),
            ("What is Tokyo's temperature?", &["Tokyo"]),
            ("Tell me the weather for tomorrow in Berlin.", &["Berlin"]),
            ("what is the weather", &[]),
            ("What can you do?", &[]),
            ("How much does it cost?", &[]),
            ("What is my balance?", &[]),
            ("Give me the weather of Atlantis.", &["Atlantis"]),
            (
                "Weather in San Francisco, CA and Oslo, NO",
                &["San Francisco", "Oslo"],
            ),
            (
                "What is the weather in Tokyo at best for one cent",
                &["Tokyo"],
            ),
            ("Is it warm there?", &[]),
            ("Hello!", &[]),
        ];
        for (prompt, expected) in table {
            assert_eq!(places(prompt), expected, "{prompt}");
        }
    }

    #[test]
    fn what_is_left_is_a_name() {
        assert_eq!(leftover("tokyo weather"), ["tokyo"]);
        assert_eq!(leftover("weather buenos aires today"), ["buenos aires"]);
        assert_eq!(leftover("what is the weather"), [""; 0]);
    }
}
