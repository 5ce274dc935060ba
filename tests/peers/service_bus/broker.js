'use strict';
// Azure Service Bus: claims-based security, batches, queues that detect duplicates, and their dead-letter queues.
// Commands and answers are JSON lines on stdin and stdout:
//   {"do": "away"} {"do": "back"} {"do": "refuse"} {"do": "accept"} {"do": "mute"} {"do": "received"}
//   {"do": "dead_letter", "queue": …, "id": …, "reason": …} makes a dead letter whose body is its id
//   {"do": "dead", "queue": …} tells how many there are
//   {"do": "lose"} takes settlements and does not carry them out
const readline = require('readline');
const rhea = require('rhea');
const { DeadLetterQueue, manage } = require('./dead_letters.js');

const types = rhea.types;
const BATCH_FORMAT = 0x80013700;
const queues = new Map(process.argv.slice(2).map((name) => [name, new Map()]));
const dead = new Map([...queues.keys()].map((name) => [name, new DeadLetterQueue()]));
const sockets = new Set();
const state = { port: 0, refusing: false, mute: false, losing: false, server: null };

const container = rhea.create_container({ id: 'service-bus-peer', autoaccept: false });
container.sasl_server_mechanisms.enable_anonymous();
container.sasl_server_mechanisms.MSSBCBS = () => ({ outcome: undefined, start() { this.outcome = true; } });

const nodeOf = (address) => (address || '').replace(/^amqps?:\/\/[^/]+\//, '').replace(/^\//, '');

function refuse(link, condition, description) {
  link.local.attach.target = undefined;
  link.close({ condition, description });
}

container.on('receiver_open', ({ connection, receiver }) => {
  const node = nodeOf(receiver.remote.attach.target && receiver.remote.attach.target.address);
  receiver.node = node;
  receiver.set_target({ address: node });
  receiver.set_source({ address: 'client' });
  if (node === '$cbs' || node.endsWith('/$management')) return;
  if (!connection.claims) refuse(receiver, 'amqp:unauthorized-access', "'Send' claim(s) are required");
  else if (!queues.has(node)) refuse(receiver, 'amqp:not-found', `The messaging entity '${node}' could not be found.`);
});

container.on('sender_open', ({ connection, sender }) => {
  const node = nodeOf(sender.remote.attach.source.address);
  sender.set_source({ address: node });
  sender.set_target({ address: 'client' });
  if (node === '$cbs') connection.claimReplies = sender;
  else if (node.endsWith('/$management')) sender.manages = true;
  else sender.letters = deadLettersOf(node);
  if (sender.manages) connection.managementReplies = sender;
});

container.on('sender_flow', ({ sender }) => sender.letters && sender.letters.hand_out(sender));
container.on('sender_close', ({ sender }) => sender.letters && sender.letters.unlock(sender));
for (const outcome of ['accepted', 'released', 'modified', 'rejected']) {
  container.on(outcome, ({ sender, delivery }) => {
    if (sender.letters) sender.letters.settle(delivery, outcome, outcome === 'accepted' && !state.losing);
  });
}

container.on('message', (context) => {
  if (context.receiver.node === '$cbs') answerClaim(context);
  else if (context.receiver.node.endsWith('/$management')) answerManagement(context);
  else take(context);
});

const deadLettersOf = (node) => dead.get(node.split('/')[0]);

function answerManagement({ connection, delivery, message, receiver }) {
  delivery.accept();
  connection.managementReplies.send(manage(deadLettersOf(receiver.node), message));
}

function answerClaim({ connection, delivery, message }) {
  delivery.accept();
  const valid = /^SharedAccessSignature /.test(message.body);
  connection.claims = valid;
  connection.claimReplies.send({
    correlation_id: message.message_id,
    application_properties: {
      'status-code': types.wrap_int(valid ? 202 : 401),
      'status-description': valid ? 'Accepted' : 'InvalidSignature',
    },
    body: null,
  });
}

function take({ delivery, message, receiver }) {
  if (state.mute) return;
  if (state.refusing) {
    delivery.reject({ condition: 'amqp:resource-limit-exceeded', description: 'The queue is full.', info: {} });
    return;
  }
  for (const part of unpack(delivery, message)) store(queues.get(receiver.node), part);
  delivery.accept();
}

// rhea leaves a message of a foreign format undecoded; a batch's data sections are whole messages.
function unpack(delivery, message) {
  if (delivery.format !== BATCH_FORMAT) return [message];
  return contents(rhea.message.decode(message).body).map((part) => rhea.message.decode(part));
}

const contents = (section) => (section.multiple ? section.content : [section.content]);

function store(queue, message) {
  if (queue.has(message.message_id)) return;
  queue.set(message.message_id, {
    body: Buffer.concat(contents(message.body)).toString('base64'),
    content_type: message.content_type,
  });
}

function listen() {
  const server = container.listen({ port: state.port, host: '127.0.0.1' });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('listening', () => {
    state.port = server.address().port;
    say({ port: state.port });
  });
  state.server = server;
}

function away() {
  state.server.close();
  for (const socket of sockets) socket.destroy();
  say({});
}

function received() {
  const answer = {};
  for (const [name, messages] of queues) answer[name] = Object.fromEntries(messages);
  return answer;
}

function dead_letter({ queue, id, reason }) {
  dead.get(queue).add(id, Buffer.from(id), reason);
  say({});
}

const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

const commands = {
  away,
  back: listen,
  refuse: () => { state.refusing = true; say({}); },
  mute: () => { state.mute = true; say({}); },
  lose: () => { state.losing = true; say({}); },
  accept: () => { state.refusing = state.mute = state.losing = false; say({}); },
  dead_letter,
  dead: ({ queue }) => say({ depth: dead.get(queue).depth }),
  received: () => say(received()),
};

for (const event of ['connection_error', 'session_error', 'receiver_error', 'sender_error', 'protocol_error', 'error', 'disconnected']) {
  container.on(event, () => {});
}
readline.createInterface({ input: process.stdin })
  .on('line', (line) => { const command = JSON.parse(line); commands[command.do](command); })
  .on('close', () => process.exit(0));
listen();
