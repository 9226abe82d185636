//! The bodies of `/verify` and `/settle`, in both versions of x402. Inside there is only version 2: the signature is the same.

use serde::Deserialize;
use serde_json::{Map, Value};
use x402::Asset;
use x402::wire::{ExactPayload, FacilitatorRequest, PaymentPayload, Requirements, VERSION};

/// A request, and the name of the network that its answer has to give.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) request: FacilitatorRequest,
    pub(crate) network: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Versioned {
    x402_version: u64,
}

/// Version 1: <https://github.com/x402-foundation/x402/blob/main/specs/x402-specification-v1.md>.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version1 {
    payment_payload: Payload1,
    payment_requirements: Map<String, Value>,
}

#[derive(Deserialize)]
struct Payload1 {
    scheme: String,
    network: String,
    payload: ExactPayload,
}

/// Reads a body in whichever version it says it is.
///
/// # Errors
/// When it is not JSON, or lacks something.
pub(crate) fn read(body: &[u8], asset: &Asset) -> serde_json::Result<Asked> {
    let Versioned { x402_version } = serde_json::from_slice(body)?;
    if x402_version == x402::wire::VERSION_1 {
        return version_1(serde_json::from_slice(body)?, asset);
    }
    Ok(Asked {
        request: serde_json::from_slice(body)?,
        network: asset.network.clone(),
    })
}

fn version_1(body: Version1, asset: &Asset) -> serde_json::Result<Asked> {
    // A name that is not ours stays as it is, and is refused as any other network.
    let network = |name: &str| {
        if Some(name) == asset.network_v1() {
            asset.network.clone()
        } else {
            name.to_owned()
        }
    };
    let mut wanted = body.payment_requirements;
    if let Some(amount) = wanted.remove("maxAmountRequired") {
        wanted.insert("amount".into(), amount);
    }
    if let Some(Value::String(name)) = wanted.get_mut("network") {
        *name = network(name);
    }
    let requirements: Requirements = serde_json::from_value(Value::Object(wanted))?;
    let payment = body.payment_payload;
    let accepted = Requirements {
        scheme: payment.scheme,
        network: network(&payment.network),
        ..requirements.clone()
    };
    let request = FacilitatorRequest {
        x402_version: VERSION,
        payment_payload: PaymentPayload {
            x402_version: VERSION,
            resource: None,
            accepted: Some(accepted),
            scheme: None,
            network: None,
            payload: payment.payload,
            extensions: None,
        },
        payment_requirements: requirements,
    };
    Ok(Asked {
        request,
        network: payment.network,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use x402::{Address, U256};

    fn asset() -> Asset {
        Asset {
            network: "eip155:84532".into(),
            address: Address::repeat_byte(1),
            name: "USDC".into(),
            version: "2".into(),
            decimals: 6,
        }
    }

    fn body(network: &str) -> Value {
        let address = Address::repeat_byte(1);
        json!({
            "x402Version": 1,
            "paymentPayload": {
                "x402Version": 1,
                "scheme": "exact",
                "network": network,
                "payload": {
                    "signature": "0x12",
                    "authorization": {
                        "from": address, "to": address, "value": "10000", "validAfter": "0",
                        "validBefore": "1", "nonce": format!("0x{}", "1".repeat(64)),
                    },
                },
            },
            "paymentRequirements": {
                "scheme": "exact",
                "network": network,
                "maxAmountRequired": "10000",
                "resource": "https://seller.example/weather",
                "description": "",
                "mimeType": "application/json",
                "payTo": address,
                "maxTimeoutSeconds": 60,
                "asset": address,
                "outputSchema": null,
                "extra": { "name": "USDC", "version": "2" },
            },
        })
    }

    #[test]
    fn version_1_becomes_version_2() {
        let asked = read(body("base-sepolia").to_string().as_bytes(), &asset()).unwrap();
        assert_eq!(asked.network, "base-sepolia");
        let request = asked.request;
        assert_eq!(
            (request.x402_version, request.payment_payload.x402_version),
            (2, 2)
        );
        let accepted = request.payment_payload.accepted.unwrap();
        assert_eq!(accepted, request.payment_requirements);
        assert_eq!(accepted.network, "eip155:84532");
        assert_eq!(accepted.amount, U256::from(10_000));

        let asked = read(body("base").to_string().as_bytes(), &asset()).unwrap();
        assert_eq!(asked.request.payment_requirements.network, "base");
        let mut lacking = body("base-sepolia");
        lacking["paymentRequirements"]["maxAmountRequired"] = Value::Null;
        assert!(read(lacking.to_string().as_bytes(), &asset()).is_err());
        assert!(read(b"{}", &asset()).is_err());
    }
}
