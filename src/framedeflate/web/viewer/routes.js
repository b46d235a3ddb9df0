// SPDX-License-Identifier: Apache-2.0
// Addresses of what is shown, in the part after "#": studies/UID/series/UID/instances/UID?view=grid&frame=3.
import { pathOf } from "./api.js";

/** { study, series, instance, stack, query } of an address. */
export function parseRoute(hash) {
  const [path, search = ""] = hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").map(decode);
  const route = { study: "", series: "", instance: "", stack: false, query: Object.fromEntries(new URLSearchParams(search)) };
  if (parts[0] === "studies") route.study = parts[1] ?? "";
  if (parts[2] === "series") route.series = parts[3] ?? "";
  if (parts[4] === "instances") route.instance = parts[5] ?? "";
  route.stack = parts[4] === "stack";
  return route;
}

/** The address of a route, with "#". */
export function routeHash({ query = {}, stack = false, ...uids }) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const search = new URLSearchParams(given).toString();
  return `#/${pathOf(uids)}${stack ? "/stack" : ""}${search ? `?${search}` : ""}`;
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
