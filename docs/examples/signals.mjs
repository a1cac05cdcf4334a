// Signals with Node.js 20 or newer, no packages:
//   node signals.mjs newest          the five newest
//   node signals.mjs follow          each event as it comes; ends with Ctrl-C
//   node signals.mjs csv FILE        all signals as a file
// TP_CAPITAL_URL is the address of the service. TP_CAPITAL_API_KEY is its key, if reads need one.

import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";

const { TP_CAPITAL_URL: url = "http://127.0.0.1:4008", TP_CAPITAL_API_KEY: key } = process.env;

async function ask(path, headers = {}) {
  const answer = await fetch(`${url}/api/v1${path}`, { headers: key ? { ...headers, "X-API-Key": key } : headers });
  // an error is a problem document, and its detail says what was wrong
  if (!answer.ok) throw new Error((await answer.json()).detail);
  return answer;
}

async function newest() {
  // numbers are doubles here: for money read the text with a parser that keeps digits
  const { data } = await (await ask("/signals?limit=5")).json();
  for (const signal of data) console.log(signal.ts_iso, signal.side, signal.asset, signal.buy_min, signal.status);
}

async function* lines(answer) {
  let rest = "";
  for await (const part of answer.body.pipeThrough(new TextDecoderStream())) {
    const found = (rest + part).split("\n");
    rest = found.pop();
    yield* found;
  }
}

async function follow() {
  let last = "";
  for (;;) {
    try {
      let name = "";
      for await (const line of lines(await ask("/signals/stream", last ? { "Last-Event-ID": last } : {}))) {
        const [, field, value] = /^(\w*): (.*)$/.exec(line) ?? [];
        if (field === "id") last = value;
        else if (field === "event") name = value;
        else if (field === "data") {
          const data = JSON.parse(value);
          console.log(name, data.id ?? "", data.asset ?? "");
          // the list must be read again
          if (name === "reset") await newest();
        }
      }
    } catch (error) {
      console.error("the stream is lost, and tried again:", error.message);
    }
    await pause(3000);
  }
}

const [command, file] = process.argv.slice(2);
if (command === "newest") await newest();
else if (command === "follow") await follow();
// a file that breaks off is an error
else if (command === "csv" && file) await pipeline((await ask("/signals.csv")).body, createWriteStream(file));
else {
  console.error("usage: node signals.mjs newest | follow | csv FILE");
  process.exitCode = 2;
}
