"""Repositories are named by the address at which this process takes pushes, and Docker fetches images from there.

On AWS they are named `<account>.dkr.ecr.<region>.amazonaws.com/...`, and a template's parameter may insist on that. So a parameter
with one of our names is checked as the name that it would have there. An image that is deleted cannot be pulled any more.
"""

import json
import os

from ministack.core.responses import get_account_id, get_region
from ministack.services import ecr
from ministack.services.cloudformation import engine

REGISTRY = f"127.0.0.1:{os.environ['GATEWAY_PORT']}"


def on_aws(value):
    if not value.startswith(f"{REGISTRY}/"):
        return value
    return f"{get_account_id()}.dkr.ecr.{get_region()}.amazonaws.com/{value.removeprefix(f'{REGISTRY}/')}"


def renaming(check):
    def checked(name, definition, type_name, value):
        check(name, definition, type_name, on_aws(value))

    return checked


def leading_here(answer):
    """GetAuthorizationToken also says where to log in."""

    def authorization_token(request):
        status, headers, body = answer(request)
        if status >= 400:
            return status, headers, body
        value = json.loads(body)
        for entry in value["authorizationData"]:
            entry["proxyEndpoint"] = f"http://{REGISTRY}"
        return ecr.json_response(value)

    return authorization_token


def forgetting(delete):
    """BatchDeleteImage leaves the manifest where pulls find it."""

    def deleted(request):
        answer = delete(request)
        if answer[0] < 400:
            manifests = ecr._manifest_blobs.get(request["repositoryName"], {})
            for image in json.loads(answer[2])["imageIds"]:
                manifests.pop(image.get("imageDigest"), None)
        return answer

    return deleted


def install():
    ecr._batch_delete_image = forgetting(ecr._batch_delete_image)
    ecr._repo_uri = lambda name: f"{REGISTRY}/{name}"
    ecr._get_authorization_token = leading_here(ecr._get_authorization_token)
    engine._check_parameter_constraints = renaming(engine._check_parameter_constraints)
