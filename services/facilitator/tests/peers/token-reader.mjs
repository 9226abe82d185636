// A facilitator that asks for Coinbase's tokens, and answers 401 with what is wrong with the one that it was sent.
//
// What it looks at is what Coinbase says of its tokens (https://docs.cdp.coinbase.com/api-reference/v2/authentication) and what its
// own client makes (npm @coinbase/cdp-sdk 1.57.0, auth/utils/jwt.ts): algorithm, key id and nonce in the header; sub, iss, uris,
// iat, nbf and exp in the claims, for two minutes and without aud. The signature is checked by Node, whose cryptography is OpenSSL's.

import { createServer } from "node:http";
import { generateKeyPairSync, verify } from "node:crypto";

const { KIND, CLOCK_AHEAD_SECONDS = "0", NETWORK } = process.env;
const KEY_ID = "organizations/1/apiKeys/2";
const VALID_SECONDS = 120;
const SKEW_SECONDS = 30;

// The three forms in which Coinbase hands keys out.
const secrets = {
  ed25519() {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const { d, x } = privateKey.export({ format: "jwk" });
    const halves = [d, x].map((half) => Buffer.from(half, "base64url"));
    return { publicKey, secret: Buffer.concat(halves).toString("base64") };
  },
  sec1: () => pem("sec1"),
  pkcs8: () => pem("pkcs8"),
};

function pem(type) {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { publicKey, secret: privateKey.export({ format: "pem", type }) };
}

const { publicKey: key, secret } = secrets[KIND]();
const algorithm = KIND === "ed25519" ? "EdDSA" : "ES256";
const seen = new Set();

function problem(request) {
  const [scheme, token] = (request.headers.authorization ?? "").split(" ");
  if (scheme !== "Bearer" || !token) return "no bearer token";
  const parts = token.split(".");
  if (parts.length !== 3) return "not three parts";
  const [header, claims] = parts.slice(0, 2).map((part) => JSON.parse(Buffer.from(part, "base64url")));
  const signed = Buffer.from(`${parts[0]}.${parts[1]}`);
  const signature = Buffer.from(parts[2], "base64url");
  const good = algorithm === "EdDSA"
    ? verify(null, signed, key, signature)
    : verify("sha256", signed, { key, dsaEncoding: "ieee-p1363" }, signature);
  if (!good) return "signature";
  if (header.alg !== algorithm || header.typ !== "JWT") return "algorithm";
  if (header.kid !== KEY_ID || claims.sub !== KEY_ID) return "key id";
  if (!/^[0-9a-f]{32}$/.test(header.nonce) || seen.has(header.nonce)) return "nonce";
  seen.add(header.nonce);
  if (claims.iss !== "cdp" || "aud" in claims) return "issuer";
  const uri = `${request.method} ${request.headers.host}${request.url.split("?")[0]}`;
  if (JSON.stringify(claims.uris) !== JSON.stringify([uri])) return `uris: ${claims.uris}, and not ${uri}`;
  const now = Date.now() / 1000 + Number(CLOCK_AHEAD_SECONDS);
  if (claims.exp - claims.nbf !== VALID_SECONDS || claims.iat !== claims.nbf) return "validity";
  if (claims.nbf > now + SKEW_SECONDS || claims.exp < now) return "time";
  return undefined;
}

const answers = {
  "/x402/supported": { kinds: [{ x402Version: 2, scheme: "exact", network: NETWORK }] },
  "/x402/verify": { isValid: false, invalidReason: "invalid_payload" },
  "/x402/settle": { success: false, errorReason: "invalid_payload" },
};

const server = createServer((request, response) => {
  request.resume().on("end", () => {
    const wrong = problem(request);
    const body = wrong ? { errorType: "unauthorized", errorMessage: wrong } : answers[request.url];
    response.writeHead(wrong ? 401 : body ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(body ?? {}));
  });
});
server.listen(0, "127.0.0.1", () => {
  console.log(`key ${JSON.stringify({ id: KEY_ID, secret })}`);
  console.log(`port ${server.address().port}`);
});
