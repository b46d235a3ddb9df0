// SPDX-License-Identifier: Apache-2.0
// The DICOM JSON Model (PS3.18 Annex F): values of attributes, and how a person reads them.

/** First value of an attribute, or undefined. */
export const value = (dataset, tag) => dataset?.[tag]?.Value?.[0];

/** All values of an attribute; none where it is absent or empty. */
export const values = (dataset, tag) => dataset?.[tag]?.Value ?? [];

/** First value as a string; "" where it is absent. */
export function text(dataset, tag) {
  const found = value(dataset, tag);
  return found === undefined || found === null || typeof found === "object" ? "" : String(found);
}

/** All values as numbers. IS and DS are numbers in JSON, but strings are sent too. */
export const numbers = (dataset, tag) =>
  values(dataset, tag).map((one) => (one === null || one === "" ? NaN : Number(one)));

/** First value as a number, or `otherwise` where it is absent or no number. */
export function number(dataset, tag, otherwise = null) {
  const [found] = numbers(dataset, tag);
  return Number.isFinite(found) ? found : otherwise;
}

/** Meaning of a code of a Code Sequence. */
export const meaning = (dataset, tag) => text(value(dataset, tag), "00080104");

const COMPONENTS = ["family", "given", "middle", "prefix", "suffix"];

function components(group) {
  const parts = group.split("^").map((part) => part.trim());
  return Object.fromEntries(COMPONENTS.map((name, index) => [name, parts[index] ?? ""]));
}

// "Family, Given Middle, Prefix, Suffix": the order of the attribute, so that lists sort as they read.
function alphabetic(group) {
  const { family, given, middle, prefix, suffix } = components(group);
  const first = [given, middle].filter(Boolean).join(" ");
  return [family, first, prefix, suffix].filter(Boolean).join(", ");
}

// Ideographic and phonetic groups have no comma between the components (PS3.5 6.2.1.1, PS3.5 Annex H).
function plain(group) {
  const { family, given, middle, prefix, suffix } = components(group);
  return [prefix, family, given, middle, suffix].filter(Boolean).join(" ");
}

/** The three groups of a Person Name as they are shown; "" for what is absent. */
export function personName(name) {
  const groups = typeof name === "string" ? nameOfText(name) : (name ?? {});
  return {
    alphabetic: alphabetic(groups.Alphabetic ?? ""),
    ideographic: plain(groups.Ideographic ?? ""),
    phonetic: plain(groups.Phonetic ?? ""),
  };
}

// Some servers send the value of PS3.5 as it is, with "=" between the groups.
function nameOfText(name) {
  const [Alphabetic, Ideographic, Phonetic] = name.split("=");
  return { Alphabetic, Ideographic, Phonetic };
}

/** The name in one line, for a title. */
export function nameLine(name) {
  const { alphabetic: first, ideographic, phonetic } = personName(name);
  return first || ideographic || phonetic;
}

/** DA as 2026-11-30; what is no date stays as it is. */
export function date(found) {
  const parts = /^(\d{4})\.?(\d{2})\.?(\d{2})$/.exec(found);
  return parts ? parts.slice(1).join("-") : found;
}

/** TM as 14:05; what is no time stays as it is. */
export function time(found) {
  const parts = /^(\d{2}):?(\d{2})/.exec(found);
  return parts ? `${parts[1]}:${parts[2]}` : found;
}

const CLASSES = {
  "1.2.840.10008.5.1.4.1.1.66.4": "Segmentation",
  "1.2.840.10008.5.1.4.1.1.66.7": "Label Map Segmentation",
  "1.2.840.10008.5.1.4.1.1.77.1.6": "Whole slide",
  "1.2.840.10008.5.1.4.1.1.2": "CT image",
  "1.2.840.10008.5.1.4.1.1.2.1": "Enhanced CT",
  "1.2.840.10008.5.1.4.1.1.4": "MR image",
  "1.2.840.10008.5.1.4.1.1.4.1": "Enhanced MR",
  "1.2.840.10008.5.1.4.1.1.1": "Computed radiography",
  "1.2.840.10008.5.1.4.1.1.1.1": "Digital X-ray",
  "1.2.840.10008.5.1.4.1.1.7": "Secondary capture",
  "1.2.840.10008.5.1.4.1.1.7.1": "Secondary capture, 1 bit",
  "1.2.840.10008.5.1.4.1.1.7.2": "Secondary capture, 8 bit",
  "1.2.840.10008.5.1.4.1.1.7.3": "Secondary capture, 16 bit",
  "1.2.840.10008.5.1.4.1.1.7.4": "Secondary capture, colour",
  "1.2.840.10008.5.1.4.1.1.6": "Ultrasound image",
  "1.2.840.10008.5.1.4.1.1.6.1": "Ultrasound image",
  "1.2.840.10008.5.1.4.1.1.3.1": "Ultrasound loop",
  "1.2.840.10008.5.1.4.1.1.30": "Parametric map",
  "1.2.840.10008.5.1.4.1.1.481.2": "RT dose",
  "1.2.840.10008.5.1.4.1.1.128": "PET image",
};

/** What a SOP Class is called in a list; its UID where it is not one of the common ones. */
export const className = (uid) => CLASSES[uid] ?? uid;

/** Bytes of an attribute that is sent as InlineBinary, or null. */
export function inlineBytes(dataset, tag) {
  const found = dataset?.[tag]?.InlineBinary;
  return typeof found === "string" ? Uint8Array.from(atob(found), (one) => one.charCodeAt(0)) : null;
}
