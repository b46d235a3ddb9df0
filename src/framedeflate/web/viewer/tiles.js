// SPDX-License-Identifier: Apache-2.0
// Tiles in the Total Pixel Matrix (PS3.3 C.7.6.17.3), and which of them a view touches.

/** Number of tiles along each side of a matrix. */
export const tilesAcross = ({ columns, tileColumns }) => Math.ceil(columns / tileColumns);
export const tilesDown = ({ rows, tileRows }) => Math.ceil(rows / tileRows);

/**
 * Places of all Frames of a TILED_FULL image: along a row of tiles, down the rows, then focal planes, optical paths,
 * segments. Left and top are in pixels of the matrix, from 0.
 */
export function tiledFull(matrix, frameCount, segmentNumbers = []) {
  const [across, down] = [tilesAcross(matrix), tilesDown(matrix)];
  const layer = across * down;
  const planes = matrix.focalPlanes;
  // With segments the paths do not count: a Segmentation may describe those of its source.
  const paths = segmentNumbers.length ? Math.max(1, Math.floor(frameCount / (layer * planes * segmentNumbers.length))) : 1;
  const places = {
    left: new Int32Array(frameCount),
    top: new Int32Array(frameCount),
    plane: new Uint16Array(frameCount),
    path: new Uint16Array(frameCount),
    segment: segmentNumbers.length ? new Uint16Array(frameCount) : null,
  };
  for (let index = 0; index < frameCount; index++) {
    const tile = index % layer;
    const stack = Math.floor(index / layer);
    places.left[index] = (tile % across) * matrix.tileColumns;
    places.top[index] = Math.floor(tile / across) * matrix.tileRows;
    places.plane[index] = stack % planes;
    const rest = Math.floor(stack / planes);
    places.path[index] = segmentNumbers.length ? rest % paths : rest;
    if (places.segment) places.segment[index] = segmentNumbers[Math.floor(rest / paths)] ?? 0;
  }
  return places;
}

/** Frames by the square of the matrix that they touch, so that a view finds its own without asking all of them. */
export class TileIndex {
  constructor(left, top, { tileColumns, tileRows }, keep = () => true) {
    this.size = [tileColumns, tileRows];
    this.left = left;
    this.top = top;
    this.cells = new Map();
    for (let index = 0; index < left.length; index++) {
      if (!keep(index)) continue;
      const key = this.#key(Math.floor(left[index] / tileColumns), Math.floor(top[index] / tileRows));
      const found = this.cells.get(key);
      if (found) found.push(index);
      else this.cells.set(key, [index]);
    }
  }

  #key(column, row) {
    return row * 0x4000000 + column;
  }

  /** Indices of the Frames that touch a rectangle of the matrix, those in its middle first. */
  within({ left, top, right, bottom }) {
    const [width, height] = this.size;
    const found = [];
    // A sparse tile may begin anywhere in its square, and so reach into the next one.
    const [first, last] = [Math.floor(left / width) - 1, Math.floor((right - 1) / width)];
    const [upper, lower] = [Math.floor(top / height) - 1, Math.floor((bottom - 1) / height)];
    const touches = (index) =>
      this.left[index] < right &&
      this.top[index] < bottom &&
      this.left[index] + width > left &&
      this.top[index] + height > top;
    for (let row = upper; row <= lower; row++) {
      for (let column = first; column <= last; column++) {
        for (const index of this.cells.get(this.#key(column, row)) ?? []) if (touches(index)) found.push(index);
      }
    }
    const [x, y] = [(left + right - width) / 2, (top + bottom - height) / 2];
    const distance = (index) => (this.left[index] - x) ** 2 + (this.top[index] - y) ** 2;
    return found.sort((one, other) => distance(one) - distance(other));
  }
}

/** A view of a plane: which of its points is in the middle, and how many screen pixels one of its pixels takes. */
export class View {
  constructor({ columns, rows }) {
    this.matrix = { columns, rows };
    this.size = { width: 1, height: 1 };
    this.x = columns / 2;
    this.y = rows / 2;
    this.scale = 1;
  }

  get fitScale() {
    return Math.min(this.size.width / this.matrix.columns, this.size.height / this.matrix.rows);
  }

  fit() {
    this.x = this.matrix.columns / 2;
    this.y = this.matrix.rows / 2;
    this.scale = this.fitScale;
  }

  /** The rectangle of the plane that is seen. */
  get rectangle() {
    const [halfWidth, halfHeight] = [this.size.width / 2 / this.scale, this.size.height / 2 / this.scale];
    return { left: this.x - halfWidth, top: this.y - halfHeight, right: this.x + halfWidth, bottom: this.y + halfHeight };
  }

  moveBy(screenX, screenY) {
    this.#place(this.x + screenX / this.scale, this.y + screenY / this.scale);
  }

  /** Zoom so that the point under a place on the screen stays there. */
  zoomAt(factor, screenX, screenY) {
    const { left, top } = this.rectangle;
    const [x, y] = [left + screenX / this.scale, top + screenY / this.scale];
    const least = Math.min(this.fitScale, 1) / 2;
    this.scale = Math.min(32, Math.max(least, this.scale * factor));
    this.#place(x - (screenX - this.size.width / 2) / this.scale, y - (screenY - this.size.height / 2) / this.scale);
  }

  // The middle stays on the plane: nobody gets lost beside it.
  #place(x, y) {
    this.x = Math.min(this.matrix.columns, Math.max(0, x));
    this.y = Math.min(this.matrix.rows, Math.max(0, y));
  }
}
