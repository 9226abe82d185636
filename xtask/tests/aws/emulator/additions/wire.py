"""Requests as AWS's own documents describe them: from the bytes on the wire to an operation and its parameters.

The documents are the models that the AWS CLI and boto3 are made of, in the package botocore, which MiniStack 1.5.33 pins to
1.43.106 (its metadata: `Requires-Dist: botocore==1.43.106`). How each protocol puts parameters into a request is read from
botocore/serialize.py, in the other direction.
"""

import base64
import binascii
import functools
import json
import re
import urllib.parse
import xml.etree.ElementTree

import botocore.loaders
import botocore.model

# Several APIs are signed with one name, and some with another than the model's folder has.
MODELS = {
    "bedrock": ("bedrock-runtime", "bedrock"),
    "bedrock-agentcore": ("bedrock-agentcore", "bedrock-agentcore-control"),
    "elasticloadbalancing": ("elbv2",),
}
LOADER = botocore.loaders.Loader()


class Unreadable(Exception):
    """The request is not one of the service's."""


@functools.cache
def model(name):
    return botocore.model.ServiceModel(LOADER.load_service_model(name, "service-2"), name)


@functools.cache
def routes(name):
    """Every operation of a REST API: method, path as an expression, what has to be in the query, and what it needs besides."""
    found = []
    for operation_name in model(name).operation_names:
        operation = model(name).operation_model(operation_name)
        path, _, query = operation.http["requestUri"].partition("?")
        fixed = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        expression = re.sub(r"\\\{(\w+)(\\\+)?\\\}", lambda part: f"(?P<{part[1]}>{'.+' if part[2] else '[^/]+'})", re.escape(path))
        needs = {"querystring": set(), "header": set()}
        shape = operation.input_shape
        for member in shape.required_members if shape else ():
            where = shape.members[member].serialization
            needs.get(where.get("location"), set()).add(where.get("name", member))
        found.append((operation, operation.http["method"], re.compile(expression.rstrip("/") + "/?"), fixed, needs))
    return found


def rank(route):
    operation, _method, path, fixed, needs = route
    return len(fixed), sum(map(len, needs.values())), -path.groups, len(path.pattern)


def by_route(name, request):
    """The operation of a REST API, and what its path names."""
    fits = []
    for route in routes(name):
        operation, method, path, fixed, needs = route
        matched = path.fullmatch(request["path"])
        if not matched or method != request["method"]:
            continue
        in_query = all(request["query"].get(key, [None])[0] == value for key, value in fixed.items())
        headers = {header.lower() for header in needs["header"]}
        if in_query and needs["querystring"] <= request["query"].keys() and headers <= request["headers"].keys():
            fits.append((route, matched))
    if not fits:
        return None
    (operation, *_rest), matched = max(fits, key=lambda fit: rank(fit[0]))
    names = re.findall(r"\{(\w+)\+?\}", operation.http["requestUri"].partition("?")[0])
    return operation, {name: urllib.parse.unquote(matched[name]) for name in names}


def find(request):
    """The operation that a request asks for, and what its path names."""
    target = request["headers"].get("x-amz-target", "")
    for name in MODELS.get(request["service"], (request["service"],)):
        try:
            service = model(name)
        except botocore.exceptions.UnknownServiceError:
            break
        protocol = service.metadata["protocol"]
        if target:
            prefix, _, action = target.rpartition(".")
            if prefix == service.metadata.get("targetPrefix") and action in service.operation_names:
                return service.operation_model(action), {}
        elif protocol in ("query", "ec2"):
            action = request["form"].get("Action", [""])[0]
            if action in service.operation_names:
                return service.operation_model(action), {}
        elif protocol.startswith("rest-") and (routed := by_route(name, request)):
            return routed
    raise Unreadable(f"no operation of {request['service']} is {target or request['method'] + ' ' + request['path']}")


def scalar(shape, text):
    """A value that a path, a header, a form or an XML document holds as text."""
    kind = shape.type_name
    try:
        if kind in ("integer", "long"):
            return int(text)
        if kind in ("float", "double"):
            return float(text)
        if kind == "boolean":
            return {"true": True, "false": False}[text]
        if kind == "blob":
            return base64.b64decode(text, validate=True)
    except (ValueError, KeyError, binascii.Error):
        raise Unreadable(f"`{text}` is not a {kind}") from None
    if kind == "timestamp" and re.fullmatch(r"[0-9.]+", text):
        return float(text)
    return text


def from_json(shape, value):
    """Members in the words of the model; those that it does not know keep their names, and the validator finds them."""
    kind = shape.type_name
    if getattr(shape, "is_document_type", False):
        return value
    if kind == "structure" and isinstance(value, dict):
        names = {member.serialization.get("name", name): name for name, member in shape.members.items()}
        known = {key: names.get(key) for key in value if value[key] is not None}
        return {
            name or key: from_json(shape.members[name], value[key]) if name else value[key] for key, name in known.items()
        }
    if kind == "list" and isinstance(value, list):
        return [from_json(shape.member, entry) for entry in value]
    if kind == "map" and isinstance(value, dict):
        return {key: from_json(shape.value, entry) for key, entry in value.items()}
    if kind == "blob" and isinstance(value, str):
        return scalar(shape, value)
    return value


def indices(keys, prefix):
    """The numbers that follow the prefix, in order."""
    numbers = {key[len(prefix) :].partition(".")[0] for key in keys if key.startswith(prefix)}
    return sorted((number for number in numbers if number.isdecimal()), key=int)


def from_form(shape, form, prefix, used):
    """A part of a form whose keys begin with the prefix (`Parameters.member.1.ParameterKey`); None when there is none."""
    kind = shape.type_name
    if kind == "structure":
        found = {}
        for name, member in shape.members.items():
            key = member.serialization.get("name", name)
            value = from_form(member, form, f"{prefix}.{key}" if prefix else key, used)
            if value is not None:
                found[name] = value
        return found if found or not prefix else None
    if kind == "list":
        if prefix in form:
            used.add(prefix)
            return []
        inner = f"{prefix}." if shape.serialization.get("flattened") else f"{prefix}.{shape.member.serialization.get('name', 'member')}."
        return [from_form(shape.member, form, inner + number, used) for number in indices(form, inner)] or None
    if kind == "map":
        inner = f"{prefix}." if shape.serialization.get("flattened") else f"{prefix}.entry."
        names = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
        entries = {}
        for number in indices(form, inner):
            key, value = (f"{inner}{number}.{name}" for name in names)
            used.add(key)
            entries[form[key][0]] = from_form(shape.value, form, value, used)
        return entries or None
    if prefix not in form:
        return None
    used.add(prefix)
    return scalar(shape, form[prefix][0])


def read_form(operation, form):
    used = {"Action", "Version"}
    shape = operation.input_shape
    parameters = from_form(shape, form, "", used) if shape else {}
    return parameters | {key: form[key][0] for key in form if key not in used}


def from_xml(shape, element):
    """Names without their namespace."""
    kind = shape.type_name
    local = lambda child: child.tag.rpartition("}")[2]  # noqa: E731
    if kind == "structure":
        found = {}
        known = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
        for child in element:
            name, member = known.get(local(child), (local(child), None))
            if member is None:
                found[name] = child.text
            elif member.type_name == "list" and member.serialization.get("flattened"):
                found.setdefault(name, []).append(from_xml(member.member, child))
            else:
                found[name] = from_xml(member, child)
        return found
    if kind == "list":
        return [from_xml(shape.member, child) for child in element]
    return scalar(shape, element.text or "")


def read_rest(operation, request, in_path):
    shape = operation.input_shape
    if shape is None:
        return {}
    parameters, in_body = {}, {}
    for name, member in shape.members.items():
        where = member.serialization.get("location")
        key = member.serialization.get("name", name)
        if where == "uri" and key in in_path:
            parameters[name] = scalar(member, in_path[key])
        elif where == "querystring" and key in request["query"]:
            values = request["query"][key]
            is_list = member.type_name == "list"
            parameters[name] = [scalar(member.member, value) for value in values] if is_list else scalar(member, values[0])
        elif where == "header" and key.lower() in request["headers"]:
            value = request["headers"][key.lower()]
            is_list = member.type_name == "list"
            parameters[name] = [part.strip() for part in value.split(",")] if is_list else scalar(member, value)
        elif where == "headers":
            found = {
                header[len(key) :]: value for header, value in request["headers"].items() if header.startswith(key.lower())
            }
            parameters |= {name: found} if found else {}
        elif where is None:
            in_body[name] = member
    return parameters | read_body(shape, operation, request, in_body)


def read_body(shape, operation, request, in_body):
    payload, body = shape.serialization.get("payload"), request["body"]
    if payload and shape.members[payload].type_name in ("blob", "string"):
        # A body that was not kept is there all the same.
        return {payload: b"" if body is None else body} if body is None or body else {}
    if not body:
        return {}
    whole = shape.members[payload] if payload else shape
    if operation.service_model.metadata["protocol"] == "rest-xml":
        value = from_xml(whole, xml.etree.ElementTree.fromstring(body))
    else:
        value = from_json(whole, json.loads(body))
    if payload:
        return {payload: value}
    # What belongs into the path or a header has no business in the body.
    return {name if name in in_body else f"{name} (in the body)": entry for name, entry in value.items()}


def read(request):
    """The operation of a request and its parameters, as boto3 would take them."""
    operation, in_path = find(request)
    protocol = operation.service_model.metadata["protocol"]
    if protocol in ("query", "ec2"):
        return operation, read_form(operation, request["form"])
    if protocol == "json":
        return operation, from_json(operation.input_shape, json.loads(request["body"] or b"{}")) if operation.input_shape else {}
    return operation, read_rest(operation, request, in_path)
