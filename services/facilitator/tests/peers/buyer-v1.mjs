// x402-fetch, which speaks version 1, buys URL with KEY on Base Sepolia, and prints status, body and receipt.
import { wrapFetchWithPayment, createSigner, decodeXPaymentResponse } from 'x402-fetch';

const { URL: url, KEY } = process.env;
const signer = await createSigner('base-sepolia', KEY);
const response = await wrapFetchWithPayment(fetch, signer, 10000n)(url, {});
const receipt = response.headers.get('x-payment-response');
console.log(JSON.stringify({
  status: response.status,
  body: await response.json(),
  receipt: receipt && decodeXPaymentResponse(receipt),
}));
