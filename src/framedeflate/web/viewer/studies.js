// SPDX-License-Identifier: Apache-2.0
// The list of studies: a search, a page at a time.
import { date, nameLine, text, value, values } from "./dicom_json.js";
import { announce, count, el, nameElement } from "./dom.js";
import { routeHash } from "./routes.js";

const PAGE = 25;

// Name in the address, name in the search, label, kind of field.
const FIELDS = [
  ["name", "PatientName", "Patient", "text"],
  ["id", "PatientID", "Patient ID", "text"],
  ["from", "", "From", "date"],
  ["to", "", "To", "date"],
  ["modality", "ModalitiesInStudy", "Modality", "text"],
  ["accession", "AccessionNumber", "Accession", "text"],
];

export class StudiesPage {
  #leaving = new AbortController();

  constructor({ session, route, trail }) {
    this.session = session;
    this.query = route.query;
    this.results = el("div", { class: "results" });
    this.element = el("div", { class: "page" }, el("h1", {}, "Studies"), this.#form(), this.results);
    trail([["Studies", null]], "Studies");
    this.#search();
  }

  destroy() {
    this.#leaving.abort();
  }

  #form() {
    const fields = FIELDS.map(([name, , label, type]) =>
      el(
        "div",
        { class: `field field-${name}` },
        el("label", { for: `search-${name}` }, label),
        el("input", { id: `search-${name}`, name, type, value: this.query[name] ?? "", autocomplete: "off" }),
      ),
    );
    const clear = el("a", { class: "button", href: "#/" }, "Clear");
    const form = el("form", { class: "search", role: "search" }, fields, el("div", { class: "buttons" }, el("button", { class: "main" }, "Search"), clear));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const found = routeHash({ query: Object.fromEntries(new FormData(form)) });
      if (found === location.hash) this.#search();
      else location.hash = found;
    });
    return form;
  }

  async #search() {
    const offset = Math.max(0, Number(this.query.offset) || 0);
    this.results.setAttribute("aria-busy", "true");
    try {
      const { signal } = this.#leaving;
      const { datasets, total } = await this.session.search("studies", this.#parameters(offset), signal);
      this.results.replaceChildren(...this.#table(datasets.slice(0, PAGE), { offset, total, more: datasets.length > PAGE }));
    } catch (error) {
      if (error.name !== "AbortError") this.results.replaceChildren(el("p", { class: "problem", role: "alert" }, error.message));
    }
    this.results.removeAttribute("aria-busy");
  }

  #parameters(offset) {
    const asked = { limit: PAGE + 1, offset, includefield: ["00081030", "00201206", "00201208"] };
    for (const [name, attribute] of FIELDS) {
      const given = (this.query[name] ?? "").trim();
      if (!attribute || !given) continue;
      // A part of a name is what people type; who types "*" or "?" knows what they want.
      asked[attribute] = name === "name" && !/[*?]/.test(given) ? `*${given}*` : given;
      if (name === "modality") asked[attribute] = given.toUpperCase();
    }
    const [from, to] = ["from", "to"].map((name) => (this.query[name] ?? "").replaceAll("-", ""));
    if (from || to) asked.StudyDate = `${from}-${to}`;
    return asked;
  }

  #table(studies, { offset, total, more }) {
    if (!studies.length) {
      const asked = FIELDS.some(([name]) => this.query[name]);
      announce("No studies");
      return [el("p", { class: "empty" }, asked ? "No study matches. A part of a name is enough." : "There are no studies on this server yet.")];
    }
    const heads = ["Patient", "Patient ID", "Date", "Modalities", "Description", "Series", "Instances"];
    const rows = studies.map((study) => {
      const route = { study: text(study, "0020000D") };
      const described = `Study of ${nameLine(value(study, "00100010")) || "a patient without a name"}`;
      return el(
        "tr",
        {},
        el("td", {}, el("a", { class: "row", href: routeHash(route), title: described }, nameElement(value(study, "00100010")))),
        el("td", { class: "mono" }, text(study, "00100020")),
        el("td", { class: "number" }, date(text(study, "00080020"))),
        el("td", {}, badges(values(study, "00080061"))),
        el("td", {}, el("bdi", {}, text(study, "00081030"))),
        el("td", { class: "number" }, text(study, "00201206")),
        el("td", { class: "number" }, text(study, "00201208")),
      );
    });
    const last = offset + studies.length;
    const found = total === null ? `${offset + 1} to ${last}` : `${offset + 1} to ${last} of ${count(total, "study", "studies")}`;
    announce(found);
    const at = (start) => routeHash({ query: { ...this.query, offset: start || "" } });
    return [
      el(
        "div",
        { class: "scroll" },
        el(
          "table",
          { class: "list" },
          el("caption", { class: "unseen" }, "Studies"),
          el("thead", {}, el("tr", {}, heads.map((head, index) => el("th", { scope: "col", class: index > 4 || index === 2 ? "number" : null }, head)))),
          el("tbody", {}, rows),
        ),
      ),
      el(
        "nav",
        { class: "paging", "aria-label": "Pages" },
        el("span", {}, found),
        offset ? el("a", { class: "button", href: at(Math.max(0, offset - PAGE)), rel: "prev" }, "Previous") : null,
        more ? el("a", { class: "button", href: at(last), rel: "next" }, "Next") : null,
      ),
    ];
  }
}

export const badges = (modalities) => modalities.map((one) => el("span", { class: "badge" }, String(one)));
