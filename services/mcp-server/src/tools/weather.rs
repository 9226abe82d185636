//! `get_weather`: one paid request to the weather service.

use runtime::text::clean;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;
use x402::client::{Paid, PayError};
use x402::{Evidence, Receipt};

use super::{ToolContext, refusal};

const CITY_CHARACTERS_MAX: usize = 100;
/// Of a name, and of a sentence, that the weather service has written.
const NAME_CHARACTERS_MAX: usize = 100;
const SENTENCE_CHARACTERS_MAX: usize = 500;

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct WeatherQuestion {
    /// Name of a city, for example `Tokyo` or `San Francisco`.
    #[schemars(length(min = 1, max = 100))]
    city: String,
}

/// What the weather service answers.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Weather {
    city: String,
    /// ISO 3166-1 code of the country.
    country: String,
    temperature_celsius: f64,
    /// In words: `light rain`.
    conditions: String,
    /// The month that a climate normal is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    month: Option<String>,
    /// Whose data this is.
    source: String,
    /// `observation` is the weather now, `climateNormal` is what is usual in that month and no measurement of today.
    kind: String,
    /// What the number is, where it could be taken for something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PaidWeather {
    #[serde(flatten)]
    weather: Weather,
    payment: Payment,
}

/// The receipt. Repeated here with its schema, so that a change to it is a change to this tool that somebody sees.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Payment {
    /// In the currency's smallest units.
    amount: String,
    /// In whole units: `0.01`.
    display_amount: String,
    currency: String,
    /// The chain, as a CAIP-2 name.
    network: String,
    /// The currency's contract.
    asset: String,
    payer: String,
    pay_to: String,
    /// Hash of the transaction that moved the money.
    transaction: String,
    /// URL of what was bought.
    resource: String,
    /// How it is known that the money moved.
    evidence: KnownBy,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum KnownBy {
    /// By the seller's receipt; the chain is asked later.
    Seller,
    /// By the chain, which has the transfer.
    Chain,
    /// Not at all: the seller gave a receipt, and the chain says that the money never moved.
    Refuted,
}

impl From<Evidence> for KnownBy {
    fn from(evidence: Evidence) -> Self {
        match evidence {
            Evidence::Seller => Self::Seller,
            Evidence::Chain => Self::Chain,
            Evidence::Refuted => Self::Refuted,
        }
    }
}

impl From<Receipt> for Payment {
    fn from(receipt: Receipt) -> Self {
        let Receipt {
            amount,
            display_amount,
            currency,
            network,
            asset,
            payer,
            pay_to,
            transaction,
            resource,
            evidence,
        } = receipt;
        Self {
            amount,
            display_amount,
            currency,
            network,
            asset,
            payer,
            pay_to,
            transaction,
            resource,
            evidence: evidence.into(),
        }
    }
}

impl Weather {
    /// What a stranger has written, cut and clean.
    fn cleaned(self) -> Self {
        let name = |text: String| clean(&text, NAME_CHARACTERS_MAX);
        let sentence = |text: String| clean(&text, SENTENCE_CHARACTERS_MAX);
        Self {
            city: name(self.city),
            country: name(self.country),
            temperature_celsius: self.temperature_celsius,
            conditions: sentence(self.conditions),
            month: self.month.map(name),
            source: sentence(self.source),
            kind: name(self.kind),
            note: self.note.map(sentence),
        }
    }
}

/// Errors are sentences for the model.
pub(super) async fn buy(
    context: &ToolContext,
    session: &str,
    question: &WeatherQuestion,
) -> Result<PaidWeather, String> {
    let city = checked(&question.city)?;
    let url = url(&context.weather_url, city);
    let bought = context
        .open()
        .await?
        .client
        .get_in_session(session, url)
        .await;
    let paid = bought.map_err(|error| {
        let money = refusal::explain(&context.wallet.policy().asset, &error);
        match error {
            PayError::OutcomeUnknown {
                answer: Some(answer),
                ..
            } if !answer.status.is_success() => {
                format!(
                    "{} {money}",
                    complaint(answer.status.as_u16(), &answer.body)
                )
            }
            _ => money,
        }
    })?;
    if let Some(receipt) = &paid.receipt {
        let Receipt {
            display_amount,
            currency,
            transaction,
            evidence,
            ..
        } = receipt;
        let fault = paid.fault.as_ref().map(ToString::to_string);
        tracing::info!(
            amount = display_amount,
            currency,
            transaction,
            ?evidence,
            fault,
            "paid"
        );
    }
    read(paid)
}

fn checked(city: &str) -> Result<&str, String> {
    let city = city.trim();
    if city.is_empty()
        || city.chars().count() > CITY_CHARACTERS_MAX
        || city.chars().any(char::is_control)
    {
        return Err(format!(
            "Nothing was paid: `city` must be the name of a city, of 1 to {CITY_CHARACTERS_MAX} characters."
        ));
    }
    Ok(city)
}

/// Where the weather in a city is sold.
pub(super) fn url(weather_url: &Url, city: &str) -> Url {
    let mut url = weather_url.clone();
    url.query_pairs_mut().append_pair("city", city);
    url
}

fn read(paid: Paid) -> Result<PaidWeather, String> {
    let Paid {
        status,
        body,
        receipt,
        ..
    } = paid;
    let cost = receipt.as_ref().map_or_else(
        || "Nothing was paid.".to_owned(),
        |receipt| {
            let Receipt {
                display_amount,
                currency,
                transaction,
                evidence,
                ..
            } = receipt;
            let knows = match evidence {
                Evidence::Chain => "according to the chain",
                Evidence::Seller | Evidence::Refuted => "according to the seller",
            };
            format!(
                "{display_amount} {currency} were paid for it, {knows} (transaction {transaction})."
            )
        },
    );
    if !status.is_success() {
        return Err(format!("{} {cost}", complaint(status.as_u16(), &body)));
    }
    let weather: Weather = serde_json::from_slice(&body).map_err(|error| {
        tracing::error!(%error, "the weather service's answer cannot be read");
        format!("The weather service sent an answer that cannot be read. {cost}")
    })?;
    let receipt = receipt.ok_or(
        "The weather service sent an answer and charged nothing for it, so there is no receipt to show with it. Nothing was paid.",
    )?;
    Ok(PaidWeather {
        weather: weather.cleaned(),
        payment: receipt.into(),
    })
}

/// The weather service's own words, if it has any: cut and clean.
fn complaint(status: u16, body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Answer {
        error: Problem,
    }
    #[derive(Deserialize)]
    struct Problem {
        message: String,
    }
    match serde_json::from_slice::<Answer>(body) {
        Ok(answer) => format!(
            "The weather service says: {}.",
            clean(&answer.error.message, SENTENCE_CHARACTERS_MAX).trim_end_matches('.')
        ),
        Err(_) => format!("The weather service answered with HTTP status {status}."),
    }
}
