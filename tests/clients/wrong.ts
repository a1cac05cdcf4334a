// Must not compile: the sides are buy and sell.

import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

export const answer = createClient<paths>().GET("/api/v1/signals", { params: { query: { side: ["comprar"] } } });
