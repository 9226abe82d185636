"""Bedrock's Converse and ConverseStream, answered by the model at TURNPIKE_EMULATOR_MODEL (`http://host:port`).

MiniStack repeats the question in a sentence of its own, and calls no tool. With the variable set, its Bedrock hands the calls on
as they came, after it has looked at who calls; without, nothing changes.
"""

import asyncio
import os
import urllib.error
import urllib.parse
import urllib.request

from ministack.core.responses import StreamingResponse
from ministack.services import bedrock_runtime

MODEL = os.environ.get("TURNPIKE_EMULATOR_MODEL", "")
PATIENCE_SECONDS = 60
PIECE_BYTES = 64 * 1024

# Proxies of whoever runs this do not lead to this machine.
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(path, body):
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(MODEL + urllib.parse.quote(path), data=body, method="POST", headers=headers)
    try:
        return direct.open(request, timeout=PATIENCE_SECONDS)
    except urllib.error.HTTPError as refused:
        # A refusal is an answer too: its status and headers say which.
        return refused


def pouring(answer):
    async def pour(send, _receive):
        with answer:
            while piece := await asyncio.to_thread(answer.read1, PIECE_BYTES):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return StreamingResponse(pour)


def forwarding(handle):
    async def handle_request(method, path, headers, body, query_params):
        if method != "POST" or not path.endswith(("/converse", "/converse-stream")):
            return await handle(method, path, headers, body, query_params)
        answer = await asyncio.to_thread(ask, path, body)
        kept = {name: answer.headers[name] for name in ("Content-Type", "x-amzn-errortype") if name in answer.headers}
        return answer.status, kept, pouring(answer)

    return handle_request


def install():
    if MODEL:
        bedrock_runtime.handle_request = forwarding(bedrock_runtime.handle_request)
