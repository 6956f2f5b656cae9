// AutobahnJS. Its RawSocket and its long-polling speak JSON only, and it does not tell a procedure that its call was cancelled.
'use strict';

const { WireError, Queue, obey, never } = require('./driver.js');
const http = require('http');
const autobahn = require('autobahn');
const serializers = require('autobahn/lib/serializer.js');

const SERIALIZERS = {
  json: () => new serializers.JSONSerializer(),
  msgpack: () => new serializers.MsgpackSerializer(),
  cbor: () => new serializers.CBORSerializer(),
};
const SIGN = {
  ticket: (it) => it.ticket,
  wampcra: (it, extra) => {
    const key = extra.salt
      ? autobahn.auth_cra.derive_key(it.secret, extra.salt, extra.iterations, extra.keylen)
      : it.secret;
    return autobahn.auth_cra.sign(key, extra.challenge);
  },
  cryptosign: (it, extra) => autobahn.auth_cryptosign.sign_challenge(keyOf(it), extra),
};

function keyOf(it) {
  const nacl = require('tweetnacl');
  return nacl.sign.keyPair.fromSeed(Uint8Array.from(Buffer.from(it.privkey, 'hex')));
}

// What AutobahnJS uses of a browser.
global.XMLHttpRequest = class {
  open(method, url) {
    this.request = http.request(url, { method, agent });
  }

  setRequestHeader(name, value) {
    this.request.setHeader(name, value);
  }

  send(body) {
    this.request.setTimeout(this.timeout || 0, () => this.ontimeout());
    this.request.on('error', (error) => this.done(0, error.code, ''));
    this.request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => { text += part; });
      response.on('end', () => this.done(response.statusCode, response.statusMessage, text));
    });
    this.request.end(body);
  }

  done(status, statusText, responseText) {
    Object.assign(this, { readyState: 4, status, statusText, responseText });
    this.onreadystatechange();
  }
};
const agent = new http.Agent({ keepAlive: true });

function identity(auth) {
  if (!auth) return {};
  const [[method, it]] = Object.entries(auth);
  const extra = method === 'cryptosign' ? { authextra: { pubkey: it.pubkey } } : {};
  const onchallenge = (session, name, challenge) => SIGN[name](it, challenge);
  return { authmethods: [method], authid: it.authid, onchallenge, ...extra };
}

function transportOf(url, serializer) {
  if (url.startsWith('ws')) return { type: 'websocket', url, serializers: [SERIALIZERS[serializer]()] };
  if (url.startsWith('http')) return { type: 'longpoll', url };
  const { hostname, port } = new URL(url);
  return { type: 'rawsocket', host: hostname, port: Number(port) };
}

function content(result) {
  if (result === undefined || result === null) return { args: [], kwargs: {} };
  return result instanceof autobahn.Result
    ? { args: result.args, kwargs: result.kwargs }
    : { args: [result], kwargs: {} };
}

async function sent(request) {
  try {
    return await request;
  } catch (error) {
    if (error instanceof autobahn.Error) throw new WireError(error.error, error.args, error.kwargs);
    throw error;
  }
}

const PROCEDURES = {
  echo: (args, kwargs) => new autobahn.Result(args, kwargs),
  add: ([x, y]) => x + y,
  count: ([number], kwargs, details) => {
    // it may not be asked for parts: see the page on interoperability
    for (let part = 0; details.progress && part < number; part += 1) details.progress([part]);
    return number;
  },
  wait: never,
  fail: () => {
    throw new autobahn.Error('com.example.error.refused', ['why'], { detail: 42 });
  },
  whoami: (args, kwargs, details) =>
    new autobahn.Result([details.caller, details.caller_authid, details.caller_authrole], {
      procedure: details.procedure,
    }),
};

class Client {
  constructor() {
    this.calls = {};
    this.registrations = {};
    this.subscriptions = {};
    this.heard = new Queue();
  }

  join({ url, realm, serializer, auth }) {
    const gone = new Queue();
    this.ends = gone;
    return new Promise((resolve, reject) => {
      this.connection = new autobahn.Connection({
        realm,
        max_retries: 0,
        transports: [transportOf(url, serializer)],
        on_user_error: () => {},
        ...identity(auth),
      });
      this.connection.onopen = (session, details) => {
        this.session = session;
        resolve({ session: session.id, authid: details.authid, authrole: details.authrole });
      };
      this.connection.onclose = (reason, details) => {
        gone.put(details.reason || reason);
        reject(new WireError(details.reason || reason, [details.message]));
        return true;
      };
      this.connection.open();
    });
  }

  start({ key, procedure, args, kwargs, progress, ...options }) {
    const parts = [];
    if (progress) options.receive_progress = true;
    const call = this.session.call(procedure, args, kwargs, options);
    call.then(undefined, () => {}, (part) => parts.push(content(part)));
    this.calls[key] = { call, parts };
  }

  cancel({ key, mode }) {
    this.calls[key].call.cancel(mode ? { mode } : undefined);
  }

  async finish({ key }) {
    const { call, parts } = this.calls[key];
    return { ...content(await sent(call)), parts };
  }

  async register({ procedure, kind, ...options }) {
    this.registrations[procedure] = await sent(this.session.register(procedure, PROCEDURES[kind], options));
  }

  async unregister({ procedure }) {
    await sent(this.registrations[procedure].unregister());
  }

  async subscribe({ topic, ...options }) {
    const hear = (args, kwargs, { topic: at, publisher }) =>
      this.heard.put({ args: args || [], kwargs: kwargs || {}, topic: at, publisher });
    this.subscriptions[topic] = await sent(this.session.subscribe(topic, hear, options));
  }

  async unsubscribe({ topic }) {
    await sent(this.subscriptions[topic].unsubscribe());
  }

  async events({ count }) {
    const found = [];
    while (found.length < count) found.push(await this.heard.get());
    return found;
  }

  async publish({ topic, args, kwargs, ...options }) {
    const done = this.session.publish(topic, args, kwargs, options);
    return done ? (await sent(done)).id : null;
  }

  async leave() {
    this.connection.close();
    return this.ends.get();
  }

  gone() {
    return this.ends.get();
  }

  drop() {
    process.exit();
  }
}

obey(new Client());
