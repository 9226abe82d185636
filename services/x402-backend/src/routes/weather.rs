//! `GET /weather?city=`: the resource that is sold.

use crate::app::App;
use crate::weather::{Place, Report, WeatherError};
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::json;
use x402::header;

#[derive(Deserialize)]
pub(crate) struct Parameters {
    #[serde(default)]
    city: String,
}

/// Runs before the payment: nobody should sign for a question that has no answer.
pub(crate) async fn resolve(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let city = match Query::<Parameters>::try_from_uri(request.uri()) {
        Ok(Query(parameters)) => parameters.city,
        // Such as a city that is given twice.
        Err(error) => return WeatherError::BadQuery(error.body_text()).into_response(),
    };
    match app.weather.find(&city) {
        Ok(place) => {
            request.extensions_mut().insert(place);
            next.run(request).await
        }
        // Without a payment that is the offer.
        Err(WeatherError::MissingCity) if is_probe(&request) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// Lists of paid APIs ask for the bare path and take only what answers 402: the crawler of Coinbase's
/// (x402-foundation/x402#1982), and its check `returns_402` (<https://docs.cdp.coinbase.com/x402/validate-endpoint>).
fn is_probe(request: &Request) -> bool {
    let paid = [header::PAYMENT_SIGNATURE, header::X_PAYMENT]
        .iter()
        .any(|name| request.headers().contains_key(name));
    request.uri().query().is_none_or(str::is_empty) && !paid
}

/// Runs once the payment is reserved and verified; it is charged only if this succeeds.
pub(crate) async fn answer(
    State(app): State<App>,
    Extension(place): Extension<Place>,
) -> Result<Json<Report>, WeatherError> {
    app.weather.report(place).await.map(Json)
}

impl IntoResponse for WeatherError {
    fn into_response(self) -> Response {
        let (status, code) = match &self {
            Self::MissingCity => (StatusCode::BAD_REQUEST, "missingCity"),
            Self::BadQuery(_) => (StatusCode::BAD_REQUEST, "badQuery"),
            Self::UnknownCity(_) => (StatusCode::NOT_FOUND, "unknownCity"),
            Self::SourceUnreachable(_) => (StatusCode::SERVICE_UNAVAILABLE, "sourceUnreachable"),
            Self::SourceFailed(_) => (StatusCode::BAD_GATEWAY, "sourceFailed"),
        };
        if let Self::SourceUnreachable(inner) | Self::SourceFailed(inner) = &self {
            tracing::warn!(error = inner, "the weather source failed");
        }
        let body = json!({ "error": { "code": code, "message": self.to_string() } });
        (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
    }
}
