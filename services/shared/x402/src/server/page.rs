//! The 402 for people: what the request costs and how to pay, for a browser that was led here. It needs no script and asks nobody
//! else for anything.

use super::price::{Price, Sale};
use crate::asset::Asset;
use http::header::{ACCEPT, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

const STYLE: &str = include_str!("page.css");
/// Nothing runs, nothing is fetched, nobody frames it; the hash is the style's.
pub(super) const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'sha256-3vHZFaq/cLn5BrAnlTggjGiGpS772xACM+67/PKN9RI='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// A browser that shows a page, as the reference server decides: one that asks for HTML and calls itself Mozilla. What a page's
/// script fetches asks for anything else.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let has = |name: HeaderName, text: &[u8]| {
        let value = headers.get(name).map_or(&b""[..], HeaderValue::as_bytes);
        value.windows(text.len()).any(|window| window == text)
    };
    has(ACCEPT, b"text/html") && has(USER_AGENT, b"Mozilla")
}

/// `url` and `reason` may be anything; whatever is not ours is escaped.
pub(super) fn page(sale: &Sale, reason: &str, url: &str) -> String {
    let name = sale
        .listing
        .service_name
        .as_deref()
        .unwrap_or("Payment required");
    let price = sale.prices.first().map(Price::display).unwrap_or_default();
    let (name, price) = (escape(name), escape(&price));
    let row = |price: &Price| {
        format!(
            "<tr><td>{}</td><td>{}</td><td><code>{}</code></td></tr>\n",
            escape(&price.display()),
            escape(&network(&price.asset)),
            price.pay_to.to_checksum(None),
        )
    };
    let offers: String = sale.prices.iter().map(row).collect();
    let address = plain(url);
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{name}: {price}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{name}</h1>
<p>{description}</p>
<p>This request costs <strong>{price}</strong>, paid for each answer by a program with a wallet. There is no account and no subscription.</p>
<p><code>GET {shown}</code></p>
<h2>Prices</h2>
<div class="scroll"><table>
<thead><tr><th>Price</th><th>Network</th><th>Paid to</th></tr></thead>
<tbody>
{offers}</tbody>
</table></div>
<h2>How to pay</h2>
<p>Payments are made by <a href="https://www.x402.org/" rel="noreferrer">x402</a>: the offer is in the header <code>PAYMENT-REQUIRED</code> of this answer, and the same request with a signed payment in <code>PAYMENT-SIGNATURE</code> is answered. To see the offer:</p>
<pre><code>curl -i '{address}'</code></pre>
<p>To buy an answer with Node.js and the key of an account that has the money, in the variable <code>KEY</code>:</p>
<pre><code id="install">npm install @x402/fetch @x402/evm viem</code></pre>
<pre><code id="buy">{script}</code></pre>
<p>Save the second part as <code>buy.mjs</code> and run <code>node buy.mjs</code>. There are clients for <a href="https://docs.x402.org/" rel="noreferrer">other languages</a> too.</p>
<p>Status: <code>{reason}</code></p>
</main>
</body>
</html>
"#,
        description = escape(&sale.listing.description),
        shown = escape(&address),
        address = escape(&address),
        script = escape(&script(sale, &address)),
        reason = escape(reason),
    )
}

/// Buys the answer at the first price, and never for more.
fn script(sale: &Sale, url: &str) -> String {
    let Some(Price { asset, amount, .. }) = sale.prices.first() else {
        return String::new();
    };
    let text = |text: &str| Value::from(text).to_string();
    format!(
        r#"import {{ wrapFetchWithPayment, x402Client }} from "@x402/fetch";
import {{ ExactEvmScheme }} from "@x402/evm/exact/client";
import {{ privateKeyToAccount }} from "viem/accounts";

const url = {url};
const network = {network};
const asset = "{asset}";
const account = privateKeyToAccount(process.env.KEY); // 0x and 64 digits
const client = new x402Client();
client.register(network, new ExactEvmScheme(account));
client.setSpendControls({{
  allowedAssets: [{{ network, asset, maxAmountPerPayment: "{amount}" }}],
}});
const answer = await wrapFetchWithPayment(fetch, client)(url);
console.log(await answer.text());"#,
        url = text(url),
        network = text(&asset.network),
        asset = asset.address.to_checksum(None),
    )
}

/// The URL with nothing in it that a shell, a script or a person could take for something else.
fn plain(url: &str) -> String {
    let mut plain = String::with_capacity(url.len());
    for byte in url.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&()*+,;=%".contains(&byte) {
            plain.push(char::from(byte));
        } else {
            plain.push_str(&format!("%{byte:02X}"));
        }
    }
    plain
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            character if character.is_control() && character != '\n' => escaped.push('\u{fffd}'),
            character => escaped.push(character),
        }
    }
    escaped
}

/// `Base (eip155:8453)`. Names of <https://chainlist.org>.
fn network(asset: &Asset) -> String {
    let name = match asset.chain_id() {
        Ok(1) => "Ethereum",
        Ok(10) => "OP Mainnet",
        Ok(137) => "Polygon",
        Ok(480) => "World Chain",
        Ok(1329) => "Sei",
        Ok(8453) => "Base",
        Ok(42161) => "Arbitrum One",
        Ok(43114) => "Avalanche",
        Ok(4801) => "World Chain Sepolia, a test network",
        Ok(31337) => "a development chain, whose money is worth nothing",
        Ok(43113) => "Avalanche Fuji, a test network",
        Ok(80002) => "Polygon Amoy, a test network",
        Ok(84532) => "Base Sepolia, a test network",
        _ => return asset.network.clone(),
    };
    format!("{name} ({})", asset.network)
}
