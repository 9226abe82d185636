//! The token's calls as anybody can make them.

use crate::market::Buyer;
use crate::node::Node;
use serde_json::json;
use x402::B256;
use x402::chain::number;
use x402::wire::FacilitatorRequest;

/// `transferWithAuthorization` with the signature in three pieces.
pub(crate) fn transfer(order: &FacilitatorRequest) -> String {
    let payload = &order.payment_payload.payload;
    let authorization = &payload.authorization;
    let words = [
        authorization.from.into_word(),
        authorization.to.into_word(),
        number(authorization.value),
        number(authorization.valid_after),
        number(authorization.valid_before),
        authorization.nonce,
    ];
    let signature = hex::decode(payload.signature.trim_start_matches("0x")).unwrap();
    format!(
        "0xe3ee160e{}{}",
        hex::encode(words.concat()),
        in_three(&signature)
    )
}

/// `cancelAuthorization`, signed by the buyer under the token's domain.
pub(crate) async fn cancel(buyer: &Buyer, node: &Node, nonce: B256) -> String {
    let call = json!([{ "to": node.asset.address, "data": "0x3644e515" }, "latest"]);
    let domain: B256 = serde_json::from_value(node.call("eth_call", call).await).unwrap();
    let kind = alloy_primitives::keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
    let words = [buyer.address().into_word(), nonce];
    let message = alloy_primitives::keccak256([kind.as_slice(), &words.concat()].concat());
    let digest = alloy_primitives::keccak256(
        [&[0x19, 0x01], domain.as_slice(), message.as_slice()].concat(),
    );
    let signature = buyer.sign_digest(digest);
    let words = hex::encode(words.concat());
    format!("0x5a049a70{words}{}", in_three(&signature))
}

/// v, r and s, each a word.
fn in_three(signature: &[u8]) -> String {
    format!("{:064x}{}", signature[64], hex::encode(&signature[..64]))
}
