// A client of the service, typed by what openapi-typescript makes of its document. Compiled strictly, then run.

import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { argv: string[] };

const client = createClient<paths, "application/json" | "application/problem+json">({ baseUrl: process.argv[2] });

async function idsOf(side: components["schemas"]["Side"]): Promise<number[]> {
  const ids: number[] = [];
  let cursor: string | undefined;
  do {
    const { data, error } = await client.GET("/api/v1/signals", { params: { query: { limit: 2, side: [side], cursor } } });
    if (error) throw new Error(error.detail);
    for (const signal of data.data) {
      if (signal.side !== side || Math.abs(Date.parse(signal.ts_iso) - signal.ts) > 1) throw new Error(`signal ${signal.id}`);
      ids.push(signal.id);
    }
    cursor = data.nextCursor ?? undefined;
  } while (cursor);
  return ids;
}

const buys = await idsOf("buy");
const one = await client.GET("/api/v1/signals/{id}", { params: { path: { id: buys[0]! } } });
const none = await client.GET("/api/v1/signals/{id}", { params: { path: { id: 999_999_999 } } });
console.log(JSON.stringify({ buys, sells: await idsOf("sell"), status: one.data?.current.status, missing: none.error?.status }));
