//! Tokens are read here as their readers read them: by the public key, and by the rules that Coinbase publishes.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};
use serde_json::{Value, json};

/// RFC 8032, 7.1, test 1.
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/// Made for this test by `openssl ecparam -name prime256v1 -genkey`; it opens nothing.
const SEC1: &str = "-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIBc3Z4tpSKahi7boyhYT6LlFCVIChEAtVBQj0Cf5H7sHoAoGCCqGSM49
AwEHoUQDQgAENXnD+llJRE1Lke/QTtuV8QSUO7eWxDjmTSRmFgigXn7H63ffZ67i
c4AW2MwjRXjoxzMCC1OaF8yRbmaF1KU9SA==
-----END EC PRIVATE KEY-----
";
const P256_PUBLIC: &str = "043579c3fa5949444d4b91efd04edb95f104943bb796c438e64d24661608a05e7ec7eb77df67aee2738016d8cc234578e8c733020b539a17cc916e6685d4a53d48";

const NOW: u64 = 1_800_000_000;
const ID: &str = "organizations/1/apiKeys/2";

fn ed25519() -> String {
    STANDARD.encode(hex::decode(format!("{SEED}{PUBLIC}")).unwrap())
}

/// The same P-256 key as PKCS#8.
fn pkcs8() -> String {
    let body: String = SEC1.lines().filter(|line| !line.starts_with('-')).collect();
    let der = key::pkcs8_of_sec1(&STANDARD.decode(body).unwrap());
    format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der)
    )
}

fn coinbase(secret: &str) -> Result<Credentials, CredentialsError> {
    Credentials::coinbase(&json!({ "id": ID, "secret": secret }).to_string())
}

fn token(credentials: &Credentials, method: &Method, url: &str) -> String {
    let Credentials::Token(key) = credentials else {
        panic!("{credentials:?}")
    };
    key.token(method, &Url::parse(url).unwrap(), NOW).unwrap()
}

/// What a reader of tokens looks at.
#[derive(Clone)]
struct Reader {
    algorithm: &'static str,
    public_key: Vec<u8>,
    uri: &'static str,
    now: u64,
}

impl Reader {
    fn read(&self, token: &str) -> Result<(Value, Value), &'static str> {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, claims, signature] = parts[..] else {
            return Err("parts");
        };
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| "base64");
        let json = |part: &str| -> Result<Value, _> {
            serde_json::from_slice(&decode(part)?).map_err(|_| "json")
        };
        let (header_json, claims_json) = (json(header)?, json(claims)?);
        let signed = format!("{header}.{claims}");
        let verified = match self.algorithm {
            "EdDSA" => UnparsedPublicKey::new(&ED25519, &self.public_key)
                .verify(signed.as_bytes(), &decode(signature)?),
            _ => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.public_key)
                .verify(signed.as_bytes(), &decode(signature)?),
        };
        verified.map_err(|_| "signature")?;
        if header_json["alg"] != self.algorithm
            || header_json["kid"] != ID
            || header_json["typ"] != "JWT"
        {
            return Err("header");
        }
        let nonce = header_json["nonce"].as_str().unwrap_or_default();
        if hex::decode(nonce).map_or(0, |bytes| bytes.len()) != 16 {
            return Err("nonce");
        }
        if claims_json["sub"] != ID || claims_json["iss"] != "cdp" {
            return Err("subject");
        }
        if claims_json["uris"] != json!([self.uri]) {
            return Err("uris");
        }
        let time = |name: &str| claims_json[name].as_u64().ok_or("time");
        if time("nbf")? > self.now || time("iat")? > self.now || time("exp")? <= self.now {
            return Err("time");
        }
        if claims_json.get("aud").is_some() {
            return Err("aud");
        }
        Ok((header_json, claims_json))
    }
}

#[test]
fn a_token_is_good_for_one_request_and_two_minutes() {
    let url = "https://api.cdp.coinbase.com/platform/v2/x402/settle?trace=1";
    let uri = "POST api.cdp.coinbase.com/platform/v2/x402/settle";
    for (algorithm, secret, public_key) in [
        ("EdDSA", ed25519(), PUBLIC),
        ("ES256", SEC1.to_owned(), P256_PUBLIC),
        ("ES256", SEC1.replace('\n', "\\n"), P256_PUBLIC),
        ("ES256", pkcs8(), P256_PUBLIC),
    ] {
        let credentials = coinbase(&secret).unwrap();
        let reader = Reader {
            algorithm,
            public_key: hex::decode(public_key).unwrap(),
            uri,
            now: NOW,
        };
        let token = token(&credentials, &Method::POST, url);
        let (first, claims) = reader.read(&token).unwrap();
        assert_eq!(claims["exp"], NOW + 120);
        // Nothing is used twice.
        let (second, _) = reader
            .read(&self::token(&credentials, &Method::POST, url))
            .unwrap();
        assert_ne!(first["nonce"], second["nonce"]);

        let other_key = match algorithm {
            "EdDSA" => "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            // The generator of the curve: a point, and another key.
            _ => {
                "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
            }
        };
        let changed = |change: &dyn Fn(&mut Reader)| {
            let mut other = reader.clone();
            change(&mut other);
            other.read(&token).unwrap_err()
        };
        for (expected, found) in [
            (
                "uris",
                changed(&|it| it.uri = "POST api.cdp.coinbase.com/platform/v2/x402/verify"),
            ),
            (
                "uris",
                changed(&|it| it.uri = "GET api.cdp.coinbase.com/platform/v2/x402/settle"),
            ),
            ("time", changed(&|it| it.now = NOW + 120)),
            ("time", changed(&|it| it.now = NOW - 1)),
            (
                "signature",
                changed(&|it| it.public_key = hex::decode(other_key).unwrap()),
            ),
        ] {
            assert_eq!(expected, found);
        }
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let claims = json!({ "sub": ID, "iss": "cdp", "uris": [uri], "exp": NOW + 9999 });
        let (header, _) = signed.split_once('.').unwrap();
        let forged = URL_SAFE_NO_PAD.encode(claims.to_string());
        assert_eq!(
            reader.read(&format!("{header}.{forged}.{signature}")),
            Err("signature")
        );
    }
}

#[test]
fn a_port_that_is_not_the_schemes_own_is_part_of_the_host() {
    let reader = Reader {
        algorithm: "EdDSA",
        public_key: hex::decode(PUBLIC).unwrap(),
        uri: "GET localhost:4021/supported",
        now: NOW,
    };
    let credentials = coinbase(&ed25519()).unwrap();
    let token = token(
        &credentials,
        &Method::GET,
        "http://localhost:4021/supported",
    );
    reader.read(&token).unwrap();
}

#[test]
fn payai_has_its_own_claims() {
    // RFC 8410, 7: PKCS#8 without the public half.
    let der = [
        hex::decode("302e020100300506032b657004220420").unwrap(),
        hex::decode(SEED).unwrap(),
    ]
    .concat();
    let secret = format!("payai_sk_{}", STANDARD.encode(der));
    let json = json!({ "id": "key", "secret": secret }).to_string();
    let token = token(
        &Credentials::payai(&json).unwrap(),
        &Method::POST,
        "https://facilitator.payai.network/settle",
    );
    let parts: Vec<&str> = token.split('.').collect();
    let part = |part: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    assert_eq!(
        part(parts[0]),
        json!({ "alg": "EdDSA", "kid": "key", "typ": "JWT" })
    );
    let mut claims = part(parts[1]);
    let id = claims["jti"].take();
    assert_eq!(id.as_str().map(str::len), Some(36), "{id}");
    assert_eq!(
        claims,
        json!({ "sub": "key", "iss": "payai-merchant", "iat": NOW, "exp": NOW + 120, "jti": null })
    );
    let public_key = hex::decode(PUBLIC).unwrap();
    UnparsedPublicKey::new(&ED25519, &public_key)
        .verify(
            format!("{}.{}", parts[0], parts[1]).as_bytes(),
            &URL_SAFE_NO_PAD.decode(parts[2]).unwrap(),
        )
        .unwrap();
}

#[test]
fn keys_that_cannot_be_used_are_named_and_not_shown() {
    let halves = STANDARD.encode(hex::decode(format!("{SEED}{SEED}")).unwrap());
    let p384 = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----";
    for (secret, expected) in [
        (halves.as_str(), "halves"),
        (&ed25519()[4..], "neither base64"),
        ("", "neither base64"),
        (p384, "not a P-256 key"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END RSA PRIVATE KEY-----",
            "neither a PRIVATE KEY",
        ),
        ("-----BEGIN EC PRIVATE KEY-----\nMAA=", "damaged"),
    ] {
        let error = coinbase(secret).unwrap_err().to_string();
        assert!(error.contains(expected), "{secret}: {error}");
        assert!(secret.len() < 9 || !error.contains(&secret[..8]), "{error}");
    }
    for json in [
        "",
        "[]",
        "{\"id\": \"a\"}",
        "\"sk_abc\"",
        "{\"id\":\" \",\"secret\":\"x\"}",
    ] {
        let error = Credentials::coinbase(json).unwrap_err().to_string();
        assert!(!error.contains("sk_abc"), "{error}");
    }
    // As Coinbase's console hands them out.
    let file = json!({ "name": ID, "privateKey": SEC1 }).to_string();
    Credentials::coinbase(&file).unwrap();
}

#[test]
fn an_api_key_goes_where_it_is_told() {
    let url = Url::parse("https://facilitator.test/verify").unwrap();
    let shown = |header: Option<&str>, key: &str| {
        let credentials = Credentials::api_key(header, key)?;
        assert!(
            !format!("{credentials:?}").contains("abc"),
            "{credentials:?}"
        );
        let (name, value) = credentials.header(&Method::POST, &url)?.unwrap();
        assert!(value.is_sensitive());
        Ok::<_, CredentialsError>(format!("{name}: {}", value.to_str().unwrap()))
    };
    for (header, key, expected) in [
        (None, "abc\n", "x-api-key: abc"),
        (Some("X-Secret-Key"), "abc", "x-secret-key: abc"),
        (Some("Authorization"), "abc", "authorization: Bearer abc"),
        (Some("authorization"), "Key abc", "authorization: Key abc"),
    ] {
        assert_eq!(shown(header, key).unwrap(), expected);
    }
    for (header, key) in [(Some("X Key"), "abc"), (None, ""), (None, "a\nabc")] {
        let error = shown(header, key).unwrap_err().to_string();
        assert!(!error.contains("abc"), "{error}");
    }
    let credentials = coinbase(&ed25519()).unwrap();
    assert!(!format!("{credentials:?}").contains(&ed25519()[..8]));
}
