//! What is wrong with a listing, where, and what to do about it.

/// A pair of an example and its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Query,
    Answer,
}

/// What a list or a hosted facilitator would refuse or drop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListingError {
    #[error(
        "the description has {0} characters; hosted facilitators refuse every payment above 500"
    )]
    Description(usize),
    #[error("the service's name must be 1 to 32 printable ASCII characters")]
    ServiceName,
    #[error("tags must be at most five different ones of 1 to 32 printable ASCII characters")]
    Tags,
    #[error(
        "the icon's URL must be http or https to a name that is public, in at most 2048 characters"
    )]
    IconUrl,
    #[error("`query` must be an object: the parameters of an example, by name")]
    Query,
    #[error("the schemas of a sale must stand alone, and refer to `{1}`")]
    Reference(Which, String),
    #[error("`{1}` refers to nothing in the schema that buyers get")]
    Lost(Which, String, Option<String>),
    #[error("{1}, so this is not a JSON Schema")]
    Schema(Which, String),
    #[error("{1}, so the example does not fit its own schema, and no hosted facilitator lists it")]
    Example(Which, String),
}

impl ListingError {
    /// The member of the file that it is about, from the outside to the inside.
    pub fn member(&self) -> &'static [&'static str] {
        match self {
            Self::Description(_) => &["description"],
            Self::ServiceName => &["serviceName"],
            Self::Tags => &["tags"],
            Self::IconUrl => &["iconUrl"],
            Self::Query | Self::Example(Which::Query, _) => &["discovery", "query"],
            Self::Example(Which::Answer, _) => &["discovery", "answer"],
            Self::Reference(which, _) | Self::Lost(which, ..) | Self::Schema(which, _) => {
                match which {
                    Which::Query => &["discovery", "querySchema"],
                    Which::Answer => &["discovery", "answerSchema"],
                }
            }
        }
    }

    /// What a person does about it.
    pub fn fix(&self) -> String {
        match self {
            Self::Description(_) => "say it in 500 characters".to_owned(),
            Self::ServiceName => "write a short name in plain letters".to_owned(),
            Self::Tags => "keep five short ones, each once, in plain letters".to_owned(),
            Self::IconUrl => {
                "write https:// and a public name, without a password, or remove it".to_owned()
            }
            Self::Query => "write {\"name\": \"value\"} of one request that can be sold".to_owned(),
            Self::Reference(..) | Self::Lost(_, _, None) => {
                "write the schema that it means in its place".to_owned()
            }
            Self::Lost(_, _, Some(instead)) => {
                format!("write `{instead}`, or the schema that it means in its place")
            }
            Self::Schema(..) => "write it as JSON Schema 2020-12 has it".to_owned(),
            Self::Example(..) => {
                "copy a request and its answer as they are, or fix the schema".to_owned()
            }
        }
    }
}
