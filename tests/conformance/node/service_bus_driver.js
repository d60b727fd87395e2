// Drives @azure/service-bus for tests that are written in Python: reads JSON lines from stdin and answers each with one.
// `{"open": NAME, "connection": ...}` makes a client, `{"call": NAME, "method": "completeMessage", "arguments": [...]}`
// calls it. What JSON has no word for is an object: `{"$kept": NAME}` is an object that stays here (what is received has
// its fields beside the name), `{"$date": INSTANT}`, `{"$bytes": BASE64}` and `{"$long": DIGITS}` are values, `{"$error":
// {...}}` is what was told of, not thrown.
'use strict';

const readline = require('readline');
const Long = require('long');
const { ServiceBusClient } = require('@azure/service-bus');

// A test wants the first answer.
const OPTIONS = { retryOptions: { maxRetries: 0 } };
const RECEIVED = [
  'body', 'messageId', 'sessionId', 'subject', 'contentType', 'correlationId', 'to', 'replyTo', 'timeToLive',
  'applicationProperties', 'scheduledEnqueueTimeUtc', 'sequenceNumber', 'enqueuedTimeUtc', 'expiresAtUtc',
  'lockedUntilUtc', 'lockToken', 'deliveryCount', 'deadLetterReason', 'deadLetterErrorDescription', 'state',
];
const kept = new Map();
const clients = [];

function keep(value) {
  const name = `kept ${kept.size}`;
  kept.set(name, value);
  return name;
}

function shownObject(value, fields) {
  const present = fields.filter((field) => value[field] !== undefined).map((field) => [field, shown(value[field])]);
  return { ...Object.fromEntries(present), $kept: keep(value) };
}

function told(error) {
  return { type: error.constructor.name, code: error.code, message: error.message };
}

function shown(value) {
  if (value instanceof Date) return { $date: value.toISOString() };
  if (Buffer.isBuffer(value)) return { $bytes: value.toString('base64') };
  if (Long.isLong(value)) return { $long: value.toString() };
  if (value instanceof Error) return { $error: told(value) };
  if (Array.isArray(value)) return value.map(shown);
  if (value === null || typeof value !== 'object') return value;
  if ('_rawAmqpMessage' in value) return shownObject(value, RECEIVED);
  if (Object.getPrototypeOf(value) !== Object.prototype) return shownObject(value, ['sessionId']);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shown(member)]));
}

function revive(_, value) {
  if (!(value instanceof Object)) return value;
  if (value.$kept) return kept.get(value.$kept);
  if (value.$date) return new Date(value.$date);
  if (value.$bytes !== undefined) return Buffer.from(value.$bytes, 'base64');
  if (value.$long) return Long.fromString(value.$long);
  return value;
}

// Keeps what a receiver's handlers are told of, until a test asks for it.
class Streaming {
  constructor(receiver, options) {
    this.told = [];
    this.waiting = [];
    const tell = async (item) => {
      this.told.push(item);
      this.waiting.splice(0).forEach((look) => look());
    };
    const handlers = { processMessage: tell, processError: ({ error }) => tell(error) };
    this.running = receiver.subscribe(handlers, options);
  }

  async first(count) {
    while (this.told.length < count) await new Promise((resolve) => this.waiting.push(resolve));
    return this.told;
  }

  close() {
    return this.running.close();
  }
}

const OURS = {
  subscribe: (receiver, options) => new Streaming(receiver, options),
  listRules: async (rules) => {
    const found = [];
    for await (const rule of rules.listRules()) found.push(rule);
    return found;
  },
};

async function answer(request) {
  if (request.open) {
    const client = new ServiceBusClient(request.connection, OPTIONS);
    clients.push(client);
    kept.set(request.open, client);
    return null;
  }
  const owner = kept.get(request.call);
  const { method, arguments: given } = request;
  return OURS[method] ? OURS[method](owner, ...given) : owner[method](...given);
}

const lines = readline.createInterface({ input: process.stdin });
lines.on('close', () => Promise.all(clients.map((client) => client.close())));
lines.on('line', async (line) => {
  let reply;
  try {
    reply = { result: shown(await answer(JSON.parse(line, revive))) };
  } catch (error) {
    reply = { error: told(error) };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
});
