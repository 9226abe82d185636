// The reference server under load: GET /free costs nothing, GET /weather costs 10000 atomic units, and a ledger in the same
// process settles as our development ledger does: signature, window, nonce, balance. With FACILITATOR_URL it asks that one instead.
import express from 'express';
import { paymentMiddleware, x402ResourceServer } from '@x402/express';
import { ExactEvmScheme } from '@x402/evm/exact/server';
import { HTTPFacilitatorClient } from '@x402/core/server';
import { recoverTypedDataAddress } from 'viem';

const { FACILITATOR_URL, NETWORK, ASSET, PAY_TO } = process.env;

const types = { TransferWithAuthorization: [
  { name: 'from', type: 'address' }, { name: 'to', type: 'address' }, { name: 'value', type: 'uint256' },
  { name: 'validAfter', type: 'uint256' }, { name: 'validBefore', type: 'uint256' }, { name: 'nonce', type: 'bytes32' },
] };
const domain = { name: 'USDC', version: '2', chainId: Number(NETWORK.split(':')[1]), verifyingContract: ASSET };

class Ledger {
  used = new Set();
  spent = new Map();
  known = new Set();

  async check({ payload }, wanted) {
    const { authorization, signature } = payload;
    const now = Math.floor(Date.now() / 1000);
    if (authorization.to.toLowerCase() !== wanted.payTo.toLowerCase()) return 'recipient';
    if (authorization.value !== wanted.amount) return 'value';
    if (Number(authorization.validBefore) < now + 6 || Number(authorization.validAfter) > now) return 'window';
    // As ours does, it recovers a signature once for verify and settle together.
    if (!this.known.has(signature)) {
      const signer = await recoverTypedDataAddress({ domain, types, primaryType: 'TransferWithAuthorization', message: authorization, signature });
      if (signer.toLowerCase() !== authorization.from.toLowerCase()) return 'signature';
      this.known.add(signature);
    }
    if (this.used.has(authorization.from + authorization.nonce)) return 'invalid_exact_evm_nonce_already_used';
    if ((this.spent.get(authorization.from) ?? 0n) + BigInt(authorization.value) > 10n ** 15n) return 'balance';
    return null;
  }

  async verify(payment, wanted) {
    const invalidReason = await this.check(payment, wanted) ?? undefined;
    return { isValid: !invalidReason, invalidReason, payer: payment.payload.authorization.from };
  }

  async settle(payment, wanted) {
    const errorReason = await this.check(payment, wanted) ?? undefined;
    const { from, nonce, value } = payment.payload.authorization;
    if (!errorReason) {
      this.used.add(from + nonce);
      this.spent.set(from, (this.spent.get(from) ?? 0n) + BigInt(value));
    }
    return { success: !errorReason, errorReason, payer: from, transaction: errorReason ? '' : nonce, network: NETWORK };
  }

  async getSupported() {
    return { kinds: [{ x402Version: 2, scheme: 'exact', network: NETWORK }], extensions: [], signers: {} };
  }
}

const facilitator = FACILITATOR_URL ? new HTTPFacilitatorClient({ url: FACILITATOR_URL }) : new Ledger();
const server = new x402ResourceServer(facilitator).register(NETWORK, new ExactEvmScheme());
const price = { asset: ASSET, amount: '10000', extra: { name: 'USDC', version: '2' } };
const app = express();
app.use(paymentMiddleware({
  'GET /weather': { accepts: { scheme: 'exact', price, network: NETWORK, payTo: PAY_TO, maxTimeoutSeconds: 60 } },
}, server));
app.get('/weather', (request, response) => response.json({ city: request.query.city, temperatureCelsius: 21 }));
const listener = app.listen(0, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${listener.address().port}`));
