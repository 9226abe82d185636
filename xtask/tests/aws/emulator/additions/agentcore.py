"""AWS::BedrockAgentCore::Runtime and RuntimeEndpoint, made by MiniStack's own AgentCore control plane.

A runtime gets a new version with every change, and an endpoint stays on the version that it names. A new name is a new runtime.
AgentCore's images are pulled when the runtime is made, so an image that is not there fails the resource. What the container writes
goes to the log group of the endpoint.
"""

import json
import re
import threading
import time

from ministack.services import bedrock_agentcore as agentcore
from ministack.services import ecr, ecs
from ministack.services.cloudformation import provisioners

from . import answers

SERVICE = "BedrockAgentCoreControl"
RUNTIME = "AWS::BedrockAgentCore::Runtime"
ENDPOINT = "AWS::BedrockAgentCore::RuntimeEndpoint"


def runtime_request(properties):
    request = answers.request_of(properties)
    # The template says `HTTP`, the API wants a structure around it.
    protocol = request.get("protocolConfiguration")
    if isinstance(protocol, str):
        request["protocolConfiguration"] = {"serverProtocol": protocol}
    return json.dumps(request).encode()


def require_image(properties):
    artifact = properties.get("AgentRuntimeArtifact") or {}
    uri = (artifact.get("ContainerConfiguration") or {}).get("ContainerUri", "")
    named = re.fullmatch(r"[^/]+/(?P<repository>[^@]+)@(?P<digest>sha256:[0-9a-f]{64})", uri)
    if not named:
        return
    reply = ecr._batch_get_image({
        "repositoryName": named["repository"],
        "imageIds": [{"imageDigest": named["digest"]}],
    })
    if reply[0] >= 400 or not json.loads(reply[2]).get("images"):
        raise answers.failure(SERVICE, f"The specified image identifier does not exist: {uri}", "InvalidRequest")


def runtime_attributes(runtime_id):
    runtime = agentcore._runtimes[runtime_id]
    return runtime_id, {
        "AgentRuntimeArn": runtime["agentRuntimeArn"],
        "AgentRuntimeId": runtime_id,
        "AgentRuntimeVersion": runtime["agentRuntimeVersion"],
        "CreatedAt": runtime["createdAt"],
        "LastUpdatedAt": runtime["lastUpdatedAt"],
        "Status": runtime["status"],
    }


def create_runtime(_logical_id, properties, _stack_name):
    require_image(properties)
    made = answers.value_of(SERVICE, agentcore._create_agent_runtime(runtime_request(properties)))
    return runtime_attributes(made["agentRuntimeId"])


def update_runtime(runtime_id, old, new, _stack_name):
    if answers.differ_beyond_tags(old, new):
        require_image(new)
        answers.value_of(SERVICE, agentcore._update_agent_runtime(runtime_id, runtime_request(new)))
    return runtime_attributes(runtime_id)


def delete_runtime(runtime_id, _properties):
    answers.ignore_missing(SERVICE, agentcore._delete_agent_runtime(runtime_id))


def endpoint_attributes(properties):
    endpoint = agentcore._endpoints[properties["AgentRuntimeId"]][properties["Name"]]
    arn = endpoint["agentRuntimeEndpointArn"]
    return arn, {
        "AgentRuntimeArn": endpoint["agentRuntimeArn"],
        "AgentRuntimeEndpointArn": arn,
        "CreatedAt": endpoint["createdAt"],
        "Id": endpoint["id"],
        "LastUpdatedAt": endpoint["lastUpdatedAt"],
        "LiveVersion": endpoint["liveVersion"],
        "Status": endpoint["status"],
        "TargetVersion": endpoint["targetVersion"],
    }


def endpoint_request(properties):
    return json.dumps(answers.request_of(properties)).encode()


def create_endpoint(_logical_id, properties, _stack_name):
    runtime_id = properties["AgentRuntimeId"]
    answers.value_of(SERVICE, agentcore._create_agent_runtime_endpoint(runtime_id, endpoint_request(properties)))
    return endpoint_attributes(properties)


def update_endpoint(_physical_id, _old, new, _stack_name):
    request = endpoint_request(new)
    answers.value_of(SERVICE, agentcore._update_agent_runtime_endpoint(new["AgentRuntimeId"], new["Name"], request))
    return endpoint_attributes(new)


def delete_endpoint(_physical_id, properties):
    answers.ignore_missing(
        SERVICE, agentcore._delete_agent_runtime_endpoint(properties["AgentRuntimeId"], properties["Name"])
    )


def follow(container):
    """Copies what the container writes to the log group of the runtime's named endpoint, in a thread of its own."""
    label = container.labels
    account, region = label["ministack.agentcore.account"], label["ministack.agentcore.region"]
    runtime_id = label["ministack.agentcore.runtime"]
    config = {
        "group": f"/aws/bedrock-agentcore/runtimes/{runtime_id}-live",
        "stream": time.strftime("%Y/%m/%d/[runtime-logs]") + container.id[:12],
        "create_group": False,
    }
    arguments = (container, config, account, region)
    threading.Thread(target=ecs._forward_awslogs, args=arguments, name="agentcore-logs", daemon=True).start()


def followed(start):
    def started(container, **options):
        start(container, **options)
        if container.labels.get("ministack") == "agentcore":
            follow(container)

    return started


def install():
    from docker.models.containers import Container

    Container.start = followed(Container.start)
    provisioners._RESOURCE_HANDLERS[RUNTIME] = {
        "create": create_runtime,
        "update": update_runtime,
        "delete": delete_runtime,
    }
    provisioners._RESOURCE_HANDLERS[ENDPOINT] = {
        "create": create_endpoint,
        "update": update_endpoint,
        "delete": delete_endpoint,
    }
    provisioners._REPLACING_PROPERTIES[RUNTIME] = ("AgentRuntimeName",)
    provisioners._REPLACING_PROPERTIES[ENDPOINT] = ("AgentRuntimeId", "Name")
