"""Target health: a task behind a load balancer is asked as its target group says, while its service is waited for.

MiniStack calls a deployment complete when its tasks have run for a second. Here they also have to answer, and one that answers
with another status three times in a row is stopped by the scheduler, which counts for the circuit breaker. One that does not answer
at all has the grace period of the service. The interval is shorter than AWS takes.
"""

import http.client
import time

from ministack.core.responses import new_uuid
from ministack.services import alb, ecs

EVERY_SECONDS = 0.3
UNHEALTHY_AFTER = 3

# By task: whether it is healthy, when it was asked last, how often it answered wrongly in a row.
verdicts = {}
record_healthy = ecs._record_service_task_healthy
complete = ecs._complete_service_deployment


def targets(service):
    """The target groups of a service with the port that they lead to."""
    for balancer in service.get("loadBalancers") or []:
        group = alb._tgs.get(balancer.get("targetGroupArn"))
        if group:
            yield group, balancer["containerPort"]


def status_of(group, address, port):
    """What the target answers; none when it does not."""
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", group.get("HealthCheckPath") or "/")
        return str(connection.getresponse().status)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def wanted(group):
    return (group.get("Matcher") or {}).get("HttpCode", "200").split(",")


def tasks_of(cluster, service):
    group = f"service:{service['serviceName']}"
    arn = service["clusterArn"]
    return [task for task in list(ecs._tasks.values()) if task.get("group") == group and task.get("clusterArn") == arn]


def give_up(service, task, group, port, status):
    arn, where = task["taskArn"], f"(target-group {group['TargetGroupArn']})"
    reason = f"Task failed ELB health checks in {where}"
    why = f"Health checks failed with these codes: [{status}]" if status else "Request timed out"
    message = f"(service {service['serviceName']}) (port {port}) is unhealthy in {where} due to (reason {why})"
    service["events"].insert(0, {"id": new_uuid(), "createdAt": ecs._iso(), "message": message})
    if ecs._mark_task_stopped(arn, task, reason, "ServiceSchedulerInitiated"):
        ecs._cleanup_task_resources(task, ecs._get_docker())
        ecs._record_service_task_failure(task)


def ask(service, task):
    """Asks one task now; says whether it has just become healthy."""
    verdict = verdicts.setdefault(task["taskArn"], {"healthy": False, "asked_at": 0.0, "wrong": 0, "since": time.monotonic()})
    if verdict["healthy"] or time.monotonic() - verdict["asked_at"] < EVERY_SECONDS:
        return False
    verdict["asked_at"] = time.monotonic()
    for group, port in targets(service):
        status = status_of(group, ecs._task_ip(task), port)
        if status in wanted(group):
            continue
        grace = float(service.get("healthCheckGracePeriodSeconds") or 0)
        verdict["wrong"] += 1 if status else 0
        silent = not status and time.monotonic() - verdict["since"] > grace
        if silent or verdict["wrong"] >= UNHEALTHY_AFTER:
            give_up(service, task, group, port, status)
        return False
    verdict["healthy"] = True
    return True


def look(cluster, name):
    """Called again and again while a service is waited for."""
    key = f"{cluster}/{name}"
    service = ecs._services.get(key)
    if not service or not ecs._get_docker() or not any(targets(service)):
        return
    for task in tasks_of(cluster, service):
        if task.get("lastStatus") == "RUNNING" and ecs._task_ip(task) and ask(service, task):
            record_healthy(key, task)
            complete(cluster, key)


def is_well(service, task):
    return not any(targets(service)) or verdicts.get(task.get("taskArn"), {}).get("healthy", False)


def healthy_only(key, task):
    """MiniStack's own sign that a task has lasted counts only for one that answers."""
    service = ecs._services.get(key)
    if service and is_well(service, task):
        record_healthy(key, task)


def install():
    ecs._record_service_task_healthy = healthy_only
