//! Current weather from open-meteo.com. Its free API is for non-commercial use; whoever sells what it says has a key, and asks other
//! hosts with it (<https://open-meteo.com/en/terms>, <https://open-meteo.com/en/pricing>).

use super::{Kind, Report, WeatherError};
use runtime::Secret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use url::Url;

/// Both calls together stay well within the time for which a payment is valid.
const TIMEOUT: Duration = Duration::from_secs(8);

#[derive(Clone)]
pub(crate) struct OpenMeteo {
    client: reqwest::Client,
    search: Url,
    forecast: Url,
    key: Option<Secret<String>>,
}

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    results: Vec<Position>,
}

#[derive(Deserialize)]
struct Position {
    name: String,
    #[serde(default)]
    country_code: String,
    latitude: f64,
    longitude: f64,
}

#[derive(Deserialize)]
struct Forecast {
    current: Current,
}

#[derive(Deserialize)]
struct Current {
    temperature_2m: f64,
    weather_code: u8,
}

impl OpenMeteo {
    pub(crate) fn new(client: reqwest::Client, key: Option<Secret<String>>) -> Self {
        let url = |text: &str| Url::parse(text).expect("the constants below are URLs");
        let (search, forecast) = match &key {
            Some(_) => (
                "https://customer-geocoding-api.open-meteo.com/v1/search",
                "https://customer-api.open-meteo.com/v1/forecast",
            ),
            None => (
                "https://geocoding-api.open-meteo.com/v1/search",
                "https://api.open-meteo.com/v1/forecast",
            ),
        };
        if key.is_none() {
            tracing::warn!(
                "open-meteo.com is asked without a key, which its terms allow for non-commercial use only"
            );
        }
        Self {
            client,
            search: url(search),
            forecast: url(forecast),
            key,
        }
    }

    pub(crate) async fn report(&self, city: &str) -> Result<Report, WeatherError> {
        let search = [
            ("name", city),
            ("count", "1"),
            ("language", "en"),
            ("format", "json"),
        ];
        let found: Found = self.get(&self.search, &search).await?;
        let place = found
            .results
            .into_iter()
            .next()
            .ok_or_else(|| WeatherError::UnknownCity(city.to_owned()))?;
        let (latitude, longitude) = (place.latitude.to_string(), place.longitude.to_string());
        let query = [
            ("latitude", latitude.as_str()),
            ("longitude", longitude.as_str()),
            ("current", "temperature_2m,weather_code"),
        ];
        let forecast: Forecast = self.get(&self.forecast, &query).await?;
        Ok(Report {
            city: place.name,
            country: place.country_code,
            temperature_celsius: forecast.current.temperature_2m,
            conditions: conditions(forecast.current.weather_code).to_owned(),
            month: None,
            source: "open-meteo.com".to_owned(),
            kind: Kind::Observation,
            note: None,
        })
    }

    async fn get<T: DeserializeOwned>(
        &self,
        url: &Url,
        query: &[(&str, &str)],
    ) -> Result<T, WeatherError> {
        let key = self.key.as_ref().map(|key| ("apikey", key.expose()));
        let sent = self
            .client
            .get(url.clone())
            .query(query)
            .query(key.as_slice())
            .timeout(TIMEOUT)
            .send()
            .await;
        // An error names the URL, and the key is in it.
        let response =
            sent.map_err(|error| WeatherError::SourceUnreachable(error.without_url().to_string()))?;
        if !response.status().is_success() {
            return Err(WeatherError::SourceFailed(format!(
                "{} answered {}",
                url.path(),
                response.status()
            )));
        }
        response
            .json()
            .await
            .map_err(|error| WeatherError::SourceFailed(error.without_url().to_string()))
    }
}

/// WMO code table 4677, as far as Open-Meteo uses it.
fn conditions(code: u8) -> &'static str {
    match code {
        0 => "clear sky",
        1 => "mainly clear",
        2 => "partly cloudy",
        3 => "overcast",
        45 | 48 => "fog",
        51..=57 => "drizzle",
        61..=67 => "rain",
        71..=77 => "snow",
        80..=82 => "rain showers",
        85 | 86 => "snow showers",
        95..=99 => "thunderstorm",
        _ => "unknown conditions",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use axum::{Json, Router};
    use serde_json::json;

    async fn source(search: serde_json::Value, forecast: (u16, serde_json::Value)) -> OpenMeteo {
        let status = axum::http::StatusCode::from_u16(forecast.0).unwrap();
        let router = Router::new()
            .route("/search", get(move || async move { Json(search) }))
            .route(
                "/forecast",
                get(move || async move { (status, Json(forecast.1)) }),
            );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let url = |path: &str| Url::parse(&format!("{base}{path}")).unwrap();
        OpenMeteo {
            client: runtime::http::client(),
            search: url("/search"),
            forecast: url("/forecast"),
            key: Some("only-for-tests".to_owned().into()),
        }
    }

    #[tokio::test]
    async fn a_key_is_sent_and_never_told() {
        let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = std::sync::Arc::clone(&asked);
        let router = Router::new().fallback(move |uri: axum::http::Uri| async move {
            seen.lock().unwrap().push(uri.to_string());
            "not JSON"
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        let mut source = source(json!({}), (200, json!({}))).await;
        source.search = Url::parse(&base).unwrap();
        let told = format!("{:?}", source.report("tokyo").await);
        assert!(asked.lock().unwrap()[0].contains("apikey=only-for-tests"));
        server.abort();
        let nobody = format!("{told} {:?}", source.report("tokyo").await);
        assert!(!nobody.contains("only-for-tests"), "{nobody}");
    }

    #[tokio::test]
    async fn answers() {
        let tokyo = json!({ "results": [{ "name": "Tokyo", "country_code": "JP", "latitude": 35.69, "longitude": 139.69 }] });
        let current = json!({ "current": { "temperature_2m": 11.6, "weather_code": 3 } });

        let report = source(tokyo.clone(), (200, current.clone()))
            .await
            .report("tokyo")
            .await
            .unwrap();
        assert_eq!(
            (report.city.as_str(), report.temperature_celsius),
            ("Tokyo", 11.6)
        );
        assert_eq!(
            (report.conditions.as_str(), report.kind),
            ("overcast", Kind::Observation)
        );

        let nowhere = source(json!({}), (200, current))
            .await
            .report("Atlantis")
            .await;
        assert_eq!(nowhere, Err(WeatherError::UnknownCity("Atlantis".into())));
        let failing = source(tokyo.clone(), (500, json!({})))
            .await
            .report("tokyo")
            .await;
        assert!(matches!(failing, Err(WeatherError::SourceFailed(_))));
        let nonsense = source(tokyo, (200, json!([]))).await.report("tokyo").await;
        assert!(matches!(nonsense, Err(WeatherError::SourceFailed(_))));
    }
}
