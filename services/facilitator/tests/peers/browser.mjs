// For a page: buys with one of the official clients as the page's URL says, and tells the page's own server what it got.
import { wrapFetchWithPayment, x402Client, decodePaymentResponseHeader } from '@x402/fetch';
import { wrapAxiosWithPayment } from '@x402/axios';
import axios from 'axios';
import { ExactEvmScheme } from '@x402/evm/exact/client';
import { privateKeyToAccount } from 'viem/accounts';

const { client: kind, url, key, network, asset } = Object.fromEntries(new URLSearchParams(location.search));

async function buy() {
  const client = new x402Client().register(network, new ExactEvmScheme(privateKeyToAccount(key)));
  client.setSpendControls?.({ allowedAssets: [{ network, asset, maxAmountPerPayment: '10000' }] });
  if (kind === 'axios') {
    const answer = await wrapAxiosWithPayment(axios.create(), client).get(url);
    return { status: answer.status, body: answer.data, receipt: decodePaymentResponseHeader(answer.headers['payment-response']) };
  }
  // Without the second argument the page's own fetch, as its users do.
  const answer = await wrapFetchWithPayment(fetch, client)(url);
  return { status: answer.status, body: await answer.json(), receipt: decodePaymentResponseHeader(answer.headers.get('payment-response')) };
}

const told = await buy().catch((error) => ({ error: String(error) }));
await fetch('/told', { method: 'POST', body: JSON.stringify(told) });
