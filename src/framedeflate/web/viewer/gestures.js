// SPDX-License-Identifier: Apache-2.0
// Pointers and the wheel on a stage: drags, pinches, and the wheel turned into steps.

/**
 * Listen on an element until the signal says stop.
 *
 * drag(dx, dy, event) for one pointer, pinch(factor, x, y) for two, wheel(dy, x, y, event) in pixels; x and y are
 * those of the element. `event.shiftKey` and `event.buttons` say what kind of drag it is.
 */
export function listenForGestures(element, { drag, pinch, wheel }, signal) {
  const pointers = new Map();
  const place = (event) => {
    const { left, top } = element.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  const spread = () => {
    const [one, other] = [...pointers.values()];
    return { distance: Math.hypot(one.x - other.x, one.y - other.y), x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 };
  };
  element.addEventListener("pointerdown", (event) => {
    if (event.button > 1) return;
    element.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, place(event));
    element.classList.add("dragging");
    if (event.button === 1) event.preventDefault(); // the browser's own scrolling
  }, { signal });
  element.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = place(event);
    if (pointers.size === 1) {
      pointers.set(event.pointerId, now);
      drag(now.x - before.x, now.y - before.y, event);
    } else if (pointers.size === 2) {
      const old = spread();
      pointers.set(event.pointerId, now);
      const { distance, x, y } = spread();
      if (old.distance > 0 && distance > 0) pinch(distance / old.distance, x, y);
    }
  }, { signal });
  for (const name of ["pointerup", "pointercancel"]) {
    element.addEventListener(name, (event) => {
      pointers.delete(event.pointerId);
      if (!pointers.size) element.classList.remove("dragging");
    }, { signal });
  }
  element.addEventListener("wheel", (event) => {
    event.preventDefault();
    const { x, y } = place(event);
    wheel(event.deltaY * (event.deltaMode === 1 ? 16 : 1), x, y, event);
  }, { signal, passive: false });
}
