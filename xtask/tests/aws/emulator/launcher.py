#!/usr/bin/env python3
"""Starts MiniStack with what this project's templates need beyond it.

MiniStack 1.5.33 emulates the AWS APIs in one process behind one port. Each module of `additions` adds one thing to it: the two
AgentCore types, the missing half of two security groups, addresses that answer, services that are waited for, containers with an
identity and no more rights than they ask for, a model that calls tools, events that read like CloudFormation's, and faults on
demand. What they change is named in their first lines, so that a newer MiniStack can make them unnecessary one by one.

    BIND_HOST=127.0.0.1 GATEWAY_PORT=4566 MINISTACK_REGION=eu-west-1 TMPDIR=... HOME=... DOCKER_HOST=... python launcher.py

`GET /_ministack/health` answers once it is up, and `POST /_ministack/reset` empties it. `additions/control.py` describes the
calls under `/_turnpike/`.
"""

import os

# Before the import, because MiniStack reads them while it is imported.
os.environ.setdefault("BIND_HOST", "127.0.0.1")
os.environ.setdefault("GATEWAY_PORT", "4566")
os.environ.setdefault("IOT_MTLS_ENABLED", "0")
os.environ.setdefault("SFTP_ENABLED", "0")

import ministack.app  # noqa: E402

from additions import (  # noqa: E402
    addresses,
    agentcore,
    containers,
    control,
    identity,
    images,
    model,
    network,
    operations,
    requests,
    resources,
    sandbox,
    stack_events,
)


def main():
    images.install()
    agentcore.install()
    network.install()
    containers.install()
    addresses.install()
    identity.install()
    sandbox.install()
    model.install()
    requests.install()
    resources.install()
    operations.install()
    # The last two wrap what the others have put in place.
    stack_events.install()
    control.install(ministack.app)
    ministack.app.main()


if __name__ == "__main__":
    main()
