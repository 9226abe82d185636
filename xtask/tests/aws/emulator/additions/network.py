"""AWS::EC2::SecurityGroupIngress and SecurityGroupEgress, a rule that stands beside its group; and what `GetAtt` knows of a VPC."""

from ministack.core.responses import new_uuid
from ministack.services import ec2
from ministack.services.cloudformation import provisioners

from . import answers

# The type, and where the group keeps such rules.
DIRECTIONS = {
    "AWS::EC2::SecurityGroupIngress": "IpPermissions",
    "AWS::EC2::SecurityGroupEgress": "IpPermissionsEgress",
}


def handlers(list_name):
    def rules_of(properties):
        group_id = properties.get("GroupId", "")
        group = ec2._security_groups.get(group_id)
        if group is None:
            raise answers.failure("Ec2", f"The security group '{group_id}' does not exist", "NotFound")
        return group.setdefault(list_name, [])

    def rule_of(properties):
        for name in ("SourceSecurityGroupId", "DestinationSecurityGroupId"):
            other = properties.get(name)
            if other and other not in ec2._security_groups:
                raise answers.failure("Ec2", f"The security group '{other}' does not exist", "NotFound")
        return provisioners._ec2_sg_permissions([properties])[0]

    def create(_logical_id, properties, _stack_name):
        rules_of(properties).append(rule_of(properties))
        rule_id = f"sgr-{new_uuid().replace('-', '')[:17]}"
        return rule_id, {"Id": rule_id}

    def delete(_rule_id, properties):
        group = ec2._security_groups.get(properties.get("GroupId", ""))
        rule = provisioners._ec2_sg_permissions([properties])[0]
        if group and rule in group.get(list_name, []):
            group[list_name].remove(rule)

    def update(rule_id, old, new, _stack_name):
        delete(rule_id, old)
        rules_of(new).append(rule_of(new))
        return rule_id, {"Id": rule_id}

    return {"create": create, "update": update, "delete": delete}


def block_of(vpc_id, _attributes):
    return {"CidrBlock": ec2._vpcs[vpc_id]["CidrBlock"]}


def install():
    known = provisioners._RESOURCE_HANDLERS
    known["AWS::EC2::VPC"] = answers.with_attributes(known["AWS::EC2::VPC"], block_of)
    for name, list_name in DIRECTIONS.items():
        known[name] = handlers(list_name)
