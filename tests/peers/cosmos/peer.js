'use strict';
// A Cosmos DB account in gateway mode on loopback, over TLS. usage: node peer.js CERTIFICATE KEY TOKEN
// Prints its port. POST /_control takes {"do": "advance", "seconds": 1}, {"do": "fault", ...fault}, {"do": "mend"},
// {"do": "requests"}. A fault: {label?, times?, status?, substatus?, retryAfterMs?, drop?: "before" | "after", hang?}.
const crypto = require('crypto');
const fs = require('fs');
const https = require('https');
const { Answer, lib, readJson, time } = require('./repairs');

const { default: Account } = lib('account/index');
const { default: routes } = lib('routes');

const [certificate, key, token] = process.argv.slice(2);
const state = { account: null, faults: [], requests: [] };

const control = {
  advance: ({ seconds }) => { time.now += seconds; },
  fault: ({ do: _, ...fault }) => { state.faults.push({ times: 1, ...fault }); },
  mend: () => { state.faults = []; state.requests = []; },
  requests: () => state.requests,
};

// "GET", "BATCH", "QUERY", "PATCH", …, and "FEED" for the change feed.
function labelOf(req) {
  if (req.headers['x-ms-cosmos-is-batch-request']) return 'BATCH';
  if (req.headers['content-type'] === 'application/query+json') return 'QUERY';
  if (req.headers['a-im'] && req.url.includes('/docs')) return 'FEED';
  return req.url.includes('/docs') ? req.method : 'META';
}

function faultFor(label) {
  const fault = state.faults.find(({ times, label: wanted = label }) => times > 0 && wanted === label);
  if (fault) fault.times -= 1;
  return fault || {};
}

function authorize(req) {
  const wanted = `type=aad&ver=1.0&sig=${token}`;
  if (decodeURIComponent(req.headers.authorization || '') !== wanted) {
    throw new Answer(401, 'Unauthorized', 'The token is not ours.');
  }
}

async function answer(req, res, fault) {
  if (fault.status) {
    if (fault.retryAfterMs !== undefined) res.setHeader('x-ms-retry-after-ms', String(fault.retryAfterMs));
    throw new Answer(fault.status, 'Injected', 'an injected fault', fault.substatus);
  }
  authorize(req);
  const route = routes(req);
  if (!route) throw new Answer(501, 'NotImplemented', `${req.method} ${req.url}`);
  return route[1](state.account, req, res, route[0]);
}

async function serve(req, res) {
  const label = labelOf(req);
  const fault = faultFor(label);
  state.requests.push(label);
  if (fault.hang) return;
  if (fault.drop === 'before') { req.socket.destroy(); return; }
  let body;
  try {
    body = await answer(req, res, fault);
  } catch (error) {
    if (!(error instanceof Answer)) throw error;
    res.statusCode = error.status;
    res.setHeader('x-ms-substatus', String(error.substatus));
    body = { code: error.code, message: error.message };
  }
  if (fault.drop === 'after') { req.socket.destroy(); return; }
  res.setHeader('x-ms-request-charge', req.method === 'GET' || label === 'QUERY' ? '1' : '6.29');
  respond(res, body);
}

function respond(res, body) {
  res.setHeader('content-type', 'application/json');
  res.setHeader('x-ms-activity-id', crypto.randomUUID());
  res.end(res.statusCode === 304 || body === undefined ? undefined : JSON.stringify(body));
}

async function command(req, res) {
  const { do: name, ...rest } = await readJson(req);
  respond(res, control[name](rest) || {});
}

const options = { cert: fs.readFileSync(certificate), key: fs.readFileSync(key) };
const server = https.createServer(options, (req, res) => (req.url === '/_control' ? command : serve)(req, res));
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  state.account = new Account('127.0.0.1', port);
  process.stdout.write(`${port}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
