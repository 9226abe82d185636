//! What a seller says of itself, as its offers have it. The rules are those of the crate `listing`, which are held when the
//! router is built.

use super::price::Sale;
use listing::Obstacle;
use serde_json::{Map, Value};

/// The members of `resource` beside its URL.
pub(super) fn resource(sale: &Sale) -> Map<String, Value> {
    let listing = &sale.listing;
    let mut resource = Map::new();
    resource.insert("description".into(), listing.description.as_str().into());
    resource.insert("mimeType".into(), sale.mime_type.as_str().into());
    if let Some(name) = &listing.service_name {
        resource.insert("serviceName".into(), name.as_str().into());
    }
    if !listing.tags.is_empty() {
        resource.insert("tags".into(), listing.tags.clone().into());
    }
    if let Some(url) = &listing.icon_url {
        resource.insert("iconUrl".into(), url.as_str().into());
    }
    resource
}

/// What keeps the route at `url`, as buyers see it, out of the lists of hosted facilitators. Each is a sentence for the seller.
pub fn listing_problems(sale: &Sale, url: &str) -> Vec<String> {
    let networks = sale.prices.iter().map(|price| &*price.asset.network);
    let obstacles = Obstacle::of_url(url)
        .into_iter()
        .chain(Obstacle::of_listing(&sale.listing))
        .chain(Obstacle::of_networks(networks));
    obstacles.map(|obstacle| obstacle.to_string()).collect()
}
