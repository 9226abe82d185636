// @x402/fetch buys URL with KEY on NETWORK, and prints status, body and receipt.
import { wrapFetchWithPayment, x402Client, decodePaymentResponseHeader } from '@x402/fetch';
import { ExactEvmScheme } from '@x402/evm/exact/client';
import { privateKeyToAccount } from 'viem/accounts';

const { URL: url, KEY, NETWORK, ASSET } = process.env;
const client = new x402Client().register(NETWORK, new ExactEvmScheme(privateKeyToAccount(KEY)));
// It refuses tokens that it does not know, unless it is told.
client.setSpendControls?.({ allowedAssets: [{ network: NETWORK, asset: ASSET, maxAmountPerPayment: '10000' }] });
const response = await wrapFetchWithPayment(fetch, client)(url);
const receipt = response.headers.get('payment-response');
console.log(JSON.stringify({
  status: response.status,
  body: await response.json(),
  receipt: receipt && decodePaymentResponseHeader(receipt),
}));
