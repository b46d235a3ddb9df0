// SPDX-License-Identifier: Apache-2.0
// What went wrong between the page and the server, in words.

/** An answer that was none; status 0 where the connection or the bytes failed. */
export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.name = "Refusal";
    this.status = status;
  }
}

const WORDS = {
  400: "The server does not understand the request.",
  401: "The server asks for a token.",
  403: "This token does not open it.",
  404: "The server has nothing under this address.",
  406: "The server cannot send this in a form that is asked for.",
  413: "The server finds the request too large.",
  429: "The server is busy; try again in a moment.",
  500: "The server failed.",
  503: "The server is busy or shutting down; try again in a moment.",
};

/** The error that an answer stands for; the server's own message is added where it sends one as JSON. */
export async function refusal(response) {
  let said = "";
  if ((response.headers.get("Content-Type") ?? "").includes("json")) {
    const body = await response.json().catch(() => null);
    if (typeof body?.message === "string") said = ` It says: ${body.message.slice(0, 300)}`;
  }
  const words = WORDS[response.status] ?? `The server answered ${response.status}.`;
  return new Refusal(response.status, `${words}${said}`);
}

/** An error as it travels between threads. */
export function problemOf(error) {
  if (error instanceof Refusal) return { status: error.status, message: error.message };
  if (error.name === "AbortError") return { status: -1, message: "" };
  // fetch says only "Failed to fetch": what it means is that there was no answer.
  if (error instanceof TypeError) return { status: 0, message: "The server did not answer." };
  return { status: 0, message: `This could not be read: ${error.message}` };
}
