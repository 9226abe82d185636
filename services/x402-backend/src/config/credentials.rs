//! Who we are to the facilitator.

use runtime::Environment;
use url::{Host, Url};
use x402::facilitator::Credentials;

/// What is sent with every request to the facilitator, from FACILITATOR_CREDENTIALS (`none` when it is missing) and the secret
/// FACILITATOR_KEY.
pub(super) fn from_environment(
    environment: &mut Environment,
    facilitator_url: &Url,
) -> Credentials {
    let kind = match environment.optional("FACILITATOR_CREDENTIALS") {
        Some(_) => environment.one_of(
            "FACILITATOR_CREDENTIALS",
            &["none", "api-key", "cdp", "payai"],
        ),
        None => "none",
    };
    let header = environment.optional("FACILITATOR_KEY_HEADER");
    if header.is_some() && kind != "api-key" {
        let text = "is for the FACILITATOR_CREDENTIALS `api-key` only";
        environment.problem("FACILITATOR_KEY_HEADER", text);
    }
    let key = environment.optional("FACILITATOR_KEY");
    let (Some(key), true) = (&key, kind != "none") else {
        let text = match (key, kind) {
            (None, "none") => return Credentials::None,
            (Some(_), _) => {
                "is there, but FACILITATOR_CREDENTIALS (the stage's facilitator_credentials) does not say how to send it: \
                 api-key, cdp or payai"
                    .to_owned()
            }
            (None, kind) => format!(
                "is missing, and the FACILITATOR_CREDENTIALS `{kind}` need it: name the secret that holds it in the stage's \
                 facilitator_key_secret"
            ),
        };
        environment.problem("FACILITATOR_KEY", text);
        return Credentials::None;
    };
    if !is_private(facilitator_url) {
        let text =
            "must begin with https://: the FACILITATOR_CREDENTIALS would be sent unencrypted";
        environment.problem("FACILITATOR_URL", text);
    }
    let credentials = match kind {
        "cdp" => Credentials::coinbase(key),
        "payai" => Credentials::payai(key),
        _ => Credentials::api_key(header.as_deref(), key),
    };
    credentials.unwrap_or_else(|error| {
        environment.problem("FACILITATOR_KEY", format!("cannot be used: {error}"));
        Credentials::None
    })
}

/// Whether nobody on the way can read what is sent there.
fn is_private(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "https" || is_loopback
}
