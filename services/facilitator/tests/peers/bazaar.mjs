// Reads the 402 of URL as a facilitator that lists APIs would, with the reference's own checks and a JSON Schema validator.
import { decodePaymentRequiredHeader } from '@x402/core/http';
import {
  extractDiscoveryInfo, extractDiscoveryInfoV1, sanitizeResourceServiceMetadata, validateDiscoveryExtension,
  validateDiscoveryExtensionSpec,
} from '@x402/extensions/bazaar';
import Ajv from 'ajv/dist/2020.js';

const { URL: url } = process.env;
const response = await fetch(url);
const required = decodePaymentRequiredHeader(response.headers.get('payment-required'));
const v1 = await response.json();
const { bazaar } = required.extensions;
const paid = { x402Version: 2, resource: required.resource, accepted: required.accepts[0], payload: {}, extensions: required.extensions };

// Strict: no unknown keyword, and every schema is one by the dialect's own schema.
const ajv = new Ajv({ strict: true, strictTypes: false, allErrors: true });
const matches = ajv.compile(bazaar.schema);
const errors = (info) => (matches(info) ? [] : matches.errors.map((error) => `${error.instancePath} ${error.message}`));
const changed = (change) => { const info = structuredClone(bazaar.info); change(info); return errors(info).length; };

console.log(JSON.stringify({
  resource: required.resource,
  bazaar,
  schema: validateDiscoveryExtension(bazaar),
  specification: validateDiscoveryExtensionSpec(bazaar),
  strict: errors(bazaar.info),
  refused: {
    post: changed((info) => { info.input.method = 'POST'; }),
    noMethod: changed((info) => { delete info.input.method; }),
    noCity: changed((info) => { info.input.queryParams = {}; }),
    wrongAnswer: changed((info) => { info.output.example.temperatureCelsius = 'warm'; }),
  },
  metadata: sanitizeResourceServiceMetadata(required.resource),
  listed: extractDiscoveryInfo(paid, required.accepts[0], true),
  listedV1: extractDiscoveryInfoV1(v1.accepts[0]),
}));
