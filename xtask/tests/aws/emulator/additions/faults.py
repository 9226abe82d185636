"""What shall go wrong, and how slow things are. Rules are JSON objects, and each is used up after `times` (1) uses.

About a resource of a stack:
    {"resource": "<logical id or type>", "on": "create" | "update" | "delete", "stack": "<name>",
     "reason": "...", "delay_seconds": 0.5, "cancels": {"<other logical id>": "<type>"}}
Without a reason it is only late. `cancels` names others that are said to have been cancelled when this one fails.

About a call of an API, named `cloudformation:DescribeStacks`, `s3:PUT /bucket/key`, `registry:HEAD /v2/...`:
    {"call": "<regular expression>", "delay_seconds": 0.5, "when": "before" | "after",
     "status": 400, "code": "Throttling", "message": "Rate exceeded"}
    or "drop": true (the connection ends in the middle of the answer), or "hold": true (no answer until the caller goes away).
`"when": "after"` lets the call happen first, so that only its answer is lost.

`skip` lets that many matches pass first.
"""

import re
import threading

rules = []
pace = {"seconds": 0.0, "by_type": {}}
# Resources are made on worker threads, while calls come in on the event loop.
lock = threading.Lock()


def take(matches):
    """The first rule that matches, which is used once by that."""
    with lock:
        for rule in rules:
            if not matches(rule):
                continue
            if rule.get("skip", 0) > 0:
                rule["skip"] -= 1
                continue
            rule["times"] = rule.get("times", 1) - 1
            if rule["times"] <= 0:
                rules.remove(rule)
            return rule
    return None


def for_call(label):
    return take(lambda rule: "call" in rule and re.search(rule["call"], label))


def for_resource(verb, resource_type, logical_id, stack_name):
    return take(
        lambda rule: rule.get("resource") in (resource_type, logical_id)
        and rule.get("on", "create") == verb
        and rule.get("stack", stack_name) == stack_name
    )


def seconds_for(resource_type):
    return pace["by_type"].get(resource_type, pace["seconds"])


def replace(new_rules):
    with lock:
        rules[:] = new_rules


def clear():
    replace([])
    pace.update(seconds=0.0, by_type={})
