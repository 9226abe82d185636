//! The file in which a service says what it sells, for lists of paid APIs: `listing = "listing.json"`. Its rules are those of the
//! crate `listing`, by which the service itself starts or does not.

use std::path::{Component, Path};

use listing::Listing;

use super::json_lines::line_of;
use super::manifest::Table;
use words::error::Problem;

const KEY: &str = "listing";

/// A listing that was read, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct ListingFile {
    /// As people write it: `services/x402-backend/listing.json`.
    pub shown: String,
    pub listing: Listing,
}

/// None when there is none, and when it cannot be read.
pub(crate) fn read(table: &mut Table<'_>, problems: &mut Vec<Problem>) -> Option<ListingFile> {
    let name = table.text(KEY, problems)?;
    let is_plain = |part| matches!(part, Component::Normal(_));
    if !Path::new(&name).components().all(is_plain) {
        let text = format!("`{name}` is outside the service's folder");
        let fix = "name a file beside this manifest: listing = \"listing.json\"".to_owned();
        problems.push(table.problem(KEY, text, fix));
        return None;
    }
    let beside = |path: &Path| path.with_file_name(&name);
    let shown = beside(Path::new(&table.file.shown)).display().to_string();
    let text = match std::fs::read_to_string(beside(&table.file.path)) {
        Ok(text) => text,
        Err(error) => {
            let text = format!("{shown} cannot be read: {error}");
            let fix = "write the file (docs/payments.md, \"Being found\", has its members), or remove the line".to_owned();
            problems.push(table.problem(KEY, text, fix));
            return None;
        }
    };
    match of_text(&shown, &text) {
        Ok(listing) => Some(ListingFile { shown, listing }),
        Err(found) => {
            problems.extend(found);
            None
        }
    }
}

/// All that is wrong with the file, each with its line.
fn of_text(shown: &str, text: &str) -> Result<Listing, Vec<Problem>> {
    let listing = Listing::from_json(text).map_err(|error| {
        // Its words end with the line that is named before them.
        let text = error.to_string();
        let text = text.split(" at line ").next().unwrap_or_default();
        vec![Problem {
            place: format!("{shown}:{}", error.line()),
            text: format!("this is not a listing: {text}"),
            fix: "docs/payments.md, \"Being found\", has the members of the file".to_owned(),
        }]
    })?;
    let problems = listing.problems().into_iter().map(|problem| Problem {
        place: match line_of(text, problem.member()) {
            Some(line) => format!("{shown}:{line}"),
            None => shown.to_owned(),
        },
        text: problem.to_string(),
        fix: problem.fix(),
    });
    let problems: Vec<Problem> = problems.collect();
    match problems.is_empty() {
        true => Ok(listing),
        false => Err(problems),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn every_problem_has_its_line() {
        let long = "a".repeat(501);
        let text = format!(
            r#"{{
  "tags": ["weather",
    "weather"],
  "discovery": {{
    "query": {{ "town": "Tokyo", "querySchema": 1 }},
    "querySchema": {{ "required": ["city"] }},
    "answer": {{}}, "answerSchema": {{ "type": "strnig", "description": 7 }}
  }},
  "description": "{long}"
}}"#
        );
        let told = |text: &str| {
            let problems = of_text("shop/listing.json", text).unwrap_err();
            let lines = problems.iter().map(ToString::to_string);
            lines.collect::<Vec<_>>().join("\n")
        };
        expect![[r#"
            shop/listing.json:9: the description has 501 characters; hosted facilitators refuse every payment above 500
                fix: say it in 500 characters
            shop/listing.json:2: tags must be at most five different ones of 1 to 32 printable ASCII characters
                fix: keep five short ones, each once, in plain letters
            shop/listing.json:5: `city` is required and missing, so the example does not fit its own schema, and no hosted facilitator lists it
                fix: copy a request and its answer as they are, or fix the schema
            shop/listing.json:7: `description` is not a text, so this is not a JSON Schema
                fix: write it as JSON Schema 2020-12 has it
            shop/listing.json:7: `type` is not null, boolean, object, array, number, string or integer, or a list of these, so this is not a JSON Schema
                fix: write it as JSON Schema 2020-12 has it"#]].assert_eq(&told(&text));
        expect![[r#"
            shop/listing.json:3: this is not a listing: unknown field `tag`, expected one of `description`, `serviceName`, `tags`, `iconUrl`, `discovery`
                fix: docs/payments.md, "Being found", has the members of the file"#]].assert_eq(&told("{\n  \"description\": \"a\",\n  \"tag\": []\n}"));
        expect![[r#"
            shop/listing.json:1: this is not a listing: expected value
                fix: docs/payments.md, "Being found", has the members of the file"#]]
        .assert_eq(&told("description = 1"));
    }
}
