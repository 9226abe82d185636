"""Smaller things about single resources.

`Ref` of a secret is its ARN, and what is drawn for it keeps to the characters and the length that are asked for. A function whose
code is not in its bucket fails. A bucket that holds something does not go.

A repository, a role, a log group, a table or a secret whose name is taken fails instead of being adopted, in AWS's words: log
groups as in serverless/serverless#12312, tables and the others as in widdix/mastodon-on-aws#27, secrets as in
crossplane-contrib/provider-upjet-aws#1565. What a change set imports is not created, so this does not touch it.
"""

from ministack.services import cloudwatch_logs, dynamodb, ecr, iam, s3, secretsmanager
from ministack.services.cloudformation import changesets, provisioners

from . import answers

SECRET = "AWS::SecretsManager::Secret"
REPOSITORY = "AWS::ECR::Repository"


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


def require_free_name(resource_type, key, taken, identifier="{name}"):
    def require(properties):
        name = properties.get(key)
        if name and name in taken:
            named = identifier.replace("{name}", name)
            said = f"Resource of type '{resource_type}' with identifier '{named}' already exists."
            raise answers.handler_message(said, "AlreadyExists")

    return require


def require_free_secret(properties):
    name = properties.get("Name")
    if name and name in secretsmanager._secrets:
        said = f"The operation failed because the secret {name} already exists."
        raise answers.failure("SecretsManager", said, "AlreadyExists")


CHECKS_BEFORE_CREATE = {
    "AWS::DynamoDB::Table": require_free_name("AWS::DynamoDB::Table", "TableName", dynamodb._tables),
    "AWS::ECR::Repository": require_free_name("AWS::ECR::Repository", "RepositoryName", ecr._repositories),
    "AWS::IAM::Role": require_free_name("AWS::IAM::Role", "RoleName", iam._roles),
    "AWS::Lambda::Function": require_code,
    "AWS::Logs::LogGroup": require_free_name(
        "AWS::Logs::LogGroup", "LogGroupName", cloudwatch_logs._log_groups, '{"/properties/LogGroupName":"{name}"}'
    ),
    SECRET: require_free_secret,
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


# --- what a change set takes into a stack, beyond the types that MiniStack knows


def import_secret(identifier):
    arn = identifier["Id"]
    secret = secretsmanager._secrets[name_of_secret(arn)]
    return secret["ARN"], {"Id": secret["ARN"], "Arn": secret["ARN"]}


def import_repository(identifier):
    name = identifier["RepositoryName"]
    repository = ecr._repositories[name]
    return name, {"Arn": repository["repositoryArn"], "RepositoryUri": repository["repositoryUri"]}


def missing(resource_type, found):
    def problem(identifier):
        if found(identifier):
            return None
        return changesets._IMPORT_NOT_FOUND.format(type=resource_type, value=identifier)

    return problem


def know_imports(handlers):
    """A secret is known by its ARN, so it is only found by a change set that names it (cloudformation-coverage-roadmap#2375)."""
    handlers[SECRET] = handlers[SECRET] | {"import": import_secret}
    handlers[REPOSITORY] = handlers[REPOSITORY] | {"import": import_repository}
    changesets._IMPORT_LOOKUPS[SECRET] = (
        ("Id",),
        missing(SECRET, lambda arn: name_of_secret(arn) in secretsmanager._secrets),
    )
    changesets._IMPORT_LOOKUPS[REPOSITORY] = (
        ("RepositoryName",),
        missing(REPOSITORY, lambda name: name in ecr._repositories),
    )


def install():
    handlers = provisioners._RESOURCE_HANDLERS
    handlers["AWS::S3::Bucket"] = guarded(handlers["AWS::S3::Bucket"])
    provisioners._sm_secret_string = drawn_as_asked(provisioners._sm_secret_string)
    handlers[SECRET] = secret_by_arn(handlers[SECRET])
    know_imports(handlers)
    for name, check in CHECKS_BEFORE_CREATE.items():
        handlers[name] = checked(handlers[name], check, CHECKS_BEFORE_UPDATE.get(name, lambda _: None))
