// The order of a list: by the service for the whole list where it has that order, else here, for what is loaded.

/** Return the service's name of the order of a question. Beside a search it has the orders by time alone. */
export function orderOf({ column, columnDirection, direction, search }) {
  const named = { "asset.asc": "asset", "asset.desc": "-asset", "rr.desc": "reward_risk" }[`${column}.${columnDirection}`];
  return (!search && named) || (direction ?? "desc");
}

/** Whether the whole list has the order of the question, and not just what is loaded of it. */
export const isWhole = (question) => question.column === "ts" || !["asc", "desc"].includes(orderOf(question));
