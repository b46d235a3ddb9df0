// SPDX-License-Identifier: Apache-2.0
// Searches and sizes (PS3.18 10.6, 10.4), and the token that a server may ask for.
import { problemOf, refusal, Refusal } from "./refusal.js";

const TOKEN = "framedeflate.token";

/** Path of a study, series or instance below the service root. */
export function pathOf({ study, series, instance }) {
  const parts = [["studies", study], ["series", series], ["instances", instance]];
  return parts.filter(([, uid]) => uid).map(([name, uid]) => `${name}/${encodeURIComponent(uid)}`).join("/");
}

export class Session {
  #asking = null;

  /** `askToken` returns a promise of what a person typed, or null. */
  constructor(root, askToken) {
    this.root = root;
    this.askToken = askToken;
    this.token = sessionStorage.getItem(TOKEN) ?? "";
  }

  url(path) {
    return new URL(path, this.root).href;
  }

  /** Ask for a token once, however many requests were refused; false where nobody gave one. */
  async renewToken(refused) {
    if (this.token !== refused) return true; // another request's answer came first
    this.#asking ??= this.askToken(Boolean(refused)).finally(() => (this.#asking = null));
    const token = await this.#asking;
    if (!token) return false;
    this.token = token;
    sessionStorage.setItem(TOKEN, token);
    return true;
  }

  async #send(url, options) {
    for (;;) {
      const token = this.token;
      const headers = { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) };
      let response;
      try {
        response = await fetch(url, { ...options, headers });
      } catch (error) {
        if (error.name === "AbortError") throw error;
        const { status, message } = problemOf(error);
        throw new Refusal(status, message);
      }
      if (response.ok) return response;
      if (response.status === 401 && (await this.renewToken(token))) continue;
      throw await refusal(response);
    }
  }

  /** Answers of a search, and how many there are in all, or null where the server does not say. */
  async search(path, query, signal) {
    const url = new URL(this.url(path));
    for (const [name, given] of Object.entries(query)) {
      for (const one of [given].flat()) if (one !== "" && one !== null) url.searchParams.append(name, one);
    }
    const response = await this.#send(url, { headers: { Accept: "application/dicom+json" }, signal });
    const datasets = response.status === 204 ? [] : await response.json();
    const total = response.headers.get("X-Total-Count");
    return { datasets, total: total === null ? null : Number(total) };
  }

  /** Bytes of an instance as it is stored, which is what it costs to send it; null where the server does not say. */
  async storedBytes(path, signal) {
    const headers = { Accept: "application/dicom; transfer-syntax=*" };
    const response = await this.#send(this.url(path), { method: "HEAD", headers, signal });
    return Number(response.headers.get("Content-Length")) || null;
  }
}
