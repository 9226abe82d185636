"""A task's containers as closed as their definition says: user, read-only files, capabilities, health check.

MiniStack starts them with none of these, so that a service which writes where it may not would not be noticed. What the image calls
a volume is one that the engine makes, with the owner that the folder has in the image, as on Fargate.
"""

from docker.types import Healthcheck
from ministack.services import ecs

NANOSECONDS = 1_000_000_000


def member(value, name):
    """Some parts of a definition are kept in the words of the template, which begin with a capital letter."""
    value = value or {}
    return value.get(name, value.get(name[:1].upper() + name[1:]))


def health_check(container):
    check = container.get("healthCheck")
    if not check:
        return None
    seconds = {name: int(member(check, name) or 0) * NANOSECONDS for name in ("interval", "timeout", "startPeriod")}
    return Healthcheck(
        test=member(check, "command"), retries=int(member(check, "retries") or 0), interval=seconds["interval"],
        timeout=seconds["timeout"], start_period=seconds["startPeriod"],
    )


def closed(build_run_kwargs):
    def built(container, definition, *rest):
        options = build_run_kwargs(container, definition, *rest)
        capabilities = member(container.get("linuxParameters"), "capabilities")
        options |= {
            "cap_drop": member(capabilities, "drop") or [],
            "read_only": bool(container.get("readonlyRootFilesystem")),
        }
        if container.get("user"):
            options["user"] = container["user"]
        if check := health_check(container):
            options["healthcheck"] = check
        return options

    return built


def install():
    ecs._build_run_kwargs = closed(ecs._build_run_kwargs)
