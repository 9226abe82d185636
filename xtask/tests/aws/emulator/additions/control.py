"""Faults, pace and the list of calls, under `/_turnpike/`.

    PUT /_turnpike/faults   a JSON list of rules, see faults.py; replaces those before
    PUT /_turnpike/pace     {"seconds": 0.2, "by_type": {"AWS::ECS::Service": 1.5}}: how long each resource takes
    PUT /_turnpike/new-account   nobody has used ECS or AgentCore in this account yet, see first_use.py
    GET, DELETE /_turnpike/calls   [{"call", "service", "action", "method", "path", "status", "at"}]; status is null until answered
    GET, DELETE /_turnpike/requests; GET /_turnpike/roles   see requests.py
"""

import asyncio
import json
import time
import urllib.parse

from ministack.services.cloudformation import stacks

from . import answers, faults, first_use, requests, stack_events

calls = []

# --- resources


def before_resource(verb, resource_type, logical_id, stack_name):
    time.sleep(faults.seconds_for(resource_type))
    if verb == "create":
        first_use.before_create(resource_type)
    rule = faults.for_resource(verb, resource_type, logical_id, stack_name)
    if not rule:
        return
    time.sleep(rule.get("delay_seconds", 0))
    if rule.get("reason"):
        stack_events.cancelled[stack_name] = rule.get("cancels", {})
        raise answers.ResourceFailed(rule["reason"])


def watch_resources():
    make, change, remove = stacks._provision_resource, stacks._update_resource, stacks._delete_resource

    def provision(resource_type, logical_id, properties, stack_name):
        stack_events.begins(stack_name, logical_id, "CREATE")
        before_resource("create", resource_type, logical_id, stack_name)
        return make(resource_type, logical_id, properties, stack_name)

    def update(resource_type, physical_id, old, new, stack_name, logical_id=None, attributes=None):
        changed = old != new
        stack_events.begins(stack_name, logical_id, "UPDATE" if changed else "NOTHING")
        if changed:
            before_resource("update", resource_type, logical_id, stack_name)
        return change(resource_type, physical_id, old, new, stack_name, logical_id, attributes)

    def delete(resource_type, physical_id, properties, stack_name=None, logical_id=None):
        before_resource("delete", resource_type, logical_id, stack_name)
        return remove(resource_type, physical_id, properties, stack_name, logical_id)

    stacks._provision_resource, stacks._update_resource, stacks._delete_resource = provision, update, delete
    # What waits here must not keep the event loop.
    stacks._runs_on_worker_thread = lambda _resource_type: True


# --- calls


async def read_body(receive):
    """The whole body, and a `receive` that gives it again."""
    messages = []
    while not messages or messages[-1].get("more_body"):
        messages.append(await receive())
    body = b"".join(message.get("body", b"") for message in messages)

    async def again():
        return messages.pop(0) if messages else await receive()

    return body, again


async def reply(send, status, body, content_type):
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def service_of(scope, headers):
    """The service that the request was signed for; pushes and pulls of images are not signed."""
    if scope["path"].startswith("/v2/"):
        return "registry"
    authorization = headers.get("authorization", "")
    if not authorization.startswith("AWS4-"):
        return None
    parts = authorization.split("/")
    return parts[3] if len(parts) > 4 else None


async def describe(scope, receive):
    """The call as it is listed, or None when it is none; and `receive` for whoever handles it."""
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
    service = service_of(scope, headers)
    if service is None:
        return None, receive
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    body = None
    if requests.has_readable_body(service, scope["method"]):
        body, receive = await read_body(receive)
    requests.keep(scope, headers, service, body)
    if not action and form and body:
        action = urllib.parse.parse_qs(body.decode("latin-1")).get("Action", [""])[0]
    method, path = scope["method"], scope["path"]
    label = f"{service}:{action or f'{method} {path}'}"
    call = {
        "call": label, "service": service, "action": action, "method": method, "path": path, "status": None,
        "at": time.time(), "json": "x-amz-target" in headers or service in ("bedrock-agentcore", "lambda"),
    }
    return call, receive


# Registries and S3 have a status and a code of their own for "later".
THROTTLING = {"registry": (429, "TOOMANYREQUESTS"), "s3": (503, "SlowDown")}


def refused_with(call, rule):
    status, code = rule["status"], rule.get("code", "Throttling")
    return THROTTLING.get(call["service"], (status, code)) if code == "Throttling" else (status, code)


def refusal(call, rule):
    """An error in the shape that the service's callers read."""
    code, message = refused_with(call, rule)[1], rule.get("message", "Rate exceeded")
    if call["service"] == "registry":
        return json.dumps({"errors": [{"code": code, "message": message}]}), "application/json"
    if call["json"]:
        return json.dumps({"__type": code, "code": code, "message": message}), "application/json"
    error = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{answers.NOBODY}</RequestId></Error>"
    if call["service"] == "s3":
        return error, "application/xml"
    return f"<ErrorResponse>{error}<RequestId>{answers.NOBODY}</RequestId></ErrorResponse>", "text/xml"


def begun_with(call):
    """The status of an answer that breaks off. Where callers decide by status and headers, these would have been whole."""
    return 502 if call["service"] in THROTTLING and call["method"] != "GET" else call["status"] or 200


async def misbehave(call, rule, receive, send):
    """Does to the caller what the rule says; false when that was only to be late."""
    await asyncio.sleep(rule.get("delay_seconds", 0))
    if rule.get("hold"):
        while (await receive())["type"] != "http.disconnect":
            pass
        return True
    if rule.get("drop"):
        status = call["status"] = begun_with(call)
        if call["method"] == "HEAD":
            # Without a body there is nothing to break off.
            await reply(send, status, b"", "text/plain")
            return True
        # An answer that ends before its announced length makes the server close the connection.
        headers = [(b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"<", "more_body": True})
        raise ConnectionResetError("dropped by a rule")
    if rule.get("status"):
        call["status"] = refused_with(call, rule)[0]
        body, content_type = refusal(call, rule)
        await reply(send, call["status"], body.encode(), content_type)
        return True
    return False


async def nowhere(_message):
    pass


def listed(send, call):
    async def noting(message):
        if message["type"] == "http.response.start":
            call["status"] = message["status"]
        await send(message)

    return noting


async def own_path(scope, receive, send):
    body, _again = await read_body(receive)
    method, name = scope["method"], scope["path"].removeprefix("/_turnpike/")
    if (method, name) == ("PUT", "faults"):
        faults.replace(json.loads(body))
        value = faults.rules
    elif (method, name) == ("PUT", "pace"):
        faults.pace.update(json.loads(body))
        value = faults.pace
    elif (method, name) == ("PUT", "new-account"):
        first_use.forget_all()
        value = sorted(first_use.known_at)
    elif name == "calls" and method in ("GET", "DELETE"):
        value = list(calls)
        if method == "DELETE":
            calls.clear()
    elif name == "requests" and method in ("GET", "DELETE"):
        value = list(await asyncio.to_thread(requests.listed))
        if method == "DELETE":
            requests.forget()
    elif (method, name) == ("GET", "roles"):
        value = requests.all_roles()
    else:
        await reply(send, 404, b"there is no such call", "text/plain")
        return
    await reply(send, 200, json.dumps(value).encode(), "application/json")


def watching(app):
    async def watched(scope, receive, send):
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        if scope["path"].startswith("/_turnpike/"):
            await own_path(scope, receive, send)
            return
        if scope["path"] == "/_ministack/reset":
            faults.clear()
            first_use.remember_all()
            calls.clear()
        call, receive = await describe(scope, receive)
        if call is None:
            await app(scope, receive, send)
            return
        calls.append(call)
        rule = faults.for_call(call["call"])
        after = bool(rule) and rule.get("when") == "after"
        if rule and not after and await misbehave(call, rule, receive, send):
            return
        await app(scope, receive, listed(nowhere if after else send, call))
        if after:
            await misbehave(call, rule, receive, send)

    return watched


def install(application):
    watch_resources()
    application.app = watching(application.app)
