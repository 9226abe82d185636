//! What is free: who we are, and what is for sale.

use crate::app::App;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Html;
use serde_json::{Value, json};
use x402::amount::format_decimal;
use x402::server::{Discovery, Price, listing_problems, public_url};

pub(crate) async fn health() -> Json<Value> {
    Json(json!({ "status": "healthy" }))
}

pub(crate) async fn page(State(app): State<App>) -> Html<String> {
    let price = app
        .sale
        .prices
        .first()
        .map(Price::display)
        .unwrap_or_default();
    // The name comes from our own configuration, but it costs nothing to keep it from being markup.
    let price = price.replace(['<', '>', '&'], "");
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Weather for sale</title>\n\
         <h1>Weather for sale</h1>\n\
         <p><code>GET /weather?city=Tokyo</code> costs {price} per request, paid by x402 (HTTP 402). \
         <a href=\"/.well-known/x402\">Offer as JSON</a></p></html>\n"
    ))
}

/// `GET /.well-known/x402`: what is for sale, for programs.
pub(crate) async fn for_sale(State(app): State<App>, headers: HeaderMap) -> Json<Value> {
    let sale = &app.sale;
    let discovery = sale.listing.discovery.as_ref();
    let url = public_url(&headers, "/weather");
    Json(json!({
        "x402Version": x402::wire::VERSION,
        "resources": [{
            "resource": url,
            "path": "/weather",
            "method": "GET",
            "description": sale.listing.description,
            "mimeType": sale.mime_type,
            "parameters": discovery.map(parameters),
            "answer": discovery.map(|discovery| json!({ "schema": discovery.answer_schema, "example": discovery.answer })),
            "price": sale.prices.first().map(|price| json!({
                "amount": price.amount.to_string(),
                "displayAmount": format_decimal(price.amount, price.asset.decimals),
                "currency": price.asset.name,
            })),
            "accepts": sale.prices.iter().map(Price::requirements).collect::<Vec<_>>(),
            // For the seller: what keeps it out of the lists of hosted facilitators.
            "listingProblems": listing_problems(sale, &url),
        }],
    }))
}

/// Those of the query, one by one.
fn parameters(discovery: &Discovery) -> Vec<Value> {
    let schema = &discovery.query_schema;
    let required = schema["required"].as_array();
    let properties = schema["properties"].as_object();
    let parameters = properties.into_iter().flatten().map(|(name, schema)| {
        json!({
            "name": name,
            "in": "query",
            "required": required.is_some_and(|names| names.iter().any(|known| known == name)),
            "schema": schema,
            "example": discovery.query[name],
        })
    });
    parameters.collect()
}
