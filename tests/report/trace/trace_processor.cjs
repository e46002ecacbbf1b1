// Feeds requests to Perfetto's trace processor, built for browsers, and keeps its answers.
//
// node trace_processor.cjs FOLDER REQUESTS ANSWERS
//
// FOLDER has engine_bundle.js and its wasm files. REQUESTS is a sequence of serialized TraceProcessorRpcStream messages,
// each after its length as 32 bits, little end first; ANSWERS will be one TraceProcessorRpcStream.
'use strict';
const fs = require('fs');
const path = require('path');
const vm = require('vm');

const [folder, requestsFile, answersFile] = process.argv.slice(2);
const bundle = path.join(folder, 'engine_bundle.js');

// What a worker of a browser has, as far as the bundle uses it.
process.type = 'renderer'; // or it refuses to run in node
globalThis.self = globalThis;
globalThis.WorkerGlobalScope = function () {};
globalThis.importScripts = () => {};
globalThis.location = {href: `file://${bundle}`, pathname: bundle};
const readLocal = (url) => fs.readFileSync(path.join(folder, path.basename(String(url))));
globalThis.XMLHttpRequest = class {
  open(_method, url) {
    this.url = url;
  }
  send() {
    const data = readLocal(this.url);
    this.status = 200;
    this.response = data.buffer.slice(data.byteOffset, data.byteOffset + data.length);
    this.onload?.();
  }
};

const answers = [];
const port = {postMessage: (message) => answers.push(Buffer.from(message))};
vm.runInThisContext(fs.readFileSync(bundle, 'utf8'));
globalThis.onmessage({data: port});

function* requests() {
  const data = fs.readFileSync(requestsFile);
  for (let at = 0; at < data.length; ) {
    const length = data.readUInt32LE(at);
    yield new Uint8Array(data.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
}

async function main() {
  await new Promise((resolve) => setTimeout(resolve, 0)); // it begins to listen in a microtask
  for (const request of requests()) {
    port.onmessage({data: request}); // answers before it returns
  }
  fs.writeFileSync(answersFile, Buffer.concat(answers));
  process.exit(0);
}
main();
