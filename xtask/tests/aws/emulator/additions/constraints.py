"""What AWS refuses in a request before it looks any further, by the models in botocore.

botocore's own validator (botocore/validate.py, ParamValidator) finds what is missing, unknown, of a wrong type or too short. The
models say more, which botocore leaves to the service: greatest lengths, patterns and lists of values. A pattern is about the
whole value: CloudFormation's for StackName begins with [a-zA-Z] and has no anchor, and CloudFormation refuses `1stack`.
"""

import re

import botocore.validate

from . import wire

# Expressions in another dialect of regular expressions than Python's, which are left out.
UNREADABLE = re.compile(r"\\p\{|\[\[:|&&")


def pattern_of(shape):
    pattern = shape.metadata.get("pattern")
    if not pattern or UNREADABLE.search(pattern):
        return None
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error:
        return None


def size_of(shape, value):
    kind = shape.type_name
    if kind in ("string", "list", "map", "blob") and hasattr(value, "__len__"):
        return len(value)
    if kind in ("integer", "long", "float", "double") and not isinstance(value, bool):
        return value
    return None


def of_value(shape, value, where):
    """What the model says of one value beyond what botocore's validator looks at."""
    size, metadata = size_of(shape, value), shape.metadata
    if size is not None and size > metadata.get("max", size):
        yield f"{where}: {size} is more than {metadata['max']}"
    if not isinstance(value, str):
        return
    if "enum" in metadata and value not in metadata["enum"]:
        yield f"{where}: `{value}` is none of {', '.join(metadata['enum'][:20])}"
    pattern = pattern_of(shape)
    if pattern and not pattern.fullmatch(value):
        yield f"{where}: `{value[:200]}` does not match {pattern.pattern}"


def within(shape, value, where):
    yield from of_value(shape, value, where)
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict) and not getattr(shape, "is_document_type", False):
        for name, member in shape.members.items():
            if name in value:
                yield from within(member, value[name], f"{where}.{name}" if where else name)
    elif kind == "list" and isinstance(value, list):
        for index, entry in enumerate(value):
            yield from within(shape.member, entry, f"{where}[{index}]")
    elif kind == "map" and isinstance(value, dict):
        for key, entry in value.items():
            yield from of_value(shape.key, key, f"{where} (key)")
            yield from within(shape.value, entry, f"{where}.{key}")


def problems(operation, parameters):
    """Every reason why AWS would refuse these parameters, each with its member and value."""
    shape = operation.input_shape
    if shape is None:
        return [f"{name}: unknown" for name in parameters]
    report = botocore.validate.ParamValidator().validate(parameters, shape)
    found = report.generate_report().splitlines() if report.has_errors() else []
    return [*found, *within(shape, parameters, "")]


def of_request(request):
    """Operation, parameters and problems of a request from the list in `requests.py`."""
    try:
        operation, parameters = wire.read(request)
    except wire.Unreadable as problem:
        return None, {}, [str(problem)]
    except Exception as problem:
        return None, {}, [f"{request['method']} {request['path']} cannot be read: {problem!r}"]
    return operation, parameters, problems(operation, parameters)
