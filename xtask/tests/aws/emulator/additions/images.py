"""Images keep the names that ECR gives them, and Docker fetches them from this process.

The stacks' outputs, parameters and task definitions hold `<account>.dkr.ecr.<region>.amazonaws.com/...`, as on AWS. Whoever logs in
is sent to this process by `proxyEndpoint`, and what Docker is asked to pull or run is renamed on the way.
"""

import json
import os
import re

from ministack.services import ecr

REGISTRY = f"127.0.0.1:{os.environ['GATEWAY_PORT']}"
AWS_NAME = re.compile(r"^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?=/)")


def here(image):
    return AWS_NAME.sub(REGISTRY, image) if isinstance(image, str) else image


def renaming(method):
    """The method with its first argument, an image's name, changed to where the image is."""

    def renamed(collection, image, *arguments, **options):
        return method(collection, here(image), *arguments, **options)

    return renamed


def login(answer):
    def authorization_token(request):
        status, headers, body = answer(request)
        if status >= 400:
            return status, headers, body
        value = json.loads(body)
        for entry in value["authorizationData"]:
            entry["proxyEndpoint"] = f"http://{REGISTRY}"
        return ecr.json_response(value)

    return authorization_token


def install():
    from docker.models.containers import ContainerCollection
    from docker.models.images import ImageCollection

    for collection, names in ((ImageCollection, ("get", "get_registry_data", "pull")), (ContainerCollection, ("create", "run"))):
        for name in names:
            setattr(collection, name, renaming(getattr(collection, name)))
    ecr._get_authorization_token = login(ecr._get_authorization_token)
