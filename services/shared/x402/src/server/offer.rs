//! The offers of a sold route, and the 402 that lists them. All but the URL and the reason is written once, when the router is
//! built.

use super::Seller;
use super::document::{Document, v1, v2};
use super::page;
use super::price::{Sale, SaleError};
use crate::chain::Chain;
use crate::exact::Domain;
use crate::facilitator::Order;
use crate::wire::{FacilitatorRequest, PaymentPayload, Requirements, SCHEME_EXACT, VERSION};
use crate::{header, reason};
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST,
    VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use std::sync::Arc;

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub(super) const EXPOSED: HeaderValue =
    HeaderValue::from_static("PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE");

/// One price of a route, made ready to sell by.
pub(super) struct Offer {
    pub(super) requirements: Requirements,
    /// The same, written down.
    json: String,
    pub(super) domain: Domain,
    /// Only the first offer of a network: version 1 names no asset, so a payment could not say which one it is for.
    pub(super) network_v1: Option<&'static str>,
    /// Of the offer's network, where one is known.
    pub(super) chain: Option<Arc<dyn Chain>>,
    /// Whether the chain says more than the facilitator has said.
    pub(super) chain_proves: bool,
}

impl Offer {
    /// The offer that a payment names must be ours, in every field that decides about money.
    fn is(&self, accepted: &Requirements) -> bool {
        let ours = &self.requirements;
        let extra_kept = ours.extra.iter().flatten().all(|(key, value)| {
            // Buyers may add keys of their own.
            accepted.extra.as_ref().and_then(|extra| extra.get(key)) == Some(value)
        });
        accepted.scheme == ours.scheme
            && accepted.network == ours.network
            && accepted.amount == ours.amount
            && accepted.asset == ours.asset
            && accepted.pay_to == ours.pay_to
            && accepted.max_timeout_seconds == ours.max_timeout_seconds
            && extra_kept
    }

    /// What a facilitator is asked: the payment as the buyer wrote it, and our own terms. Whatever else the buyer says goes on
    /// to those who know it, as an extension of the protocol.
    pub(super) fn order(&self, payment: PaymentPayload, json: &str) -> Order {
        let request = FacilitatorRequest {
            x402_version: VERSION,
            payment_payload: payment,
            payment_requirements: self.requirements.clone(),
        };
        let parts = [
            r#"{"x402Version":2,"paymentPayload":"#,
            json,
            r#","paymentRequirements":"#,
            &self.json,
            "}",
        ];
        Order::with_json(request, parts.concat())
    }
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value)
        .expect("the wire types have text keys only, which JSON always takes")
}

/// All offers of a route, in the order of its price table.
pub(super) struct Offers {
    sale: Sale,
    list: Vec<Arc<Offer>>,
    v2: Document,
    v1: Option<Document>,
}

impl Offers {
    pub(super) fn new(sale: &Sale, seller: &Seller) -> Result<Self, SaleError> {
        sale.check()?;
        let mut list: Vec<Arc<Offer>> = Vec::with_capacity(sale.prices.len());
        for price in &sale.prices {
            let network_v1 = price.asset.network_v1();
            let same = |offer: &Arc<Offer>| offer.network_v1 == network_v1;
            let known = seller.chains.get(&price.asset.network);
            let requirements = price.requirements();
            list.push(Arc::new(Offer {
                json: json(&requirements),
                requirements,
                domain: Domain::of(&price.asset)?,
                network_v1: network_v1.filter(|_| !list.iter().any(same)),
                chain: known.map(|known| known.chain.clone()),
                chain_proves: known.is_some_and(|known| known.proves),
            }));
        }
        Ok(Self {
            sale: sale.clone(),
            v2: v2(sale, &list),
            v1: v1(sale, &list),
            list,
        })
    }

    /// The 402: a page for a browser, and JSON for every other client.
    pub(super) fn ask_to_pay(&self, reason: &str, request: &Request) -> Response {
        let url = request_url(request);
        let mut response = self.payment_required(reason, &url);
        if page::is_wanted(request.headers()) {
            *response.body_mut() = Body::from(page::page(&self.sale, reason, &url));
            let headers = response.headers_mut();
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            headers.insert(CONTENT_TYPE, html);
            headers.insert(CONTENT_SECURITY_POLICY, page::POLICY);
            let as_it_says = HeaderValue::from_static("nosniff");
            headers.insert(X_CONTENT_TYPE_OPTIONS, as_it_says);
        }
        response
    }

    /// The 402 for programs: the offers in the header for version 2, in the body for version 1 where a network has a name in it. Elsewhere
    /// the body repeats the header in clear for whoever calls by hand.
    pub(super) fn payment_required(&self, reason: &str, url: &str) -> Response {
        let body = self.v1.as_ref().unwrap_or(&self.v2).fill(reason, url);
        let mut response = refusal(StatusCode::PAYMENT_REQUIRED, body);
        let headers = response.headers_mut();
        headers.insert(header::PAYMENT_REQUIRED, self.v2.header(reason, url));
        headers.insert(VARY, HeaderValue::from_static("accept, user-agent"));
        response
    }

    /// The offer of ours that a version 2 payment names.
    pub(super) fn accepted(&self, accepted: &Requirements) -> Result<Arc<Offer>, &'static str> {
        if let Some(offer) = self.list.iter().find(|offer| offer.is(accepted)) {
            return Ok(offer.clone());
        }
        let mut networks = self.list.iter().map(|offer| &offer.requirements.network);
        Err(if accepted.scheme != SCHEME_EXACT {
            reason::UNSUPPORTED_SCHEME
        } else if networks.any(|network| *network == accepted.network) {
            reason::INVALID_REQUIREMENTS
        } else {
            reason::INVALID_NETWORK
        })
    }

    /// The offer of ours that a version 1 payment names, which is by scheme and network.
    pub(super) fn named(
        &self,
        scheme: Option<&str>,
        network: Option<&str>,
    ) -> Result<Arc<Offer>, &'static str> {
        if scheme != Some(SCHEME_EXACT) {
            return Err(reason::UNSUPPORTED_SCHEME);
        }
        let mut offers = self.list.iter();
        offers
            .find(|offer| network.is_some() && offer.network_v1 == network)
            .cloned()
            .ok_or(reason::INVALID_NETWORK)
    }
}

/// A refusal in JSON. It must not be cached: the next request may be paid.
pub(super) fn refusal(status: StatusCode, json: String) -> Response {
    let mut response = Response::new(Body::from(json));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    response
}

/// The URL of a path of ours as the caller sees it. `Host` comes from the caller, who can only mislead himself by it.
pub fn public_url(headers: &HeaderMap, path: &str) -> String {
    let header = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    // Several proxies make a list of it, the caller's own scheme first.
    let forwarded = header(X_FORWARDED_PROTO).and_then(|list| list.split(',').next());
    let secure = forwarded.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"));
    let scheme = if secure { "https" } else { "http" };
    [scheme, "://", header(HOST).unwrap_or("localhost"), path].concat()
}

pub(super) fn request_url(request: &Request) -> String {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str);
    public_url(request.headers(), path)
}
