// Drives the Node clients of the retired Azure Scheduler for tests that are written in Python: reads JSON lines from
// stdin and answers each with one. `{"open": NAME, "client": KIND, ...}` makes a client, `{"methods": NAME}` lists what
// it offers, `{"call": NAME, "method": "jobs.get", "arguments": [...]}` calls it. `{"$date": INSTANT}` and
// `{"$duration": ISO}` in an argument stand for what JSON has no word for.
'use strict';

const readline = require('readline');
const moment = require('moment');
const { CertificateCloudCredentials } = require('azure-common');
const { TokenCredentials } = require('ms-rest');
const classicContainers = require('azure-asm-scheduler');
const classicJobs = require('azure-scheduler');
const ArmClient = require('azure-arm-scheduler');

// These two hand out a request that is not sent before the caller ends it.
const LEFT_OPEN = new Set(['registerResourceProvider', 'unregisterResourceProvider']);
// What every client inherits from its toolkit, and calls itself.
const OF_THE_TOOLKIT = new Set([
  'constructor', 'pipeline', 'withFilter', 'serialize', 'serializeObject', 'deserialize', 'addFilter', 'sendRequest',
  'sendRequestWithHttpOperationResponse', 'sendLongRunningRequest', 'sendLongRunningRequestWithHttpOperationResponse',
  'getLongRunningOperationResult', 'getPutOrPatchOperationResult', 'getPostOrDeleteOperationResult',
  'addUserAgentInfo', 'getPackageJsonInfo',
]);
const GROUPS = ['jobs', 'jobCollections', 'cloudServices'];

const OPENERS = {
  'azure-asm-scheduler': (given) => classic(classicContainers.createSchedulerManagementClient(identity(given), given.url)),
  'azure-asm-scheduler cloud services': (given) =>
    classic(classicContainers.createCloudServiceManagementClient(identity(given), given.url)),
  'azure-scheduler': (given) =>
    classicJobs.createSchedulerClient(given.cloudService, given.jobCollection, identity(given), given.url),
  'azure-arm-scheduler': (given) =>
    new ArmClient(new TokenCredentials(given.token), given.subscription, given.url, {
      longRunningOperationRetryTimeout: 0,
      noRetryPolicy: true,
    }),
};
// The clients call a name of it that has been spelt otherwise since.
moment.suppressDeprecationWarnings = true;
const clients = new Map();

function identity({ subscription, certificate, key }) {
  return new CertificateCloudCredentials({ subscriptionId: subscription, cert: certificate, key });
}

function classic(client) {
  client.longRunningOperationInitialTimeout = 0;
  client.longRunningOperationRetryTimeout = 0;
  return client;
}

function methodsOf(owner, prefix) {
  const found = new Set();
  for (let each = owner; each && each !== Object.prototype; each = Object.getPrototypeOf(each)) {
    Object.getOwnPropertyNames(each)
      .filter((name) => !name.startsWith('_') && !OF_THE_TOOLKIT.has(name) && typeof owner[name] === 'function')
      .forEach((name) => found.add(prefix + name));
  }
  return [...found];
}

function revive(_, value) {
  if (value && value.$date) return new Date(value.$date);
  if (value && value.$duration) return moment.duration(value.$duration);
  return value;
}

function call({ call: name, method, arguments: given }) {
  const path = method.split('.');
  const last = path.pop();
  const owner = path.reduce((each, part) => each[part], clients.get(name));
  if (owner instanceof Object && last.endsWith('WithHttpOperationResponse')) {
    return owner[last](...given).then((answer) => answer.body);
  }
  return new Promise((resolve, reject) => {
    const stream = owner[last](...given, (error, result) => (error ? reject(error) : resolve(result)));
    if (LEFT_OPEN.has(last)) stream.end();
  });
}

async function answer(request) {
  if (request.open) {
    clients.set(request.open, OPENERS[request.client](request));
    return null;
  }
  if (request.methods) {
    const client = clients.get(request.methods);
    const groups = GROUPS.filter((group) => client[group]);
    return groups.reduce((all, group) => all.concat(methodsOf(client[group], `${group}.`)), methodsOf(client, ''));
  }
  return call(request);
}

readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  let reply;
  try {
    reply = { result: await answer(JSON.parse(line, revive)) };
  } catch (error) {
    reply = {
      error: { type: error.constructor.name, code: error.code, status: error.statusCode, message: error.message },
    };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
});
