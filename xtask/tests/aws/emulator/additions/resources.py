"""Smaller things about single resources.

`Ref` of a secret is its ARN, and what is drawn for it keeps to the characters and the length that are asked for. A function whose
code is not in its bucket fails. A repository or a role whose name is taken fails instead of being adopted, and a bucket that holds
something does not go.
"""

from ministack.services import ecr, iam, s3, secretsmanager
from ministack.services.cloudformation import provisioners

from . import answers

SECRET = "AWS::SecretsManager::Secret"


def name_of_secret(arn):
    for name, secret in secretsmanager._secrets.items():
        if secret["ARN"] == arn:
            return name
    return arn


def secret_by_arn(handler):
    def arn_first(answer):
        name, attributes = answer
        return secretsmanager._secrets[name]["ARN"], attributes

    return handler | {
        "create": lambda *arguments: arn_first(handler["create"](*arguments)),
        "update": lambda arn, *arguments: arn_first(handler["update"](name_of_secret(arn), *arguments)),
        "delete": lambda arn, properties: handler["delete"](name_of_secret(arn), properties),
    }


def drawn_as_asked(secret_string):
    """MiniStack's own template handler knows of two of the wishes, its GetRandomPassword of all."""

    def drawn(properties):
        wishes = properties.get("GenerateSecretString")
        if not wishes or properties.get("SecretString") or wishes.get("SecretStringTemplate"):
            return secret_string(properties)
        return answers.value_of("SecretsManager", secretsmanager._get_random_password(wishes))["RandomPassword"]

    return drawn


def require_code(properties):
    code = properties.get("Code") or {}
    if code.get("S3Key") and s3._get_object_data(code.get("S3Bucket"), code["S3Key"]) is None:
        said = (
            "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist."
        )
        raise answers.failure("Lambda", said, "InvalidRequest")


def require_free_repository(properties):
    name = properties.get("RepositoryName")
    if name in ecr._repositories:
        said = f"Resource of type 'AWS::ECR::Repository' with identifier '{name}' already exists."
        raise answers.handler_message(said, "AlreadyExists")


def require_free_role(properties):
    name = properties.get("RoleName")
    if name and name in iam._roles:
        said = f"Resource of type 'AWS::IAM::Role' with identifier '{name}' already exists."
        raise answers.handler_message(said, "AlreadyExists")


CHECKS_BEFORE_CREATE = {
    "AWS::ECR::Repository": require_free_repository,
    "AWS::IAM::Role": require_free_role,
    "AWS::Lambda::Function": require_code,
}
CHECKS_BEFORE_UPDATE = {"AWS::Lambda::Function": require_code}


def require_empty_bucket(name):
    bucket = s3._buckets.get(name)
    if bucket and (bucket["objects"] or s3._bucket_has_versions(name)):
        said = "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
        raise answers.failure("S3", said, "GeneralServiceException")


def guarded(handler):
    def delete(name, properties):
        require_empty_bucket(name)
        return handler["delete"](name, properties)

    return handler | {"delete": delete}


def checked(handler, at_creation, at_update):
    def create(logical_id, properties, stack_name):
        at_creation(properties)
        return handler["create"](logical_id, properties, stack_name)

    def update(physical_id, old, new, *rest):
        at_update(new)
        return handler["update"](physical_id, old, new, *rest)

    return handler | {"create": create} | ({"update": update} if "update" in handler else {})


def install():
    handlers = provisioners._RESOURCE_HANDLERS
    handlers["AWS::S3::Bucket"] = guarded(handlers["AWS::S3::Bucket"])
    provisioners._sm_secret_string = drawn_as_asked(provisioners._sm_secret_string)
    handlers[SECRET] = secret_by_arn(handlers[SECRET])
    for name, check in CHECKS_BEFORE_CREATE.items():
        handlers[name] = checked(handlers[name], check, CHECKS_BEFORE_UPDATE.get(name, lambda _: None))
