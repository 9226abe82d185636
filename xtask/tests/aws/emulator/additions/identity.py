"""Who a container is: the credentials of its role, its region, and where the APIs are.

MiniStack names a task's credentials by a URL that SDKs refuse, because it is neither on loopback nor one of ECS's own addresses,
and hands a container of AgentCore none. Here both have those of their role in the environment. ECS says the region too. AgentCore
is not known to, so there the template has to.
"""

from ministack.core import lambda_runtime
from ministack.core.responses import get_account_id, get_region
from ministack.services import bedrock_agentcore as agentcore
from ministack.services import ecs

from . import addresses


def of_role(role_arn, name):
    """The same as a function gets with such a role."""
    arn = f"arn:aws:lambda:{get_region()}:{get_account_id()}:function:{name}"
    credentials = lambda_runtime.execution_credentials({"Role": role_arn, "FunctionArn": arn, "FunctionName": name})
    # An empty token is one all the same, and makes a signature that nobody expects.
    return {variable: value for variable, value in credentials.items() if value}


def of_task(register):
    def registered(task_arn, cluster_arn, definition, container, launch_type, environment, *rest):
        token = register(task_arn, cluster_arn, definition, container, launch_type, environment, *rest)
        for unusable in ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"):
            environment.pop(unusable, None)
        environment |= {"AWS_REGION": get_region(), "AWS_DEFAULT_REGION": get_region()}
        environment |= of_role(definition.get("taskRoleArn", ""), definition.get("family", "task"))
        return token

    return registered


def of_agent(start):
    def started(runtime):
        environment = {
            "AWS_ENDPOINT_URL": f"http://{addresses.HOST}:{addresses.PORT}",
            **of_role(runtime.get("roleArn", ""), runtime["agentRuntimeName"]),
            **(runtime.get("environmentVariables") or {}),
        }
        return start({**runtime, "environmentVariables": environment})

    return started


def install():
    ecs._register_metadata = of_task(ecs._register_metadata)
    agentcore._container_invocations_url = of_agent(agentcore._container_invocations_url)
