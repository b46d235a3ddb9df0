// SPDX-License-Identifier: Apache-2.0
// Elements from facts. Text goes in as text alone: what a server sends is never read as HTML.
import { personName } from "./dicom_json.js";

/** An element with attributes (`on…` are listeners, null and false leave one out) and children. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, given] of Object.entries(attributes)) {
    if (given === null || given === false || given === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), given);
    else element.setAttribute(name, given === true ? "" : String(given));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A number of bytes as it is read. */
export function bytes(count) {
  if (!Number.isFinite(count)) return "–";
  let [value, unit] = [count, 0];
  for (; value >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024;
  return `${unit && value < 100 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

/** Bytes beside bytes: how many times fewer were sent. */
export function ratio(wire, native) {
  if (!wire || !native) return "";
  const times = native / wire;
  return times >= 10 ? `${Math.round(times)}×` : `${times.toFixed(1)}×`;
}

export const count = (number, one, many = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

/** A person's name: the alphabetic group, and the others beside it where there are any. */
export function nameElement(name) {
  const { alphabetic, ideographic, phonetic } = personName(name);
  const groups = [["ideographic", ideographic], ["phonetic", phonetic]].filter(([, group]) => group);
  if (!alphabetic && !groups.length) return el("span", { class: "absent" }, "no name");
  const [main, ...others] = alphabetic ? [["alphabetic", alphabetic], ...groups] : groups;
  return el(
    "span",
    { class: "name" },
    el("bdi", { class: `name-${main[0]}` }, main[1]),
    others.length
      ? el("small", { class: "name-more" }, others.flatMap(([kind, group]) => [" ", el("bdi", { class: `name-${kind}` }, group)]))
      : null,
  );
}

/** Say something to those who do not see the screen; what follows soon takes its place. */
export function announce(message) {
  clearTimeout(announce.timer);
  announce.timer = setTimeout(() => {
    document.getElementById("status").textContent = message;
  }, 150);
}

/** Whether somebody is typing, so that keys mean letters. */
export const isTyping = ({ target }) => target.matches("input:not([type=range], [type=checkbox]), select, textarea");
