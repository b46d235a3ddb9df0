// SPDX-License-Identifier: Apache-2.0
// Planes in the Reference Coordinate System (PS3.3 C.7.6.2.1.1), and which lies on which.
//
// A plane is { position: [x, y, z], orientation: [six direction cosines], spacing: [row, column] }, in mm.

const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const minus = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];

/** Direction in which slices are stacked. */
export const normal = (orientation) => cross(orientation.slice(0, 3), orientation.slice(3, 6));

/** How far a plane lies along a direction. */
export const along = (direction, position) => dot(direction, position);

/** Whether two planes have one normal; the pixels may still be turned within the plane. */
export function parallel(first, second) {
  return Math.abs(dot(normal(first), normal(second))) > 0.9998; // about one degree
}

/**
 * From pixels of one plane to pixels of another: [a, b, c, d, e, f] with column = a * c + b * r + c, row = d * c + e * r + f.
 * Pixels are counted from 0 at their centres.
 */
export function planeToPlane(from, to) {
  const [rowSpacing, columnSpacing] = from.spacing;
  const across = from.orientation.slice(0, 3).map((one) => one * columnSpacing);
  const down = from.orientation.slice(3, 6).map((one) => one * rowSpacing);
  const start = minus(from.position, to.position);
  const [toAcross, toDown] = [to.orientation.slice(0, 3), to.orientation.slice(3, 6)];
  const rowOf = (direction, spacing) => [across, down, start].map((one) => dot(one, direction) / spacing);
  return [...rowOf(toAcross, to.spacing[1]), ...rowOf(toDown, to.spacing[0])];
}

export const IDENTITY = [1, 0, 0, 0, 1, 0];

/** Whether a map moves no pixel of an image of that size by half a pixel or more. */
export function isIdentity(map, rows, columns) {
  const corners = [[0, 0], [columns - 1, 0], [0, rows - 1], [columns - 1, rows - 1]];
  return corners.every(([column, row]) => {
    const [a, b, c, d, e, f] = map;
    return Math.abs(a * column + b * row + c - column) < 0.5 && Math.abs(d * column + e * row + f - row) < 0.5;
  });
}

/** Smallest step between planes along a direction, leaving out planes at one place; Infinity for a single one. */
export function smallestStep(distances) {
  const sorted = Float64Array.from(distances).sort();
  let step = Infinity;
  for (let index = 1; index < sorted.length; index++) {
    const between = sorted[index] - sorted[index - 1];
    if (between > 1e-3 && between < step) step = between;
  }
  return step;
}
