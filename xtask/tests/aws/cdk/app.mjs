// The same stacks as an app of the AWS CDK: our rendered templates, with links as references between stacks. What a deploy of ours
// packs and pushes, images and code, is given to it in PARAMETERS.
import { readFileSync } from 'node:fs';
import { App, Fn, LegacyStackSynthesizer, Stack } from 'aws-cdk-lib';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';

const { RENDERED, PARAMETERS } = process.env;
const given = JSON.parse(PARAMETERS);
const plan = JSON.parse(readFileSync(`${RENDERED}/plan.json`, 'utf8'));
const app = new App();
const env = { account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION };
const stacks = {};
const included = {};

for (const { name, owner, parameters } of plan.stacks.filter(({ owner }) => owner !== 'artifacts')) {
  // The synthesizer that needs no bootstrap stack: it uploads nothing, and deploys with the caller's own credentials.
  const stack = new Stack(app, name, { env, synthesizer: new LegacyStackSynthesizer() });
  stacks[owner] = stack;
  const value = ({ parameter, source }) => {
    if (!source.output) return given[owner][parameter];
    const producer = included[source.output.owner];
    const output = producer.getOutput(source.output.key);
    output.exportName ??= `${producer.stack.stackName}-${source.output.key}`;
    stacks[owner].addStackDependency(producer.stack);
    const imported = Fn.importValue(output.exportName);
    return parameter === 'SubnetIds' ? Fn.split(',', imported) : imported;
  };
  included[owner] = new CfnInclude(stack, 'Template', {
    templateFile: `${RENDERED}/${owner}.yaml`,
    parameters: Object.fromEntries(parameters.map((one) => [one.parameter, value(one)])),
  });
}
app.synth();
