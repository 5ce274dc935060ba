'use strict';
// A dead-letter queue: peek through the management link, peek-lock through a receiver's link.
const crypto = require('crypto');
const rhea = require('rhea');

const types = rhea.types;
const LOCK_MS = 30000;

class DeadLetterQueue {
  constructor() {
    this.letters = [];
    this.last = 0;
  }

  get depth() {
    return this.letters.length;
  }

  add(id, body, reason) {
    this.last += 1;
    this.letters.push({ sequence: this.last, id, body, reason, at: Date.now(), locked: null });
  }

  from(sequence, count) {
    return this.letters.filter((letter) => letter.sequence >= sequence).slice(0, count);
  }

  hand_out(sender) {
    for (const letter of this.letters) {
      if (!sender.sendable()) return;
      if (letter.locked) continue;
      const tag = crypto.randomBytes(16);
      letter.locked = sender;
      letter.delivery = sender.send(messageOf(letter), tag);
    }
  }

  settle(delivery, outcome, removes) {
    const letter = this.letters.find((each) => each.delivery === delivery);
    if (letter) {
      if (removes) this.letters.splice(this.letters.indexOf(letter), 1);
      // What is given back goes out again to others only: as in a queue whose receiver has its fill.
      else Object.assign(letter, { locked: null, delivery: null });
    }
    delivery.update(true, rhea.message[outcome]().described());
  }

  unlock(sender) {
    for (const letter of this.letters) {
      if (letter.locked === sender) Object.assign(letter, { locked: null, delivery: null });
    }
  }
}

function messageOf({ sequence, id, body, reason, at }) {
  return {
    message_id: id,
    content_type: 'application/json',
    body: rhea.message.data_section(body),
    delivery_count: 1,
    application_properties: { DeadLetterReason: reason, DeadLetterErrorDescription: '' },
    message_annotations: {
      'x-opt-sequence-number': types.wrap_long(sequence),
      'x-opt-enqueued-time': types.wrap_timestamp(at),
      'x-opt-locked-until': types.wrap_timestamp(Date.now() + LOCK_MS),
    },
  };
}

function manage(letters, request) {
  const operation = request.application_properties.operation;
  if (operation !== 'com.microsoft:peek-message') return reply(request, 501, null);
  const found = letters.from(Number(request.body['from-sequence-number']), Number(request.body['message-count']));
  if (!found.length) return reply(request, 204, null);
  const messages = found.map((letter) => types.wrap_map({ message: types.wrap_binary(rhea.message.encode(messageOf(letter))) }));
  return reply(request, 200, types.wrap_map({ messages: types.wrap_list(messages) }));
}

const reply = (request, status, body) => ({
  correlation_id: request.message_id,
  application_properties: { statusCode: types.wrap_int(status), statusDescription: 'OK' },
  body,
});

module.exports = { DeadLetterQueue, manage };
