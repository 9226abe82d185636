"""MiniStack's answers as values, its errors in the words of a CloudFormation resource handler."""

import json

NOBODY = "00000000-0000-0000-0000-000000000000"


class ResourceFailed(ValueError):
    """CloudFormation shows its text as the resource's status reason."""


def failure(service, message, code):
    said = f"{message} (Service: {service}, Status Code: 400, Request ID: {NOBODY})"
    return handler_message(said, code)


def handler_message(message, code):
    return ResourceFailed(
        f'Resource handler returned message: "{message}" (RequestToken: {NOBODY}, HandlerErrorCode: {code})'
    )


def value_of(service, response):
    """The body of an answer (status, headers, body), or the failure that it stands for."""
    status, _headers, body = response
    value = json.loads(body) if body else {}
    if status < 400:
        return value
    code = {404: "NotFound", 409: "AlreadyExists"}.get(status, "InvalidRequest")
    raise failure(service, value.get("message") or value.get("Message") or str(value), code)


def ignore_missing(service, response):
    """For deletions: what is gone already is as good as deleted."""
    if response[0] != 404:
        value_of(service, response)


# Below these properties the keys are the user's own words.
MAPS_OF_THE_USER = {"EnvironmentVariables", "Options", "DockerLabels", "DriverOpts", "Labels"}


def request_of(properties, within=None):
    """Properties of a template as the API wants them: names begin small, and tags are left to the caller."""
    if isinstance(properties, list):
        return [request_of(entry, within) for entry in properties]
    if not isinstance(properties, dict) or within in MAPS_OF_THE_USER:
        return number_of(properties, within)
    return {
        name[:1].lower() + name[1:]: request_of(value, name)
        for name, value in properties.items()
        if name != "Tags"
    }


# A parameter that holds a number arrives as text.
NUMBERS = {
    "ContainerPort", "DesiredCount", "HealthCheckGracePeriodSeconds", "HostPort", "IdleRuntimeSessionTimeout", "Interval",
    "MaxLifetime", "MaximumPercent", "MinimumHealthyPercent", "Retries", "StartPeriod", "StartTimeout", "StopTimeout",
    "Timeout",
}


def number_of(value, name):
    if name in NUMBERS and isinstance(value, str) and value.isdecimal():
        return int(value)
    return value


def differ_beyond_tags(old, new):
    return {**old, "Tags": None} != {**new, "Tags": None}


def with_attributes(handler, change):
    """The handler's create and update, with the attributes that they give changed."""

    def wrap(method):
        def wrapped(*arguments):
            physical_id, attributes = method(*arguments)
            return physical_id, attributes | change(physical_id, attributes)

        return wrapped

    return handler | {name: wrap(handler[name]) for name in ("create", "update")}
