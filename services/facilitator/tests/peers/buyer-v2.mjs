// @x402/fetch buys URL with KEY on NETWORK, and prints status, body, receipt and the payment that was sent.
import { wrapFetchWithPayment, x402Client, decodePaymentResponseHeader } from '@x402/fetch';
import { ExactEvmScheme } from '@x402/evm/exact/client';
import { privateKeyToAccount } from 'viem/accounts';

const { URL: url, KEY, NETWORK, ASSET } = process.env;
const client = new x402Client().register(NETWORK, new ExactEvmScheme(privateKeyToAccount(KEY)));
// It refuses tokens that it does not know, unless it is told.
client.setSpendControls?.({ allowedAssets: [{ network: NETWORK, asset: ASSET, maxAmountPerPayment: '10000' }] });
let sent;
const watched = (input, init) => {
  sent = new Request(input, init).headers.get('payment-signature') ?? sent;
  return fetch(input, init);
};
const response = await wrapFetchWithPayment(watched, client)(url);
const receipt = response.headers.get('payment-response');
console.log(JSON.stringify({
  status: response.status,
  body: await response.json(),
  sent,
  receipt: receipt && decodePaymentResponseHeader(receipt),
}));
