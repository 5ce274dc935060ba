'use strict';
// The sending side of Azure Service Bus: claims-based security, batches, queues that detect duplicates.
// Commands and answers are JSON lines on stdin and stdout:
//   {"do": "away"} {"do": "back"} {"do": "refuse"} {"do": "accept"} {"do": "mute"} {"do": "received"}
const readline = require('readline');
const rhea = require('rhea');

const types = rhea.types;
const BATCH_FORMAT = 0x80013700;
const queues = new Map(process.argv.slice(2).map((name) => [name, new Map()]));
const sockets = new Set();
const state = { port: 0, refusing: false, mute: false, server: null };

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
  if (node === '$cbs') return;
  if (!connection.claims) refuse(receiver, 'amqp:unauthorized-access', "'Send' claim(s) are required");
  else if (!queues.has(node)) refuse(receiver, 'amqp:not-found', `The messaging entity '${node}' could not be found.`);
});

container.on('sender_open', ({ connection, sender }) => {
  sender.set_source({ address: nodeOf(sender.remote.attach.source.address) });
  sender.set_target({ address: 'client' });
  connection.claimReplies = sender;
});

container.on('message', (context) => {
  if (context.receiver.node === '$cbs') answerClaim(context);
  else take(context);
});

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

const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

const commands = {
  away,
  back: listen,
  refuse: () => { state.refusing = true; say({}); },
  mute: () => { state.mute = true; say({}); },
  accept: () => { state.refusing = state.mute = false; say({}); },
  received: () => say(received()),
};

for (const event of ['connection_error', 'session_error', 'receiver_error', 'sender_error', 'protocol_error', 'error', 'disconnected']) {
  container.on(event, () => {});
}
readline.createInterface({ input: process.stdin })
  .on('line', (line) => commands[JSON.parse(line).do]())
  .on('close', () => process.exit(0));
listen();
