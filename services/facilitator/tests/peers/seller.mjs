// The reference server: sells GET /weather for 10000 atomic units. PORT, FACILITATOR_URL, NETWORK, ASSET and PAY_TO say how.
import express from 'express';
import { paymentMiddleware, x402ResourceServer } from '@x402/express';
import { ExactEvmScheme } from '@x402/evm/exact/server';
import { HTTPFacilitatorClient } from '@x402/core/server';

const { FACILITATOR_URL, NETWORK, ASSET, PAY_TO } = process.env;
const facilitator = new HTTPFacilitatorClient({ url: FACILITATOR_URL });
const server = new x402ResourceServer(facilitator).register(NETWORK, new ExactEvmScheme());
const price = { asset: ASSET, amount: '10000', extra: { name: 'USDC', version: '2' } };
const app = express();
app.use(paymentMiddleware({
  'GET /weather': {
    accepts: { scheme: 'exact', price, network: NETWORK, payTo: PAY_TO, maxTimeoutSeconds: 60 },
    description: 'Weather of a city',
    mimeType: 'application/json',
  },
}, server));
app.get('/weather', (request, response) => response.json({ city: request.query.city, temperatureCelsius: 21 }));
const listener = app.listen(0, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${listener.address().port}`));
