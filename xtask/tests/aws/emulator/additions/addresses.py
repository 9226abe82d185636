"""Addresses that answer: a load balancer gets a port of its own, and a Function URL a path of this process.

On AWS both are names in DNS. Here `DNSName` is `host:port` of a listener that leads to the path under which MiniStack has the load
balancer, so that `http://${LoadBalancer.DNSName}` in a template is a URL that works. A target sees that port in its Host header:
a service that names itself by it would else name nobody.
"""

import asyncio
import os
import re
import threading

from ministack.services import alb
from ministack.services.cloudformation import provisioners

from . import answers

# Containers reach this machine by their bridge's address; without containers loopback will do.
HOST = os.environ.get("TURNPIKE_EMULATOR_REACHED_AT", "127.0.0.1")
PORT = int(os.environ["GATEWAY_PORT"])
HEAD_BYTES_MAX = 64 * 1024
LOAD_BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
FUNCTION_URL = "AWS::Lambda::Url"

loop = asyncio.new_event_loop()
listeners = {}


async def pour(reader, writer):
    try:
        while chunk := await reader.read(HEAD_BYTES_MAX):
            writer.write(chunk)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


def addressed_to(head, prefix):
    """The request's head with another path, for one request only: what follows on the connection would not be changed."""
    first, *rest = (line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:"))
    method, _, target = first.partition(b" ")
    return b"\r\n".join([method + b" " + prefix.encode() + target, b"Connection: close", *rest])


def door_to(prefix):
    """Hands a connection on to this process; an empty prefix leaves the head as it is."""

    async def accept(reader, writer):
        try:
            inside_reader, inside_writer = await asyncio.open_connection("127.0.0.1", PORT)
            if prefix:
                inside_writer.write(addressed_to(await reader.readuntil(b"\r\n\r\n"), prefix))
            await asyncio.gather(pour(reader, inside_writer), pour(inside_reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.close()

    return accept


def listen(prefix, port=0):
    opening = asyncio.start_server(door_to(prefix), HOST, port, limit=HEAD_BYTES_MAX)
    return asyncio.run_coroutine_threadsafe(opening, loop).result()


def address_of(arn):
    """Opened once for each load balancer, since its name does not change in its life."""
    if arn not in listeners:
        listeners[arn] = listen(f"/_alb/{alb._lbs[arn]['LoadBalancerName']}")
    return f"{HOST}:{listeners[arn].sockets[0].getsockname()[1]}"


def close(arn):
    listener = listeners.pop(arn, None)
    if listener:
        loop.call_soon_threadsafe(listener.close)


def function_path(_physical_id, attributes):
    identifier = re.match(r"https://([a-z0-9-]+)\.lambda-url\.", attributes["FunctionUrl"])
    return {"FunctionUrl": f"http://{HOST}:{PORT}/_aws/lambda-url/{identifier[1]}/"} if identifier else {}


def as_asked(host, _listener_port):
    return host


def install():
    alb._target_host_header = as_asked
    threading.Thread(target=loop.run_forever, name="addresses", daemon=True).start()
    if HOST != "127.0.0.1":
        listen("", PORT)
    handlers = provisioners._RESOURCE_HANDLERS
    balancer = answers.with_attributes(handlers[LOAD_BALANCER], lambda arn, _: {"DNSName": address_of(arn)})
    forget = balancer["delete"]

    def delete(arn, properties):
        close(arn)
        forget(arn, properties)

    handlers[LOAD_BALANCER] = balancer | {"delete": delete}
    handlers[FUNCTION_URL] = answers.with_attributes(handlers[FUNCTION_URL], function_path)
