"""Stack events that read like CloudFormation's.

A stack's first event says who began. A creation is announced twice, the second time with its physical id, which a
failure names as well. An update says nothing
about what it leaves alone, and `CREATE_...` about what it adds. A rollback names what failed.
"""

import types

from ministack.services import cloudformation
from ministack.services.cloudformation import changesets, handlers, stacks

STACK = "AWS::CloudFormation::Stack"
BEGINNINGS = ("REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")

record = stacks._add_event
# Updates that MiniStack has announced before it is known what becomes of the resource, by stack and logical id.
undecided = {}
# What is said of other resources when one fails, by stack.
cancelled = {}
# Ids of resources that are being made, by stack and logical id: a service has one long before it is steady.
initiated = {}


def reason_of(stack_id, status, reason):
    if status in BEGINNINGS:
        return reason or "User Initiated"
    if status == "ROLLBACK_IN_PROGRESS" and reason == "Rollback requested":
        failed = [
            event["LogicalResourceId"]
            for event in cloudformation._stack_events.get(stack_id, [])
            if event["ResourceStatus"] == "CREATE_FAILED"
        ]
        return f"The following resource(s) failed to create: [{', '.join(failed)}]. Rollback requested by user."
    return reason


def add_event(stack_id, stack_name, logical_id, resource_type, status, reason="", physical_id="", **more):
    def say(status, reason=""):
        record(stack_id, stack_name, logical_id, resource_type, status, reason, physical_id, **more)

    if resource_type == STACK and logical_id == stack_name:
        say(status, reason_of(stack_id, status, reason))
        return
    key = (stack_name, logical_id)
    updating = cloudformation._stacks.get(stack_name, {}).get("StackStatus") == "UPDATE_IN_PROGRESS"
    if updating and status == "UPDATE_IN_PROGRESS":
        if not reason:
            undecided[key] = types.SimpleNamespace(say=say, verb=None)
            return
        if key in undecided:
            # It has a reason to say already, so it need not be announced again.
            undecided[key].verb = "UPDATE"
    elif key in undecided and status in ("UPDATE_COMPLETE", "UPDATE_FAILED"):
        decided = undecided.pop(key)
        if decided.verb == "NOTHING":
            return
        if decided.verb is None:
            decided.say("UPDATE_IN_PROGRESS")
        else:
            status = status.replace("UPDATE", decided.verb)
    if status == "CREATE_COMPLETE" and key not in initiated:
        say("CREATE_IN_PROGRESS", "Resource creation Initiated")
    physical_id = physical_id or initiated.pop(key, "") or standing_id(stack_name, logical_id)
    say(status, reason)
    initiated.pop(key, None)
    if status in ("CREATE_FAILED", "UPDATE_FAILED"):
        verb = "creation" if status == "CREATE_FAILED" else "update"
        for sibling, sibling_type in cancelled.pop(stack_name, {}).items():
            record(stack_id, stack_name, sibling, sibling_type, status, f"Resource {verb} cancelled")


def standing_id(stack_name, logical_id):
    """The id of what was there before, which an update goes on naming."""
    known = cloudformation._stacks.get(stack_name, {}).get("_resources", {})
    return known.get(logical_id, {}).get("PhysicalResourceId", "")


def initiate(stack_name, logical_id, resource_type, physical_id):
    """Called when a resource that takes its time has an id."""
    initiated[(stack_name, logical_id)] = physical_id
    stack_id = cloudformation._stacks.get(stack_name, {}).get("StackId", "")
    record(
        stack_id, stack_name, logical_id, resource_type, "CREATE_IN_PROGRESS", "Resource creation Initiated", physical_id
    )


def begins(stack_name, logical_id, verb):
    """Called when it is known what an update does to a resource: CREATE, UPDATE or NOTHING."""
    held = undecided.get((stack_name, logical_id))
    if held and held.verb is None:
        held.verb = verb
        if verb != "NOTHING":
            held.say(f"{verb}_IN_PROGRESS")


def install():
    for module in (stacks, changesets, handlers):
        module._add_event = add_event
