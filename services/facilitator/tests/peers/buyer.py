"""The Python package x402 buys URL with KEY, and prints status, body and receipt."""

import base64
import json
import os

import requests
from eth_account import Account
from x402 import x402ClientSync
from x402.http.clients import wrapRequestsWithPayment
from x402.mechanisms.evm.exact.register import register_exact_evm_client

client = x402ClientSync()
register_exact_evm_client(client, Account.from_key(os.environ["KEY"]))
if hasattr(client, "set_spend_controls"):
    asset = {"network": os.environ["NETWORK"], "asset": os.environ["ASSET"], "max_amount_per_payment": "10000"}
    client.set_spend_controls({"allowed_assets": [asset]})
response = wrapRequestsWithPayment(requests.Session(), client).get(os.environ["URL"])
receipt = response.headers.get("payment-response")
print(
    json.dumps(
        {
            "status": response.status_code,
            "body": response.json(),
            "receipt": receipt and json.loads(base64.b64decode(receipt)),
        }
    )
)
