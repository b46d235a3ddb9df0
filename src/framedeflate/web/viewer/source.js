// SPDX-License-Identifier: Apache-2.0
// What a Segmentation was made from, where it is stored: a stack, an image of many Frames, or the levels of a slide.
import { pathOf } from "./api.js";
import { number, text } from "./dicom_json.js";

const MAX_SERIES = 12; // that are asked for their Frame of Reference, where no reference names one
const MAX_LEVELS = 12;
const NO_IMAGES = new Set(["SEG", "SR", "PR", "KO", "DOC", "RTSTRUCT", "RTPLAN", "AU", "ECG"]);

/** { title, image } of the source's frames, { title, levels } of a slide, or null where none is stored. */
export async function findSource(image, session, frames, signal) {
  for (const series of await candidates(image, session, signal)) {
    const found = await sourceIn(series, image, session, frames, signal);
    if (found) return { title: found.title, ...found };
  }
  return null;
}

/** Levels of a slide beside the one that is open. */
export async function otherLevels(image, session, frames, signal) {
  const found = await instancesOf(image.study, image.series, session, signal);
  return levelsOf(image, image.series, found, frames, signal);
}

async function candidates(image, session, signal) {
  const { study } = image;
  if (image.referencedSeries.length) return image.referencedSeries.map((uid) => ({ uid, named: true }));
  const { datasets } = await session.search(`${pathOf({ study })}/series`, { limit: 100 }, signal);
  return datasets
    .filter((one) => !NO_IMAGES.has(text(one, "00080060")) && text(one, "0020000E") !== image.series)
    .slice(0, MAX_SERIES)
    .map((one) => ({ uid: text(one, "0020000E"), named: false }));
}

async function instancesOf(study, series, session, signal) {
  const includefield = ["00080008", "00280008", "00280010", "00280011", "00480006", "00480007"];
  const { datasets } = await session.search(`${pathOf({ study, series })}/instances`, { limit: 2000, includefield }, signal);
  return datasets;
}

async function sourceIn({ uid, named }, image, session, frames, signal) {
  const instances = await instancesOf(image.study, uid, session, signal);
  if (!instances.length) return null;
  if (image.matrix) {
    const levels = await levelsOf(image, uid, instances, frames, signal);
    return levels.length ? { title: levels[0].title || "slide", levels } : null;
  }
  const route = (one) => pathOf({ study: image.study, series: uid, instance: text(one, "00080018") });
  const multi = instances.filter((one) => number(one, "00280008", 1) > 1);
  const wanted = multi.find((one) => image.frames.sources.includes(text(one, "00080018"))) ?? multi[0];
  if (!named) {
    const { frameOfReference } = await frames.image(route(wanted ?? instances[0]), { signal });
    if (!frameOfReference || frameOfReference !== image.frameOfReference) return null;
  }
  const found = wanted
    ? await frames.image(route(wanted), { signal })
    : await frames.image(pathOf({ study: image.study, series: uid }), { stack: true, signal });
  return found.matrix ? null : { title: found.title || found.modality, image: found };
}

// Labels, overviews and thumbnails are in the series too; they do not lie on the slide's pixels (C.8.12.4.1.1).
async function levelsOf(image, series, instances, frames, signal) {
  const tiled = instances.filter((one) => {
    const type = one["00080008"]?.Value ?? [];
    const volume = !type.length || type.includes("VOLUME") || type.includes("THUMBNAIL");
    return volume && text(one, "00080018") !== image.instances[0];
  });
  const found = [];
  for (const one of tiled.slice(0, MAX_LEVELS)) {
    const path = pathOf({ study: image.study, series, instance: text(one, "00080018") });
    const level = await frames.image(path, { signal });
    const here = !image.frameOfReference || level.frameOfReference === image.frameOfReference;
    if (level.matrix && !level.segmentation && here) found.push(level);
  }
  return found;
}
