// SPDX-License-Identifier: Apache-2.0
// Gets frames and metadata, and makes of them what the page shows, away from the page's own thread.
//
// In:  { id, type: "frame", url, accept, token, lengths, rows, columns }, { id, type: "image", url, stack, token },
//      { id, type: "cancel" }
// Out: { id, result } or { id, error: { status, message } }
import { imageOf, stackOf } from "./image_model.js";
import { problemOf, refusal, Refusal } from "./refusal.js";

const running = new Map();

self.addEventListener("message", ({ data: job }) => {
  if (job.type === "cancel") {
    running.get(job.id)?.abort();
    return;
  }
  const controller = new AbortController();
  running.set(job.id, controller);
  const work = job.type === "frame" ? frame(job, controller.signal) : image(job, controller.signal);
  work
    .then(
      (result) => self.postMessage({ id: job.id, result }, result.bytes ? [result.bytes.buffer] : []),
      (error) => self.postMessage({ id: job.id, error: problemOf(error) }),
    )
    .finally(() => running.delete(job.id));
});

async function get(url, accept, token, signal) {
  const headers = { Accept: accept };
  if (token) headers.Authorization = `Bearer ${token}`;
  const response = await fetch(url, { headers, signal });
  if (!response.ok) throw await refusal(response);
  return response;
}

async function frame(job, signal) {
  if (job.rendered === "always") return rendered(job, signal);
  let response;
  try {
    response = await get(job.url, job.accept, job.token, signal);
  } catch (error) {
    // The server has no way to these pixels that is without loss for it; a picture it may have.
    if (error.status === 406 && job.rendered) return rendered(job, signal);
    throw error;
  }
  const longest = Math.max(...job.lengths);
  const deflated = (response.headers.get("Content-Type") ?? "").startsWith("application/x-deflate");
  if (!deflated) {
    const bytes = await readBounded(response.body, longest + 1);
    const coding = response.headers.get("Content-Encoding");
    const sent = coding ? Number(response.headers.get("Content-Length")) || bytes.length : bytes.length;
    return { bytes: exact(bytes, job.lengths), wire: sent, how: coding ? `Content-Encoding: ${coding}` : "native" };
  }
  // Deflate makes nothing longer but by five bytes in 65 535.
  const stream = await readBounded(response.body, longest + (longest >> 10) + 64);
  return { bytes: exact(await inflate(stream, longest), job.lengths), wire: stream.length, how: "x-deflate" };
}

async function rendered(job, signal) {
  const response = await get(`${job.url}/rendered`, "image/png", job.token, signal);
  const file = await response.blob();
  const bitmap = await createImageBitmap(file);
  const canvas = new OffscreenCanvas(job.columns, job.rows);
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0, job.columns, job.rows);
  const { data } = context.getImageData(0, 0, job.columns, job.rows);
  return { bytes: new Uint8Array(data.buffer), wire: file.size, how: "rendered", rgba: true };
}

function exact(bytes, lengths) {
  if (lengths.includes(bytes.length)) return bytes;
  // Some servers send the byte that makes a native value even.
  const unpadded = bytes.length - 1;
  if (unpadded % 2 && lengths.includes(unpadded)) return bytes.subarray(0, unpadded).slice();
  throw new Refusal(0, `The server sent ${bytes.length} bytes for a frame of ${lengths[0]}.`);
}

async function inflate(stream, nbytes) {
  const source = new Blob([stream]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const found = { bytes: new Uint8Array(nbytes), filled: 0 };
  try {
    await fill(source, found);
  } catch (error) {
    // Browsers refuse the NULL that makes a Fragment even, after they gave all pixels (PS3.5 A.4 allows it there).
    if (error instanceof Refusal || found.filled !== nbytes) {
      throw error instanceof Refusal ? error : new Refusal(0, "The frame's deflate stream is damaged.");
    }
  }
  return found.filled === nbytes ? found.bytes : found.bytes.slice(0, found.filled);
}

async function readBounded(stream, limit) {
  const found = { bytes: new Uint8Array(limit), filled: 0 };
  await fill(stream, found);
  return found.bytes.slice(0, found.filled);
}

async function fill(stream, found) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    if (found.filled + value.length > found.bytes.length) {
      reader.cancel().catch(() => {});
      throw new Refusal(0, `The frame is longer than the ${found.bytes.length} bytes that its size allows.`);
    }
    found.bytes.set(value, found.filled);
    found.filled += value.length;
  }
}

async function image({ url, stack, token }, signal) {
  const response = await get(url, "application/dicom+json", token, signal);
  const datasets = await response.json();
  const made = stack ? stackOf(datasets) : datasets.length ? imageOf(datasets[0]) : null;
  if (!made?.frameCount) throw new Refusal(0, "There are no pixels to show here.");
  await fetchPalettes(made, url, token, signal);
  return made;
}

async function fetchPalettes({ pixels }, url, token, signal) {
  for (const { palette } of pixels) {
    for (const table of palette?.tables ?? []) {
      if (table.bytes || !table.uri) continue;
      const response = await get(new URL(table.uri, url), "application/octet-stream", token, signal);
      table.bytes = await readBounded(response.body, 1 << 18);
    }
  }
}
