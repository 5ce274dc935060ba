'use strict';
// What @vercel/cosmosdb-server gets wrong, put right: partitions, time to live, the change feed, patch predicates, batches.
// Handlers throw Answer; the front turns it into a response.
const lib = (path) => require(`@vercel/cosmosdb-server/lib/${path}`);
const { default: compile } = require('@zeit/cosmosdb-query');

const { default: Documents } = lib('account/documents');
const { default: Items } = lib('account/items');
const partitions = lib('utils/get-partition-from-header');
const patches = lib('handler/_patch-operations');
const operations = lib('handler/_document-operations');
const { default: readJson } = lib('json');

const MISSING = 'Entity with the specified id does not exist in the system.';
const BATCH = 100;

class Answer extends Error {
  constructor(status, code, message, substatus = 0) {
    super(message);
    Object.assign(this, { status, code, substatus });
  }
}

// --- Partitions: the raw server mixes them up when their names resemble each other, or ignores them.
const canonical = (values) => JSON.stringify(values);
partitions.parsePartitionKey = (header) => canonical(JSON.parse(header));
Documents.prototype._getPartition = function partitionOf(document) {
  return canonical(this._partitionKeyPath.map((path) => document[path.slice(1)]));
};
Documents.prototype._getId = (path, id, partition) => JSON.stringify([partition, path, id]);

const partitionOf = (req) => partitions.parsePartitionKey(req.headers['x-ms-documentdb-partitionkey']);

function collectionOf(account, { dbId, collId }) {
  const collection = account.database(dbId).collection(collId);
  if (!collection.read()) throw new Answer(404, 'NotFound', 'Owner resource does not exist', 1003);
  return collection;
}

// --- Time stands still until it is told otherwise; each write has its moment and its place in the order of changes.
const time = { now: 0, changes: 0 };
const writes = new Map();

Documents.prototype._set = function set(document) {
  writes.set(document._rid, { at: time.now, change: ++time.changes });
  return Items.prototype._set.call(this, document);
};

const isOver = (document) => document.ttl > 0 && writes.get(document._rid).at + document.ttl <= time.now;

Documents.prototype._item = function item(path, value, partition) {
  const found = Items.prototype._item.call(this, path, value, partition);
  const document = found.read();
  if (!document || !isOver(document)) return found;
  this._data.delete(document._rid);
  this._index.delete(this._getId('/id', document.id, this._getPartition(document)));
  return this._newItem();
};

Documents.prototype.alive = function alive() {
  return [...this._data.values()].map((item) => item.read()).filter((document) => !isOver(document));
};

// --- Reading
const pageOf = (rows) => ({ _rid: '', Documents: rows, _count: rows.length });

lib('handler/read-document').default = async (account, req, res, params) => {
  const document = collectionOf(account, params).document(params.docId, partitionOf(req)).read();
  if (!document) throw new Answer(404, 'NotFound', MISSING);
  return document;
};

lib('handler/query-documents').default = async (account, req, res, params) => {
  const { query, parameters } = await readJson(req);
  const { documents } = collectionOf(account, params);
  const wanted = partitionOf(req);
  const rows = documents.alive().filter((document) => documents._getPartition(document) === wanted);
  try {
    return pageOf(compile(query).exec(rows, { parameters }).result);
  } catch (error) {
    throw new Answer(400, 'BadRequest', error.message);
  }
};

lib('handler/read-documents').default = async (account, req, res, params) => {
  if (!req.headers['a-im']) throw new Answer(501, 'NotImplemented', 'only the change feed is read as a feed');
  const seen = (req.headers['if-none-match'] || '0').replace(/"/g, '');
  const since = seen === '*' ? time.changes : Number(seen);
  const changeOf = (document) => writes.get(document._rid).change;
  const changed = collectionOf(account, params).documents.alive()
    .filter((document) => changeOf(document) > since)
    .sort((a, b) => changeOf(a) - changeOf(b))
    .slice(0, Number(req.headers['x-ms-max-item-count'] || 100));
  res.setHeader('etag', `"${changed.length ? changeOf(changed.at(-1)) : since}"`);
  if (!changed.length) res.statusCode = 304;
  return pageOf(changed);
};

lib('handler/read-partition-key-ranges').default = async (account, req, res, params) => {
  const { result } = collectionOf(account, params).partitionKeyRanges.read();
  res.setHeader('etag', '"1"');
  if (req.headers['if-none-match']) res.statusCode = 304;
  return { _rid: '', PartitionKeyRanges: result, _count: result.length };
};

// --- Patches: the raw server lowers the case of predicates and asks them of every document.
const patch = patches.patchOperation;
patches.patchOperation = (collection, { condition, ...input }) => {
  const document = collection.document(input.id, partitions.parsePartitionKey(input.partitionKey)).read();
  if (!document) return { statusCode: 404, body: { code: 'NotFound', message: MISSING } };
  if (condition && !compile(`SELECT * ${condition}`).exec([document], {}).result.length) {
    return { statusCode: 412, body: { code: 'PreconditionFailed', message: 'The predicate is not met.' } };
  }
  return patch(collection, input);
};

// --- Batches: all or nothing.
lib('handler/batch-documents').default = async (account, req, res, params) => {
  const list = await readJson(req);
  const collection = collectionOf(account, params);
  const { documents } = collection;
  if (list.length > BATCH) throw new Answer(400, 'BadRequest', 'Too many operations.');
  const before = { data: new Map(documents._data), index: new Map(documents._index), writes: new Map(writes) };
  const results = [];
  for (const operation of list) {
    results.push(apply(collection, operation, req.headers['x-ms-documentdb-partitionkey']));
    if (results.at(-1).statusCode >= 400) break;
  }
  const failing = results.findIndex(({ statusCode }) => statusCode >= 400);
  if (failing < 0) return results.map(toResult);
  Object.assign(documents, { _data: before.data, _index: before.index });
  writes.clear();
  before.writes.forEach((write, rid) => writes.set(rid, write));
  res.statusCode = 207;
  return list.map((_, n) => ({ statusCode: n === failing ? results[n].statusCode : 424, requestCharge: 0 }));
};

function apply(collection, operation, partitionKey) {
  const { operationType, resourceBody } = operation;
  if (resourceBody && collection.documents._getPartition(resourceBody) !== partitions.parsePartitionKey(partitionKey)) {
    return { statusCode: 400 };
  }
  const id = operation.id || resourceBody.id;
  return operations[`${operationType.toLowerCase()}Operation`](collection, { ...operation, id, partitionKey });
}

const toResult = ({ statusCode, body }) => ({
  statusCode, requestCharge: 6, eTag: body && body._etag, resourceBody: body,
});

module.exports = { Answer, lib, readJson, time };
