//! Where weather comes from.

pub(crate) mod normals;
pub(crate) mod open_meteo;

use normals::Normals;
use open_meteo::OpenMeteo;
use serde::Serialize;
use std::sync::Arc;

#[cfg(test)]
mod tests;

pub(crate) const CITY_CHARACTERS_MAX: usize = 100;

/// The answer that is sold.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) city: String,
    /// ISO 3166 code: `JP`.
    pub(crate) country: String,
    pub(crate) temperature_celsius: f64,
    pub(crate) conditions: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) month: Option<String>,
    pub(crate) source: String,
    pub(crate) kind: Kind,
    /// What the number is, for readers who may take it for something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Kind {
    ClimateNormal,
    Observation,
}

/// The inner texts of the last two are for our log, and are not shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WeatherError {
    #[error("the query needs a city, as in /weather?city=Tokyo")]
    MissingCity,
    #[error("the query cannot be read: {0}")]
    BadQuery(String),
    #[error("there is no weather for the city `{0}`")]
    UnknownCity(String),
    #[error("the weather source cannot be reached; nothing was charged")]
    SourceUnreachable(String),
    #[error("the weather source gave no usable answer; nothing was charged")]
    SourceFailed(String),
}

/// A city that was asked for and, as far as could be told without a call, exists.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// Position in the table of normals.
    Known(usize),
    /// To be looked up.
    Named(Arc<str>),
}

#[derive(Clone)]
pub(crate) enum Weather {
    Normals(Arc<Normals>),
    OpenMeteo(OpenMeteo),
}

impl Weather {
    /// Checks a city's name without any call to the outside: anybody can ask, and nobody has paid yet.
    pub(crate) fn find(&self, city: &str) -> Result<Place, WeatherError> {
        let city = city.trim();
        if city.is_empty() {
            return Err(WeatherError::MissingCity);
        }
        let unknown =
            || WeatherError::UnknownCity(city.chars().take(CITY_CHARACTERS_MAX).collect());
        if city.chars().count() > CITY_CHARACTERS_MAX {
            return Err(unknown());
        }
        match self {
            Self::Normals(normals) => normals.find(city).map(Place::Known).ok_or_else(unknown),
            Self::OpenMeteo(_) => Ok(Place::Named(city.into())),
        }
    }

    pub(crate) async fn report(&self, place: Place) -> Result<Report, WeatherError> {
        match (self, place) {
            (Self::Normals(normals), Place::Known(index)) => {
                let month = time::OffsetDateTime::now_utc().month();
                normals
                    .report(index, month)
                    .ok_or_else(|| WeatherError::SourceFailed("no such row".into()))
            }
            (Self::OpenMeteo(source), Place::Named(city)) => source.report(&city).await,
            _ => Err(WeatherError::SourceFailed(
                "the place is another source's".into(),
            )),
        }
    }
}
