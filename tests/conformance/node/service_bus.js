// What @azure/service-bus sees of a broker: reads a connection string from stdin, prints what each step came to as JSON.

const { ServiceBusClient } = require("@azure/service-bus");

const WAIT = { maxWaitTimeInMs: 5000 };
const steps = {};

async function code(promise) {
  try {
    await promise;
    return "done";
  } catch (error) {
    return error.code ?? error.message;
  }
}

async function all(iterator) {
  const items = [];
  for await (const item of iterator) items.push(item);
  return items;
}

const texts = (messages) => messages.map((message) => message.body);

steps.sent = async (client) => {
  const sender = client.createSender("q");
  const receiver = client.createReceiver("q");
  const properties = { text: "ü", number: 7, truth: true };
  const sent = { messageId: "m", subject: "s", contentType: "c", applicationProperties: properties };
  await sender.sendMessages({ body: { json: [1] }, ...sent });
  const batch = await sender.createMessageBatch();
  batch.tryAddMessage({ body: "b1" });
  batch.tryAddMessage({ body: "b2" });
  await sender.sendMessages(batch);
  await sender.sendMessages({ body: "x".repeat(200000) });
  const received = await receiver.receiveMessages(4, WAIT);
  const [first] = received;
  for (const message of received) await receiver.completeMessage(message);
  return {
    first: [first.body, first.messageId, first.subject, first.contentType],
    properties: first.applicationProperties,
    counts: received.map((message) => message.deliveryCount),
    others: [...texts(received.slice(1, 3)), received[3].body.length],
    left: texts(await receiver.peekMessages(9)),
  };
};

steps.settled = async (client) => {
  const sender = client.createSender("q");
  const receiver = client.createReceiver("q");
  await sender.sendMessages(["abandoned", "deferred", "dead"].map((body) => ({ body })));
  const [abandoned, deferred, dead] = await receiver.receiveMessages(3, WAIT);
  const until = await receiver.renewMessageLock(abandoned);
  await receiver.abandonMessage(abandoned, { tried: 1 });
  await receiver.deferMessage(deferred);
  await receiver.deadLetterMessage(dead, {
    deadLetterReason: "worn",
    deadLetterErrorDescription: "too old",
  });
  const [again] = await receiver.receiveMessages(1, WAIT);
  await receiver.completeMessage(again);
  const [byNumber] = await receiver.receiveDeferredMessages(deferred.sequenceNumber);
  await receiver.completeMessage(byNumber);
  const letters = client.createReceiver("q", { subQueueType: "deadLetter" });
  const [letter] = await letters.receiveMessages(1, WAIT);
  await letters.completeMessage(letter);
  return {
    isRenewed: until > new Date(),
    again: [again.body, again.deliveryCount, again.applicationProperties],
    byNumber: [byNumber.body, byNumber.state],
    letter: [letter.deadLetterReason, letter.deadLetterErrorDescription, letter.deadLetterSource],
    lost: await code(receiver.renewMessageLock({ ...again, lockToken: again.lockToken })),
    missing: await code(receiver.receiveDeferredMessages(deferred.sequenceNumber)),
  };
};

steps.deleted = async (client) => {
  await client.createSender("q").sendMessages([{ body: "a" }, { body: "b" }]);
  const receiver = client.createReceiver("q", { receiveMode: "receiveAndDelete" });
  const received = await receiver.receiveMessages(2, WAIT);
  return { received: texts(received), left: texts(await receiver.peekMessages(9)) };
};

steps.scheduled = async (client) => {
  const sender = client.createSender("q");
  const receiver = client.createReceiver("q");
  const due = new Date(Date.now() + 700);
  const numbers = await sender.scheduleMessages([{ body: "later" }, { body: "never" }], due);
  const peeked = await receiver.peekMessages(9);
  await sender.cancelScheduledMessages(numbers[1]);
  const [received] = await receiver.receiveMessages(1, WAIT);
  await receiver.completeMessage(received);
  return {
    peeked: peeked.map((message) => [message.body, message.state]),
    received: received.body,
    isDue: Date.now() >= due.getTime(),
    again: await code(sender.cancelScheduledMessages(numbers[1])),
  };
};

steps.subscribed = async (client) => {
  await client.createSender("t").sendMessages([{ body: "a" }, { body: "b" }]);
  const receiver = client.createReceiver("t", "s");
  const seen = [];
  await new Promise((resolve, reject) => {
    const processMessage = async (message) => {
      seen.push(message.body);
      if (seen.length === 2) setTimeout(resolve, 100);
    };
    receiver.subscribe({ processMessage, processError: async ({ error }) => reject(error) });
  });
  await receiver.close();
  return { seen, left: texts(await client.createReceiver("t", "s").peekMessages(9)) };
};

steps.sessions = async (client) => {
  const sender = client.createSender("ordered");
  await sender.sendMessages(["a", "b"].map((body) => ({ body, sessionId: "one" })));
  const receiver = await client.acceptNextSession("ordered");
  const received = await receiver.receiveMessages(2, WAIT);
  const before = await receiver.getSessionState();
  await receiver.setSessionState({ at: 1 });
  const after = await receiver.getSessionState();
  const until = await receiver.renewSessionLock();
  const locked = await code(client.acceptSession("ordered", "one"));
  await receiver.completeMessage(received[0]);
  await receiver.deferMessage(received[1]);
  const [deferred] = await receiver.receiveDeferredMessages(received[1].sequenceNumber);
  await receiver.completeMessage(deferred);
  const id = receiver.sessionId;
  await receiver.close();
  await (await client.acceptSession("ordered", "one")).close();
  return {
    id,
    received: texts(received),
    states: [before, after],
    isRenewed: until > new Date() && receiver.sessionLockedUntilUtc > new Date(),
    locked,
    without: await code(sender.sendMessages({ body: "c" })),
  };
};

steps.rules = async (client) => {
  const rules = client.createRuleManager("t", "ruled");
  const correlation = { subject: "s", applicationProperties: { p: 1, q: "x" } };
  await rules.createRule("sql", { sqlExpression: "a = 1" });
  await rules.createRule("correlation", correlation);
  const bad = await code(rules.createRule("bad", { sqlExpression: "a = =" }));
  const twice = await code(rules.createRule("sql", { sqlExpression: "a = 1" }));
  await rules.deleteRule("$Default");
  const missing = await code(rules.deleteRule("$Default"));
  const kept = (await all(rules.listRules())).map(({ name, filter }) => [
    name,
    filter.sqlExpression ?? [filter.subject, filter.applicationProperties],
  ]);
  return { bad, twice, missing, kept };
};

steps.refused = async (client, connectionString) => {
  const stranger = new ServiceBusClient(connectionString.replace("SharedAccessKey=", "$&x"), {
    retryOptions: { maxRetries: 0 },
  });
  const key = await code(stranger.createSender("q").sendMessages({ body: 1 }));
  await stranger.close();
  return {
    key,
    unknown: [
      await code(client.createSender("nowhere").sendMessages({ body: 1 })),
      await code(client.createReceiver("nowhere").receiveMessages(1, { maxWaitTimeInMs: 100 })),
    ],
    oversize: await code(client.createSender("q").sendMessages({ body: Buffer.alloc(300000) })),
  };
};

async function main() {
  const connectionString = require("fs").readFileSync(0, "utf8").trim();
  const client = new ServiceBusClient(connectionString, { retryOptions: { maxRetries: 0 } });
  const results = {};
  for (const [name, step] of Object.entries(steps)) {
    try {
      results[name] = await step(client, connectionString);
    } catch (error) {
      results[name] = { failed: String(error.stack ?? error) };
    }
  }
  await client.close();
  console.log(JSON.stringify(results));
}

main();
