// SPDX-License-Identifier: Apache-2.0
// Slices as a person leafs through them: which Frames of a Segmentation lie on which Frame of its source.
import { along, IDENTITY, isIdentity, normal, parallel, planeToPlane, smallestStep } from "./geometry.js";

/** A Frame as a plane, or null where the image does not say where it lies. */
export function planeOf({ frames }, index) {
  const { position, orientation, spacing } = frames;
  if (!position || !orientation || !spacing) return null;
  const plane = {
    position: [...position.slice(index * 3, index * 3 + 3)],
    orientation: [...orientation.slice(index * 6, index * 6 + 6)],
    spacing: [...spacing.slice(index * 2, index * 2 + 2)],
  };
  return Object.values(plane).flat().every(Number.isFinite) ? plane : null;
}

const noGroup = () => ({ base: null, overlays: [], distance: null });

/** Slices of an image by itself: [{ base, overlays, distance }], with the Frames of one place of a Segmentation together. */
export function ownPlanes(image) {
  const { frames, frameCount, segmentation } = image;
  if (!segmentation) {
    return Array.from({ length: frameCount }, (_, index) => ({ ...noGroup(), base: index }));
  }
  const groups = new Map();
  const first = planeOf(image, 0);
  const direction = first && normal(first.orientation);
  for (let index = 0; index < frameCount; index++) {
    const { key, distance } = placeOf(image, index, direction);
    if (!groups.has(key)) groups.set(key, { ...noGroup(), distance });
    groups.get(key).overlays.push(index);
  }
  const planes = [...groups.values()];
  return direction ? planes.sort((one, other) => one.distance - other.distance) : planes;
}

function placeOf({ frames, segmentation, frameCount }, index, direction) {
  if (direction) {
    const distance = along(direction, frames.position.slice(index * 3, index * 3 + 3));
    return { key: Math.round(distance * 100), distance }; // to a hundredth of a millimetre
  }
  if (frames.source && frames.source[index] >= 0) {
    return { key: `${frames.source[index]}/${frames.sourceFrame[index]}`, distance: null };
  }
  // A Frame for each segment of a single image says nothing of places.
  return { key: frameCount === segmentation.segments.length ? 0 : index, distance: null };
}

/**
 * Slices of a source with the Frames of a Segmentation on them, and how many lie on none.
 * What a Frame was derived from decides; where that is not said, the same place in one Frame of Reference.
 */
export function sourcePlanes(image, source) {
  const planes = Array.from({ length: source.frameCount }, (_, index) => ({ ...noGroup(), base: index }));
  const byName = namedFrames(source);
  const nearest = nearestPlane(image, source);
  let unplaced = 0;
  for (let index = 0; index < image.frameCount; index++) {
    const found = byName(image.frames, index) ?? nearest(index);
    if (found === null) unplaced += 1;
    else planes[found].overlays.push(index);
  }
  return { planes, unplaced };
}

function namedFrames(source) {
  const byUid = new Map(source.instances.map((uid, index) => [uid, index]));
  const single = source.frames.instance !== null;
  return ({ source: column, sourceFrame, sources }, index) => {
    const uid = column && column[index] >= 0 ? sources[column[index]] : null;
    if (uid === null || !byUid.has(uid)) return null;
    if (single) return byUid.get(uid);
    const number = sourceFrame[index];
    if (number >= 1 && number <= source.frameCount) return number - 1;
    return source.frameCount === 1 ? 0 : null;
  };
}

function nearestPlane(image, source) {
  const [own, theirs] = [planeOf(image, 0), planeOf(source, 0)];
  const comparable =
    own && theirs && image.frameOfReference && image.frameOfReference === source.frameOfReference &&
    parallel(own.orientation, theirs.orientation);
  if (!comparable) return () => null;
  const direction = normal(theirs.orientation);
  const at = ({ frames }, index) => along(direction, frames.position.slice(index * 3, index * 3 + 3));
  const places = Array.from({ length: source.frameCount }, (_, index) => ({ index, at: at(source, index) }));
  places.sort((one, other) => one.at - other.at);
  const step = smallestStep(places.map((place) => place.at));
  const reach = Number.isFinite(step) ? step / 2 : 0.5; // mm
  return (index) => {
    const wanted = at(image, index);
    let [low, high] = [0, places.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (places[middle].at < wanted) low = middle + 1;
      else high = middle;
    }
    const near = [places[low - 1], places[low]].filter(Boolean);
    near.sort((one, other) => Math.abs(one.at - wanted) - Math.abs(other.at - wanted));
    return near.length && Math.abs(near[0].at - wanted) <= reach + 1e-4 ? near[0].index : null;
  };
}

/**
 * For each pixel of a base Frame the pixel of an overlay Frame that lies there, or -1; null where they are the same,
 * undefined where nobody knows.
 */
export function pixelLookup(base, baseIndex, overlay, overlayIndex) {
  const from = base.pixels[base.pixels.length > 1 ? baseIndex : 0];
  const to = overlay.pixels[0];
  const [fromPlane, toPlane] = [planeOf(base, baseIndex), planeOf(overlay, overlayIndex)];
  const same = from.rows === to.rows && from.columns === to.columns;
  if (!fromPlane || !toPlane) return same ? null : undefined;
  const map = planeToPlane(fromPlane, toPlane);
  if (same && isIdentity(map, from.rows, from.columns)) return null;
  return lookupOf(map ?? IDENTITY, from, to);
}

function lookupOf([a, b, c, d, e, f], from, to) {
  const lookup = new Int32Array(from.rows * from.columns);
  for (let row = 0, at = 0; row < from.rows; row++) {
    for (let column = 0; column < from.columns; column++, at++) {
      const x = Math.round(a * column + b * row + c);
      const y = Math.round(d * column + e * row + f);
      lookup[at] = x >= 0 && y >= 0 && x < to.columns && y < to.rows ? y * to.columns + x : -1;
    }
  }
  return lookup;
}
