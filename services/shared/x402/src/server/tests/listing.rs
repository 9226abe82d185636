//! What a seller says of itself is held against the rules of the crate `listing` before anything is sold.

use super::super::*;
use super::shop::Shop;
use expect_test::expect;

/// A seller with such a description does not start.
#[test]
fn limits() {
    let shop = Shop::new("eip155:31337");
    let seller = Seller::new(shop.ledger.clone());
    let offered = |listing: Listing| {
        let sale = Sale {
            listing,
            ..Sale::new([shop.price.clone()], "", "application/json")
        };
        seller.layer(&sale).err()
    };
    let described = |characters| Listing {
        description: "é".repeat(characters),
        ..Listing::default()
    };
    let too_long = ListingError::Description(501);
    assert_eq!(offered(described(501)), Some(too_long.into()));
    assert_eq!(offered(described(500)), None);
    let tagged = Listing {
        tags: vec!["rain".into(), "Rain".into()],
        ..Listing::default()
    };
    assert_eq!(offered(tagged), Some(ListingError::Tags.into()));
}

#[test]
fn problems_of_a_listing() {
    let mut shop = Shop::new("eip155:84532");
    let url = "https://api.example.org/weather?city=Tokyo";
    shop.sale.listing.description = " ".into();
    expect![[r#"
        it has no description
        it does not say how it is asked (`discovery` of its listing)"#]]
    .assert_eq(&listing_problems(&shop.sale, url).join("\n"));
    shop.sale.prices[0].asset.network = "eip155:31337".into();
    expect![[r#"
        its URL does not begin with https://; lists take no other
        its host is not a public name; lists cannot reach it
        it has no description
        it does not say how it is asked (`discovery` of its listing)
        its only network is a development chain; no hosted facilitator settles there"#]]
    .assert_eq(&listing_problems(&shop.sale, "http://localhost/").join("\n"));
}
