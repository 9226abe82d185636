// Which permissions a request needs: the actions, each with the resource and the condition keys that AWS looks at.
//
// AWS's Service Authorization Reference says which action an operation asks for where the two have different names; where they have
// the same name, and one parameter names the resource, a row is enough. An operation without a row is an error, not a guess.

const arn = (where, service, rest) => `arn:aws:${service}:${where.region}:${where.account}:${rest}`

const stack = (where, name) => {
  if (!name) return '*'
  return name.startsWith('arn:') ? name : arn(where, 'cloudformation', `stack/${name}/00000000-0000-0000-0000-000000000000`)
}
const bucket = (_where, name) => `arn:aws:s3:::${name}`
const repository = (where, name) => arn(where, 'ecr', `repository/${name}`)
const logGroup = (where, name) => (name.startsWith('arn:') ? name : arn(where, 'logs', `log-group:${name}`))
const table = (where, name) => (name.startsWith('arn:') ? name : arn(where, 'dynamodb', `table/${name}`))
// The end of a secret's ARN is drawn by AWS.
const secret = (where, name) => (name.startsWith('arn:') ? name : arn(where, 'secretsmanager', `secret:${name}-AbCdEf`))
const runtime = (where, id) => (id.startsWith('arn:') ? id : arn(where, 'bedrock-agentcore', `runtime/${id}`))
const last = name => name.split('/').pop()
const ecsService = (where, cluster, name) => (name.startsWith('arn:') ? name : arn(where, 'ecs', `service/${last(cluster)}/${name}`))
const ecsTask = (where, cluster, name) => (name.startsWith('arn:') ? name : arn(where, 'ecs', `task/${last(cluster)}/${name}`))
const ecsCluster = (where, name) => ({ 'ecs:cluster': name.startsWith('arn:') ? name : arn(where, 'ecs', `cluster/${name}`) })

const one = (action, resource, context = {}) => [{ action, resource, context }]
// The action of the operation's own name, on a resource that one parameter names.
const named = (prefix, resource, member) => (where, parameters, operation) =>
  one(`${prefix}:${operation}`, resource ? resource(where, parameters[member]) : '*')

// Without s3:ListBucket, S3 answers 403 instead of 404 for what is not there (API reference of GetObject and HeadObject), and the
// tool goes on by that 404.
const readObject = (where, { Bucket, Key, VersionId }) => [
  ...one(VersionId ? 's3:GetObjectVersion' : 's3:GetObject', `${bucket(where, Bucket)}/${Key}`),
  ...one('s3:ListBucket', bucket(where, Bucket))
]
const deleteObject = (where, name, { Key, VersionId }) =>
  one(VersionId ? 's3:DeleteObjectVersion' : 's3:DeleteObject', `${bucket(where, name)}/${Key}`)

// A transaction asks for what its parts would ask for (DynamoDB developer guide, "IAM for DynamoDB transactions").
const PARTS = { Put: 'PutItem', Delete: 'DeleteItem', Update: 'UpdateItem', ConditionCheck: 'ConditionCheckItem', Get: 'GetItem' }
const transaction = (where, { TransactItems }) =>
  TransactItems.flatMap(item =>
    Object.entries(item).flatMap(([part, { TableName }]) => one(`dynamodb:${PARTS[part]}`, table(where, TableName)))
  )

const PROFILE = /^(us|us-gov|eu|apac|au|jp|ca|global)\./
const model = action => (where, { modelId }) => {
  if (modelId.startsWith('arn:')) return one(action, modelId)
  const foundation = `arn:aws:bedrock:${where.region}::foundation-model/${modelId.replace(PROFILE, '')}`
  if (!PROFILE.test(modelId)) return one(action, foundation)
  return [...one(action, arn(where, 'bedrock', `inference-profile/${modelId}`)), ...one(action, foundation)]
}

const cloudformation = named('cloudformation', stack, 'StackName')
const OPERATIONS = {
  cloudformation: new Proxy({}, { get: () => cloudformation }),
  // "No permissions are required": API reference of GetCallerIdentity.
  sts: { GetCallerIdentity: () => [] },
  s3: {
    GetObject: readObject,
    HeadObject: readObject,
    PutObject: (where, { Bucket, Key }) => one('s3:PutObject', `${bucket(where, Bucket)}/${Key}`),
    DeleteObject: (where, parameters) => deleteObject(where, parameters.Bucket, parameters),
    DeleteObjects: (where, { Bucket, Delete }) => Delete.Objects.flatMap(entry => deleteObject(where, Bucket, entry)),
    HeadBucket: (where, { Bucket }) => one('s3:ListBucket', bucket(where, Bucket)),
    ListObjectsV2: (where, { Bucket }) => one('s3:ListBucket', bucket(where, Bucket)),
    ListObjectVersions: (where, { Bucket }) => one('s3:ListBucketVersions', bucket(where, Bucket))
  },
  ecr: {
    GetAuthorizationToken: named('ecr'),
    ListImages: named('ecr', repository, 'repositoryName'),
    DescribeImages: named('ecr', repository, 'repositoryName'),
    BatchDeleteImage: named('ecr', repository, 'repositoryName')
  },
  ecs: {
    DescribeServices: (where, { cluster, services }) =>
      services.flatMap(name => one('ecs:DescribeServices', ecsService(where, cluster, name), ecsCluster(where, cluster))),
    DescribeTasks: (where, { cluster, tasks }) =>
      tasks.flatMap(name => one('ecs:DescribeTasks', ecsTask(where, cluster, name), ecsCluster(where, cluster))),
    DescribeTaskDefinition: named('ecs'),
    ListServices: (where, { cluster }) => one('ecs:ListServices', '*', ecsCluster(where, cluster)),
    ListTasks: (where, { cluster }) => one('ecs:ListTasks', '*', ecsCluster(where, cluster))
  },
  logs: {
    FilterLogEvents: (where, { logGroupName, logGroupIdentifier }) =>
      one('logs:FilterLogEvents', logGroup(where, logGroupName ?? logGroupIdentifier)),
    DescribeLogGroups: named('logs')
  },
  secretsmanager: {
    GetSecretValue: named('secretsmanager', secret, 'SecretId'),
    DescribeSecret: named('secretsmanager', secret, 'SecretId')
  },
  dynamodb: {
    GetItem: named('dynamodb', table, 'TableName'),
    PutItem: named('dynamodb', table, 'TableName'),
    DeleteItem: named('dynamodb', table, 'TableName'),
    UpdateItem: named('dynamodb', table, 'TableName'),
    Query: named('dynamodb', table, 'TableName'),
    Scan: named('dynamodb', table, 'TableName'),
    TransactWriteItems: transaction,
    TransactGetItems: transaction
  },
  // Converse asks for the permission to invoke (API reference of Converse and ConverseStream).
  'bedrock-runtime': {
    Converse: model('bedrock:InvokeModel'),
    ConverseStream: model('bedrock:InvokeModelWithResponseStream')
  },
  // Both the runtime and the endpoint are looked at.
  'bedrock-agentcore': {
    InvokeAgentRuntime: (where, { agentRuntimeArn, qualifier = 'DEFAULT' }) => [
      ...one('bedrock-agentcore:InvokeAgentRuntime', runtime(where, agentRuntimeArn)),
      ...one('bedrock-agentcore:InvokeAgentRuntime', `${runtime(where, agentRuntimeArn)}/runtime-endpoint/${qualifier}`)
    ]
  },
  'bedrock-agentcore-control': {
    GetAgentRuntime: named('bedrock-agentcore', runtime, 'agentRuntimeId'),
    GetAgentRuntimeEndpoint: (where, { agentRuntimeId, endpointName }) => [
      ...one('bedrock-agentcore:GetAgentRuntimeEndpoint', runtime(where, agentRuntimeId)),
      ...one('bedrock-agentcore:GetAgentRuntimeEndpoint', `${runtime(where, agentRuntimeId)}/runtime-endpoint/${endpointName}`)
    ],
    ListAgentRuntimes: named('bedrock-agentcore')
  },
  // A Function URL asks for both (Lambda developer guide, "Control access to Lambda function URLs").
  lambda: {
    InvokeFunctionUrl: (_where, { FunctionArn }) => [
      ...one('lambda:InvokeFunctionUrl', FunctionArn, { 'lambda:FunctionUrlAuthType': 'AWS_IAM' }),
      ...one('lambda:InvokeFunction', FunctionArn, { 'lambda:InvokedViaFunctionUrl': 'true' })
    ]
  }
}

// A push speaks the registry's own protocol. ECR user guide, "Required IAM permissions for pushing an image".
const PUSH = [
  [/^HEAD \/v2\/(.+)\/blobs\//, ['ecr:BatchCheckLayerAvailability', 'ecr:GetDownloadUrlForLayer']],
  [/^POST \/v2\/(.+)\/blobs\/uploads\/?$/, ['ecr:InitiateLayerUpload']],
  [/^PATCH \/v2\/(.+)\/blobs\/uploads\//, ['ecr:UploadLayerPart']],
  [/^PUT \/v2\/(.+)\/blobs\/uploads\//, ['ecr:UploadLayerPart', 'ecr:CompleteLayerUpload']],
  [/^(?:HEAD|GET) \/v2\/(.+)\/manifests\//, ['ecr:BatchGetImage']],
  [/^PUT \/v2\/(.+)\/manifests\//, ['ecr:PutImage']]
]

function needed(where, request) {
  if (request.service === 'registry') {
    const row = PUSH.find(([path]) => path.test(request.operation))
    if (!row) return []
    return row[1].flatMap(action => one(action, repository(where, request.operation.match(row[0])[1])))
  }
  const operation = OPERATIONS[request.service]?.[request.operation]
  if (!operation) throw new Error(`actions.cjs has no row for ${request.service}:${request.operation}`)
  return operation(where, request.parameters, request.operation)
}

module.exports = { needed }
