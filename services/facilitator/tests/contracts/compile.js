// Prints the code of all contracts in a file, by name: node compile.js SOURCE, with solc in NODE_PATH.
const fs = require('node:fs');
const path = require('node:path');
const solc = require('solc');

const file = path.basename(process.argv[2]);
const answer = JSON.parse(solc.compile(JSON.stringify({
  language: 'Solidity',
  sources: { [file]: { content: fs.readFileSync(process.argv[2], 'utf8') } },
  settings: {
    optimizer: { enabled: true, runs: 200 },
    outputSelection: { '*': { '*': ['evm.bytecode.object', 'evm.deployedBytecode.object'] } },
  },
})));
const errors = (answer.errors ?? []).filter((error) => error.severity === 'error');
if (errors.length > 0) {
  process.stderr.write(errors.map((error) => error.formattedMessage).join('\n'));
  process.exit(1);
}
const codes = Object.entries(answer.contracts[file]).map(([name, { evm }]) => [name, {
  create: evm.bytecode.object,
  run: evm.deployedBytecode.object,
}]);
process.stdout.write(JSON.stringify(Object.fromEntries(codes)));
