// How a test speaks with a client: see driver.py. One command a line on standard input, its answer on standard output.
'use strict';

const readline = require('node:readline');

class WireError extends Error {
  constructor(uri, args, kwargs) {
    super(uri);
    this.content = { uri, args: args || [], kwargs: kwargs || {} };
  }
}

// What has happened and nobody has asked for.
class Queue {
  constructor() {
    this.items = [];
    this.waiting = [];
  }

  put(item) {
    if (this.waiting.length) this.waiting.shift()(item);
    else this.items.push(item);
  }

  get() {
    return new Promise((resolve) => {
      if (this.items.length) resolve(this.items.shift());
      else this.waiting.push(resolve);
    });
  }
}

const write = process.stdout.write.bind(process.stdout);
console.log = console.info = console.error; // what a client prints is not for the test

function asOctets(key, value) {
  return value && value.$octets !== undefined ? Buffer.from(value.$octets, 'hex') : value;
}

function plain(value) {
  if (value instanceof Uint8Array) return { $octets: Buffer.from(value).toString('hex') };
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) value = Object.fromEntries(value);
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]));
  }
  return value === undefined ? null : value;
}

async function answer(client, { do: name, ...command }) {
  try {
    return { ok: plain(await client[name](command)) };
  } catch (error) {
    if (error instanceof WireError) return { error: plain(error.content) };
    return { failed: String((error && error.stack) || JSON.stringify(error)) };
  }
}

async function obey(client) {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    write(JSON.stringify(await answer(client, JSON.parse(line, asOctets))) + '\n');
  }
  process.exit();
}

function never() {
  return new Promise(() => {});
}

module.exports = { WireError, Queue, obey, never };
