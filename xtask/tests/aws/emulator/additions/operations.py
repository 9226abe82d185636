"""CreateChangeSet refuses what CloudFormation refuses, and a template's URL may name the bucket in its host."""

import re
import urllib.parse

from ministack.services.cloudformation import engine, handlers, helpers

BUCKET_IN_HOST = re.compile(r"https?://(?P<bucket>[^/]+)\.s3(?:[.-][a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?/(?P<key>[^?]+)")


def state_refuses(params):
    stack = handlers._resolve_stack(helpers._p(params, "StackName"))
    if not stack:
        return None
    status = stack.get("StackStatus", "")
    if helpers._p(params, "ChangeSetType", "UPDATE") == "CREATE":
        if status not in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE"):
            name, change_set = stack["StackName"], helpers._p(params, "ChangeSetName")
            return f"Stack [{name}] already exists and cannot be created again with the changeSet [{change_set}]."
        return None
    if status == "ROLLBACK_COMPLETE" or not status.endswith("_COMPLETE"):
        return f"Stack:{stack['StackId']} is in {status} state and can not be updated."
    return None


def template_refuses(params):
    """A Ref or GetAtt to something that the template does not have."""
    body, error = helpers._resolve_template(params)
    if not body or error:
        return None
    try:
        template = engine._parse_template(body)
        resources = template.get("Resources", {})
        named = {
            name
            for resource in resources.values()
            for name, _attribute in engine._intrinsic_references(resource.get("Properties") or {})
        }
    except Exception:
        # MiniStack has its own words for a template that cannot be read.
        return None
    known = {*resources, *template.get("Parameters", {})}
    missing = sorted(name for name in named - known if not name.startswith("AWS::"))
    if not missing:
        return None
    listed = ", ".join(missing)
    return f"Template format error: Unresolved resource dependencies [{listed}] in the Resources block of the template"


def refusing(create_change_set):
    def create(params):
        problem = state_refuses(params) or template_refuses(params)
        return helpers._error("ValidationError", problem) if problem else create_change_set(params)

    return create


def by_path(resolve_document):
    def resolve(params, body_key, url_key, label):
        found = BUCKET_IN_HOST.match(helpers._p(params, url_key) or "")
        if found:
            key = urllib.parse.unquote(found["key"])
            params = params | {url_key: [f"https://s3.amazonaws.com/{found['bucket']}/{key}"]}
        return resolve_document(params, body_key, url_key, label)

    return resolve


def install():
    helpers._resolve_document = by_path(helpers._resolve_document)
    actions = handlers._ACTION_HANDLERS
    actions["CreateChangeSet"] = refusing(actions["CreateChangeSet"])
