// For a page: buys with x402-fetch, which speaks version 1, and tells the page's own server what it got.
import { wrapFetchWithPayment, decodeXPaymentResponse } from 'x402-fetch';
import { createWalletClient, http, publicActions } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { baseSepolia } from 'viem/chains';

const { url, key } = Object.fromEntries(new URLSearchParams(location.search));

async function buy() {
  const account = privateKeyToAccount(key);
  const signer = createWalletClient({ account, chain: baseSepolia, transport: http() }).extend(publicActions);
  const answer = await wrapFetchWithPayment(fetch, signer, 10000n)(url, {});
  return { status: answer.status, body: await answer.json(), receipt: decodeXPaymentResponse(answer.headers.get('x-payment-response')) };
}

const told = await buy().catch((error) => ({ error: String(error) }));
await fetch('/told', { method: 'POST', body: JSON.stringify(told) });
