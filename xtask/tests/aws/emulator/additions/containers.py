"""AWS::ECS::TaskDefinition and Service, made by MiniStack's own ECS API, and waited for.

MiniStack's CloudFormation leaves out a task definition's platform and secrets, and it is done with a service once the service is
written down. Here a service is done when its tasks run and are healthy (health.py), and fails when the circuit breaker says so.
"""

import os
import time

from ministack.services import ecs
from ministack.services.cloudformation import provisioners

from . import answers, health, stack_events

SERVICE = "Ecs"
SETTLED_WITHIN_SECONDS = float(os.environ.get("TURNPIKE_EMULATOR_SERVICE_SECONDS", "90"))
LOOK_EVERY_SECONDS = 0.1
# UpdateService does not take these.
FIXED_AT_CREATION = ("Cluster", "LaunchType", "Role", "SchedulingStrategy", "ServiceName", "Tags")


def tags_of(properties):
    return [{"key": tag["Key"], "value": tag["Value"]} for tag in properties.get("Tags") or []]


def create_task_definition(logical_id, properties, stack_name):
    request = answers.request_of(properties) | {"tags": tags_of(properties)}
    request.setdefault("family", f"{stack_name}-{logical_id}")
    made = answers.value_of(SERVICE, ecs._register_task_definition(request))
    arn = made["taskDefinition"]["taskDefinitionArn"]
    return arn, {"TaskDefinitionArn": arn}


def update_task_definition(arn, old, new, stack_name, logical_id=None):
    if answers.differ_beyond_tags(old, new):
        return create_task_definition(logical_id, new, stack_name)
    return arn, {"TaskDefinitionArn": arn}


def wait_until_steady(cluster, service):
    """Returns when the deployment that was just begun is the one that runs."""
    name, arn = service["serviceName"], service["serviceArn"]
    began = next(deployment["id"] for deployment in service["deployments"] if deployment["status"] == "PRIMARY")
    give_up_at = time.monotonic() + SETTLED_WITHIN_SECONDS
    while time.monotonic() < give_up_at:
        described = ecs._describe_services({"cluster": cluster, "services": [name]})
        services = answers.value_of(SERVICE, described)["services"]
        deployments = services[0]["deployments"] if services else []
        health.look(cluster, name)
        mine = [deployment for deployment in deployments if deployment["id"] == began]
        state = mine[0].get("rolloutState") if mine else "FAILED"
        if state == "FAILED":
            # The breaker has gone back to what ran before, or to nothing.
            raise answers.handler_message(
                "Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'.", "GeneralServiceException"
            )
        if state == "COMPLETED" and services[0]["runningCount"] >= services[0]["desiredCount"]:
            return
        time.sleep(LOOK_EVERY_SECONDS)
    raise answers.failure(SERVICE, f"Service {arn} did not stabilize.", "NotStabilized")


def service_attributes(arn):
    return arn, {"ServiceArn": arn, "Name": arn.rpartition("/")[2]}


def create_service(logical_id, properties, stack_name):
    request = answers.request_of(properties) | {"tags": tags_of(properties)}
    request.setdefault("serviceName", f"{stack_name}-{logical_id}")
    made = answers.value_of(SERVICE, ecs._create_service(request))["service"]
    cluster = properties.get("Cluster", "default")
    stack_events.initiate(stack_name, logical_id, "AWS::ECS::Service", made["serviceArn"])
    try:
        wait_until_steady(cluster, made)
    except Exception:
        # The rollback does not know the service, so it would stay for ever.
        ecs._delete_service({"cluster": cluster, "service": made["serviceName"], "force": True})
        raise
    return service_attributes(made["serviceArn"])


def update_service(arn, old, new, _stack_name):
    changed = {
        name: value for name, value in new.items() if name not in FIXED_AT_CREATION and old.get(name) != value
    }
    if changed:
        cluster = new.get("Cluster", "default")
        request = answers.request_of(changed) | {"cluster": cluster, "service": arn.rpartition("/")[2]}
        wait_until_steady(cluster, answers.value_of(SERVICE, ecs._update_service(request))["service"])
    return service_attributes(arn)


def starting(make_deployment):
    """A first deployment is in progress until its tasks run, so that the circuit breaker watches it too."""

    def made(*arguments, **options):
        return make_deployment(*arguments, **options) | {"rolloutState": "IN_PROGRESS", "rolloutStateReason": ""}

    return made


def in_words_of_aws(mark_stopped):
    def marked(arn, task, reason, *rest, **options):
        said = "Essential container in task exited" if reason == "Essential container exited" else reason
        return mark_stopped(arn, task, said, *rest, **options)

    return marked


def install():
    handlers = provisioners._RESOURCE_HANDLERS
    handlers["AWS::ECS::TaskDefinition"] |= {
        "create": create_task_definition,
        "update": update_task_definition,
        "update_with_logical_id": True,
    }
    handlers["AWS::ECS::Service"] |= {"create": create_service, "update": update_service}
    ecs._make_deployment = starting(ecs._make_deployment)
    ecs._mark_task_stopped = in_words_of_aws(ecs._mark_task_stopped)
    health.install()
