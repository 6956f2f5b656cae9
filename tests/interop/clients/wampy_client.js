// wampy.js. It knows no RawSocket, and does not tell a procedure that its call was cancelled.
'use strict';

const { WireError, Queue, obey, never } = require('./driver.js');
const { Wampy } = require('wampy');
const { JsonSerializer } = require('wampy/JsonSerializer.js');
const { MsgpackSerializer } = require('wampy/MsgpackSerializer.js');
const { CborSerializer } = require('wampy/CborSerializer.js');
const WebSocket = require('ws');

const SERIALIZERS = { json: JsonSerializer, msgpack: MsgpackSerializer, cbor: CborSerializer };

async function identity(auth) {
  if (!auth) return {};
  const [[method, it]] = Object.entries(auth);
  const { sign: craSign } = await import(require.resolve('wampy/wampcra.js'));
  const { sign: cryptoSign } = require('wampy/cryptosign.js');
  const authPlugins = { ticket: () => it.ticket, wampcra: craSign(it.secret || ''), cryptosign: undefined };
  if (it.privkey) authPlugins.cryptosign = cryptoSign(it.privkey);
  const authextra = it.pubkey ? { pubkey: it.pubkey } : {};
  return { authid: it.authid, authmethods: [method], authMode: 'auto', authPlugins, authextra };
}

function content({ argsList, argsDict }) {
  return { args: argsList || [], kwargs: argsDict || {} };
}

async function sent(request) {
  try {
    return await request;
  } catch (error) {
    const uri = error.errorUri || error.error;
    if (!uri) throw error;
    throw new WireError(uri, error.argsList, error.argsDict);
  }
}

const PROCEDURES = {
  echo: ({ argsList, argsDict }) => ({ argsList: argsList || [], argsDict: argsDict || {} }),
  add: ({ argsList: [x, y] }) => ({ argsList: [x + y] }),
  count: ({ argsList: [number], result_handler: progress }) => {
    for (let part = 0; part < number; part += 1) progress({ argsList: [part], options: { progress: true } });
    return { argsList: [number] };
  },
  wait: never,
  fail: () => {
    throw { error: 'com.example.error.refused', details: {}, argsList: ['why'], argsDict: { detail: 42 } };
  },
  whoami: ({ details }) => ({
    argsList: [details.caller, details.caller_authid, details.caller_authrole],
    argsDict: { procedure: details.procedure },
  }),
};

class Client {
  constructor() {
    this.calls = {};
    this.heard = new Queue();
    this.subscriptions = {};
  }

  async join({ url, realm, serializer, auth }) {
    const gone = new Queue();
    this.ends = gone;
    this.wampy = new Wampy(url, {
      realm,
      ws: WebSocket,
      serializer: new SERIALIZERS[serializer](),
      payloadSerializers: Object.fromEntries(Object.entries(SERIALIZERS).map(([name, Kind]) => [name, new Kind()])),
      autoReconnect: false,
      onClose: () => gone.put('closed'),
      onError: () => {},
      ...(await identity(auth)),
    });
    const { details } = await sent(this.wampy.connect());
    return { session: this.wampy.getSessionId(), authid: details && details.authid, authrole: details && details.authrole };
  }

  start({ key, procedure, args, kwargs, progress, ...options }) {
    const parts = [];
    if (progress) options.progress_callback = (part) => parts.push(content(part));
    const call = this.wampy.call(procedure, { argsList: args || [], argsDict: kwargs || {} }, options);
    call.catch(() => {});
    this.calls[key] = { call, parts, request: this.wampy.getOpStatus().reqId };
  }

  // A call whose arguments go on: all but the last of `values` are announced as not the end.
  async stream({ procedure, values }) {
    const [first, ...others] = values;
    const call = this.wampy.progressiveCall(procedure, [first]);
    others.forEach((value, index) => call.sendData([value], { progress: index < others.length - 1 }));
    return content(await sent(call.result));
  }

  cancel({ key, mode }) {
    this.wampy.cancel(this.calls[key].request, mode ? { mode } : {});
  }

  async finish({ key }) {
    const { call, parts } = this.calls[key];
    return { ...content(await sent(call)), parts };
  }

  async register({ procedure, kind, ...options }) {
    await sent(this.wampy.register(procedure, PROCEDURES[kind], options));
  }

  async unregister({ procedure }) {
    await sent(this.wampy.unregister(procedure));
  }

  async subscribe({ topic, ...options }) {
    const hear = ({ details, ...payload }) =>
      this.heard.put({ ...content(payload), topic: details.topic, publisher: details.publisher });
    const given = Object.keys(options).length ? options : undefined; // its unsubscribe() finds no others again
    this.subscriptions[topic] = await sent(this.wampy.subscribe(topic, hear, given));
  }

  async unsubscribe({ topic }) {
    await sent(this.wampy.unsubscribe(this.subscriptions[topic].subscriptionKey));
  }

  async events({ count }) {
    const found = [];
    while (found.length < count) found.push(await this.heard.get());
    return found;
  }

  async publish({ topic, args, kwargs, acknowledge, ...options }) {
    const done = await sent(this.wampy.publish(topic, { argsList: args || [], argsDict: kwargs || {} }, options));
    return done.publicationId; // it always waits for the acknowledgement
  }

  async leave() {
    await this.wampy.disconnect();
    return 'left';
  }

  gone() {
    return this.ends.get();
  }

  drop() {
    process.exit();
  }
}

obey(new Client());
