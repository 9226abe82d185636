"""An account that has never used ECS or AgentCore, if a test asks for one.

Both make a role for themselves when they are first used, and fail at that. The texts are those of AWS:
ECS: aws-cloudformation/cloudformation-coverage-roadmap#818, whose cause is aws/containers-roadmap#2614 (CreateCluster makes the
role and assumes it before IAM has it everywhere). AgentCore: aws-samples/sample-autonomous-cloud-coding-agents#875, in PUBLIC mode
too (aws-samples/generative-ai-use-cases PR 1327).

A role works some seconds after it was first wanted: gravitational/teleport PR 44194 saw ten to twenty, part of which AWS spends
on rolling the stack back.
"""

import time

from . import answers

SECONDS_UNTIL_KNOWN = 8

SAID = {
    "AWS::ECS::Cluster": (
        "Invalid request provided: CreateCluster Invalid Request: Unable to assume the service linked role. "
        "Please verify that the ECS service linked role exists.",
        "InvalidRequest",
    ),
    "AWS::BedrockAgentCore::Runtime": (
        "Limit exceeded for resource of type 'AWS::BedrockAgentCore::Runtime'. Reason: Failed creating service linked role. "
        f"Rate limit exceeded from IAM (Service: BedrockAgentCoreControl, Status Code: 402, Request ID: {answers.NOBODY})",
        "ServiceLimitExceeded",
    ),
}

# When the role of each type works, and none for one that nobody has wanted yet; empty for an account with history.
known_at = {}


def forget_all():
    known_at.update(dict.fromkeys(SAID))


def remember_all():
    known_at.clear()


def before_create(resource_type):
    if resource_type not in known_at:
        return
    if known_at[resource_type] is None:
        known_at[resource_type] = time.monotonic() + SECONDS_UNTIL_KNOWN
    if time.monotonic() < known_at[resource_type]:
        raise answers.handler_message(*SAID[resource_type])
