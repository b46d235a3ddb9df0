// SPDX-License-Identifier: Apache-2.0
// A study: its series, and the instances of each with the size of their files beside that of their native pixels.
import { pathOf } from "./api.js";
import { className, date, nameLine, number, text, time, value, values } from "./dicom_json.js";
import { announce, bytes, count, el, nameElement, ratio } from "./dom.js";
import { pixelOf } from "./image_pixel.js";
import { routeHash } from "./routes.js";
import { badges } from "./studies.js";

const SERIES_PAGE = 200;
const INSTANCES_PAGE = 50;
const OPEN_AT_FIRST = 6; // series of that few instances show them at once
const SIZES_AT_ONCE = 4;
const NO_STACK = new Set(["SEG", "SM", "SR", "PR", "KO", "DOC", "RTSTRUCT", "RTPLAN"]);
const INSTANCE_FIELDS = ["00080008", "00080060", "00280002", "00280004", "00280008", "00280010", "00280011", "00280100", "00480006", "00480007", "00700080", "00700081", "00083002"];

export class StudyPage {
  #leaving = new AbortController();
  #sizes = [];
  #measuring = 0;

  constructor({ session, route, trail }) {
    this.session = session;
    this.route = route;
    this.trail = trail;
    this.element = el("div", { class: "page", "aria-busy": "true" }, el("p", { class: "empty" }, "Loading…"));
    trail([["Studies", {}], ["Study", null]], "Study");
    this.#load();
  }

  destroy() {
    this.#leaving.abort();
  }

  async #load() {
    const { study } = this.route;
    const { signal } = this.#leaving;
    try {
      const [{ datasets: [found] }, { datasets: series }] = await Promise.all([
        this.session.search("studies", { StudyInstanceUID: study, includefield: ["00081030", "00100030", "00100040"] }, signal),
        this.session.search(`${pathOf({ study })}/series`, { limit: SERIES_PAGE, includefield: ["0008103E", "00201209"] }, signal),
      ]);
      if (!found) throw new Error("The server has no such study.");
      this.#show(found, series);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.element.replaceChildren(el("h1", {}, "Study"), el("p", { class: "problem", role: "alert" }, error.message));
    }
    this.element.removeAttribute("aria-busy");
  }

  #show(study, series) {
    const who = nameLine(value(study, "00100010"));
    this.trail([["Studies", {}], [who || "Study", null]], who || "Study");
    const facts = [
      ["Patient ID", text(study, "00100020")],
      ["Born", date(text(study, "00100030"))],
      ["Sex", text(study, "00100040")],
      ["Study", [date(text(study, "00080020")), time(text(study, "00080030"))].filter(Boolean).join(" ")],
      ["Description", text(study, "00081030")],
      ["Accession", text(study, "00080050")],
    ].filter(([, fact]) => fact);
    series.sort((one, other) => number(one, "00200011", 1e9) - number(other, "00200011", 1e9));
    this.element.replaceChildren(
      el("h1", {}, nameElement(value(study, "00100010"))),
      el("dl", { class: "facts" }, facts.map(([name, fact]) => el("div", {}, el("dt", {}, name), el("dd", {}, el("bdi", {}, fact))))),
      ...series.map((one) => this.#series(one, series.length)),
      series.length === SERIES_PAGE ? el("p", { class: "empty" }, `The first ${SERIES_PAGE} series are shown.`) : "",
    );
    announce(count(series.length, "series", "series"));
  }

  #series(dataset, among) {
    const series = text(dataset, "0020000E");
    const instances = number(dataset, "00201209");
    const body = el("div", { class: "instances", id: `of-${series}` });
    const title = text(dataset, "0008103E") || "Series without a description";
    const toggle = el(
      "button",
      { type: "button", class: "toggle", "aria-expanded": "false", "aria-controls": body.id },
      el("span", { class: "arrow", "aria-hidden": "true" }),
      badges([text(dataset, "00080060") || "?"]),
      el("bdi", { class: "title" }, title),
      el("span", { class: "quiet" }, instances === null ? "" : count(instances, "instance")),
    );
    const expand = (open) => {
      toggle.setAttribute("aria-expanded", String(open));
      body.hidden = !open;
      if (open && !body.childElementCount) this.#instances(body, series, 0);
    };
    toggle.addEventListener("click", () => expand(toggle.getAttribute("aria-expanded") === "false"));
    expand(series === this.route.series || among === 1 || (instances !== null && instances <= OPEN_AT_FIRST));
    const stack = el("a", { class: "button", href: routeHash({ study: this.route.study, series, stack: true }) }, "Open as a stack");
    return el("section", { class: "series", "aria-label": title }, el("h2", {}, toggle, instances > 1 && !NO_STACK.has(text(dataset, "00080060")) ? stack : null), body);
  }

  async #instances(body, series, offset) {
    const path = `${pathOf({ study: this.route.study, series })}/instances`;
    const { signal } = this.#leaving;
    body.setAttribute("aria-busy", "true");
    try {
      const asked = { limit: INSTANCES_PAGE + 1, offset, includefield: INSTANCE_FIELDS };
      const { datasets } = await this.session.search(path, asked, signal);
      const shown = datasets.slice(0, INSTANCES_PAGE);
      const rows = shown.map((one) => this.#instance(one, series));
      if (offset) body.querySelector("tbody").append(...rows);
      else body.replaceChildren(table(rows));
      body.querySelector("button.more")?.remove();
      if (datasets.length > INSTANCES_PAGE) {
        const more = el("button", { type: "button", class: "more" }, "Show more");
        more.addEventListener("click", () => this.#instances(body, series, offset + INSTANCES_PAGE));
        body.append(more);
      }
    } catch (error) {
      if (error.name === "AbortError") return;
      body.replaceChildren(el("p", { class: "problem", role: "alert" }, error.message));
    }
    body.removeAttribute("aria-busy");
  }

  #instance(dataset, series) {
    const route = { study: this.route.study, series, instance: text(dataset, "00080018") };
    const pixel = pixelOf(dataset);
    const frames = number(dataset, "00280008", 1);
    const native = pixel ? Math.ceil((pixel.rows * pixel.columns * pixel.samples * pixel.bitsAllocated * frames) / 8) : null;
    const [wire, factor] = [el("td", { class: "number" }, "…"), el("td", { class: "number factor" })];
    this.#measure(pathOf(route), (stored) => {
      wire.textContent = bytes(stored);
      factor.textContent = native ? ratio(stored, native) : "";
    });
    const title = text(dataset, "00700081") || text(dataset, "00700080") || className(text(dataset, "00080016"));
    const name = el("bdi", {}, title);
    return el(
      "tr",
      {},
      el("td", { class: "number" }, text(dataset, "00200013")),
      el("td", {}, pixel ? el("a", { class: "row", href: routeHash(route) }, name) : name),
      el("td", {}, badges([text(dataset, "00080060")].filter(Boolean)), el("span", { class: "quiet" }, className(text(dataset, "00080016")))),
      el("td", { class: "number" }, pixel ? sizeOf(dataset, pixel) : "no pixels"),
      el("td", { class: "number" }, pixel ? frames.toLocaleString("en") : ""),
      el("td", {}, syntaxOf(dataset)),
      wire,
      el("td", { class: "number" }, native === null ? "–" : bytes(native)),
      factor,
    );
  }

  // A few at a time, in the order of the list.
  #measure(path, told) {
    this.#sizes.push([path, told]);
    if (this.#measuring < SIZES_AT_ONCE) this.#measureNext();
  }

  async #measureNext() {
    const next = this.#sizes.shift();
    if (!next) return;
    this.#measuring += 1;
    const [path, told] = next;
    try {
      told(await this.session.storedBytes(path, this.#leaving.signal));
    } catch (error) {
      if (error.name === "AbortError") this.#sizes = [];
      else told(null);
    }
    this.#measuring -= 1;
    this.#measureNext();
  }
}

function table(rows) {
  const heads = [["No.", 1], ["Instance"], ["Kind"], ["Pixels", 1], ["Frames", 1], ["Stored as"], ["Whole file", 1], ["Native pixels", 1], ["", 1]];
  const head = heads.map(([name, right]) =>
    el("th", { scope: "col", class: right ? "number" : null }, name || el("span", { class: "unseen" }, "Native pixels by file")),
  );
  return el("div", { class: "scroll" }, el("table", { class: "list" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows)));
}

function sizeOf(dataset, { rows, columns, bitsAllocated, samples }) {
  const [height, width] = [number(dataset, "00480007"), number(dataset, "00480006")];
  const size = height && width ? `${width}×${height}` : `${columns}×${rows}`;
  return `${size}, ${samples > 1 ? `${samples}×` : ""}${bitsAllocated} bit`;
}

const SYNTAXES = {
  "1.2.840.10008.1.2.8.1": "deflated frames",
  "1.2.840.10008.1.2.1": "native",
  "1.2.840.10008.1.2": "native",
  "1.2.840.10008.1.2.2": "native",
  "1.2.840.10008.1.2.1.99": "deflated data set",
  "1.2.840.10008.1.2.5": "RLE",
  "1.2.840.10008.1.2.4.50": "JPEG",
  "1.2.840.10008.1.2.4.70": "JPEG lossless",
  "1.2.840.10008.1.2.4.80": "JPEG-LS",
  "1.2.840.10008.1.2.4.90": "JPEG 2000",
  "1.2.840.10008.1.2.4.91": "JPEG 2000",
};

// Available Transfer Syntax UID: the first is the one that is stored (PS3.4 C.6.1.1.5.2).
function syntaxOf(dataset) {
  const [uid] = values(dataset, "00083002");
  return uid ? (SYNTAXES[uid] ?? String(uid)) : "";
}
