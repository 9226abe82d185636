"""The requests that were made, under `/_turnpike/requests`: who made them, what they ask for, and what AWS would refuse in them.

    GET, DELETE /_turnpike/requests   [{"service", "operation", "principal", "parameters", "problems"}], equal ones once
    GET /_turnpike/roles      {"<arn>": {"trust": {...}, "policies": {"<name>": {...}}, "taken_by": [{"service", "source"}]}}

`principal` is the role whose credentials signed the request, or the access key id of somebody else: of the tool or of a test. Requests
are read when they are asked for, so that nothing waits for it.
"""

import base64
import hashlib
import json
import re
import urllib.parse

from ministack.core import lambda_runtime
from ministack.core.responses import get_account_id, get_region
from ministack.services import bedrock_agentcore as agentcore
from ministack.services import ecs, iam, lambda_svc

from . import constraints

# Of a body that is somebody's data, a part is enough to know that it is there.
DATA_BYTES_MAX = 1 << 20
FUNCTION_URL = re.compile(r"/_aws/lambda-url/(?P<id>[a-z0-9]+)/")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}|(?<=/uploads/)[^/?]+")
ENGINES = ("docker/", "containerd/")
SIGNER = re.compile(r"Credential=([^/,]+)/")

made = []
read_before = []
roles_by_key = {}


def has_readable_body(service, method):
    """Objects and layers are data; what S3 is told by POST is not."""
    return service != "registry" and (service != "s3" or method == "POST")


def keep(scope, headers, service, body):
    """Notes a signed request for later, or one of the registry's."""
    form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    made.append({
        "service": service,
        "method": scope["method"],
        "path": (scope.get("raw_path") or scope["path"].encode()).decode("latin-1"),
        "query": urllib.parse.parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True),
        "headers": headers,
        "form": urllib.parse.parse_qs(body.decode(), keep_blank_values=True) if form and body else {},
        "body": body,
        "principal": principal(service, headers),
        # A function may be gone when this is read.
        "function": function_of(scope["path"]),
    })


def principal(service, headers):
    if service == "registry":
        # Not signed: the engine pulls, whoever else comes is the tool.
        return None if headers.get("user-agent", "").startswith(ENGINES) else "tool"
    key = SIGNER.search(headers.get("authorization", ""))
    return roles_by_key.get(key[1], key[1]) if key else None


def presentable(value):
    return base64.b64encode(value[:DATA_BYTES_MAX]).decode() if isinstance(value, bytes) else str(value)


def function_of(path):
    """The ARN of the function behind a Function URL's path here."""
    identifier = FUNCTION_URL.match(path)
    found = lambda_svc.resolve_function_url(identifier["id"]) if identifier else None
    return f"arn:aws:lambda:{found[1]}:{found[0]}:function:{found[2]}" if found else None


def described(request):
    if request["function"]:
        # A Function URL is not an API: path and body are the function's own.
        parameters = {"FunctionArn": request["function"]}
        return {"service": "lambda", "operation": "InvokeFunctionUrl", "parameters": parameters, "problems": []}
    if request["service"] == "registry":
        path = DIGEST.sub("DIGEST", request["path"])
        return {"service": "registry", "operation": f"{request['method']} {path}", "parameters": {}, "problems": []}
    operation, parameters, problems = constraints.of_request(request)
    return {
        "service": operation.service_model.service_name if operation else request["service"],
        "operation": operation.name if operation else None,
        "parameters": parameters,
        "problems": [f"{operation.name if operation else request['service']}: {problem}" for problem in problems],
    }


def listed():
    """What was asked so far. What many requests have in common is listed once."""
    while made:
        request = made.pop(0)
        about = {"principal": request["principal"]}
        read_before.append(json.loads(json.dumps(about | described(request), default=presentable)))
    unique = {json.dumps(request, sort_keys=True): request for request in read_before}
    read_before[:] = unique.values()
    return read_before


def forget():
    read_before.clear()


def signing_for(credentials):
    """A role's credentials have a key of their own, so that its requests are known by it."""

    def given(config):
        role = config.get("Role", "")
        key = "ASIA" + hashlib.sha256(role.encode()).hexdigest()[:16].upper()
        roles_by_key[key] = role
        return credentials(config) | {"AWS_ACCESS_KEY_ID": key}

    return given


def document(value):
    return json.loads(value) if isinstance(value, str) else value


def takers():
    """Which service of AWS takes which role, for which thing."""
    region, account = get_region(), get_account_id()
    for task in ecs._task_defs.values():
        for kind in ("taskRoleArn", "executionRoleArn"):
            # A task's ARN is not known before it runs.
            yield task.get(kind), "ecs-tasks.amazonaws.com", f"arn:aws:ecs:{region}:{account}:task/cluster/task"
    for runtime in agentcore._runtimes.values():
        yield runtime["roleArn"], "bedrock-agentcore.amazonaws.com", runtime["agentRuntimeArn"]
    for function in lambda_svc._functions.values():
        config = function["config"]
        yield config["Role"], "lambda.amazonaws.com", config["FunctionArn"]


def all_roles():
    found = {
        role["Arn"]: {
            "trust": document(role["AssumeRolePolicyDocument"]),
            "policies": {name: document(text) for name, text in role["InlinePolicies"].items()},
            "taken_by": [],
        }
        for role in iam._roles.values()
    }
    for role, service, source in takers():
        taker = {"service": service, "source": source}
        if role in found and taker not in found[role]["taken_by"]:
            found[role]["taken_by"].append(taker)
    return found


def install():
    lambda_runtime.execution_credentials = signing_for(lambda_runtime.execution_credentials)
    lambda_svc.execution_credentials = lambda_runtime.execution_credentials
