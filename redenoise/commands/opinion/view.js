// How large the pictures of one image are, and what is shown of them: all of it, or the same region of each, enlarged.
"use strict";
const GAP = 8;
const AROUND = 8;  // of a picture, in the frame that holds it and its scores
const NARROW = 700;  // pixels; below, the pictures are as wide as the page and may be scrolled to
const STEP = 0.06;  // of the image, for a key

class View {
  constructor(grid, button) {
    this.grid = grid;
    this.button = button;
    this.middle = null;  // Of what is enlarged, as fractions of width and height; null for the whole image.
  }

  show(image, count) {
    this.image = image;
    this.count = count;
    this.middle = null;
    this.fit();
  }

  // As many columns as make the pictures largest.
  fit() {
    const { width, height } = this.image;
    const space = document.documentElement.clientWidth - 2 * GAP;
    const narrow = space < NARROW;
    const choices = narrow ? [2] : [this.count, Math.ceil(this.count / 2)];
    const sizes = choices.map((columns) => {
      const rows = Math.ceil(this.count / columns);
      const tall = (window.innerHeight - 150 - GAP * (rows - 1)) / rows - 60;
      const wide = (space - GAP * (columns - 1)) / columns - AROUND;
      return { columns, side: Math.floor(narrow ? wide : Math.max(200, Math.min(wide, (tall * width) / height))) };
    });
    const best = sizes.reduce((one, two) => (two.side > one.side ? two : one));
    this.grid.style.setProperty("--columns", best.columns);
    this.grid.style.setProperty("--width", `${best.side + AROUND}px`);
    this.grid.style.setProperty("--height", `${Math.round((best.side * height) / width)}px`);
    this.place();
  }

  // Twice the size, or more where that is still less than the image's own pixels and a half.
  times() {
    const frame = this.grid.querySelector(".frame");
    return Math.max(2, (this.image.width * 1.5) / frame.clientWidth);
  }

  place() {
    const times = this.middle ? this.times() : 1;
    const edge = (fraction) => `${this.middle ? clamped(50 - 100 * times * fraction, 100 - 100 * times, 0) : 0}%`;
    for (const picture of this.grid.querySelectorAll(".frame img")) {
      picture.style.width = picture.style.height = `${100 * times}%`;
      picture.style.left = edge(this.middle?.x);
      picture.style.top = edge(this.middle?.y);
    }
    this.grid.classList.toggle("zoomed", this.middle !== null);
    this.button.setAttribute("aria-pressed", String(this.middle !== null));
  }

  look(x, y) {
    const edge = 0.5 / this.times();
    this.middle = { x: clamped(x, edge, 1 - edge), y: clamped(y, edge, 1 - edge) };
    this.place();
  }

  leave() {
    this.middle = null;
    this.place();
  }

  toggle() {
    if (this.middle) this.leave();
    else this.look(0.5, 0.5);
  }

  move(x, y) {
    const from = this.middle || { x: 0.5, y: 0.5 };
    this.look(from.x + x * STEP, from.y + y * STEP);
  }

  // A tap enlarges there, or ends it; a finger or mouse that moves drags what is enlarged.
  listen(frame) {
    let from = null;
    frame.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      from = { x: event.clientX, y: event.clientY, middle: this.middle, moved: false };
      frame.setPointerCapture(event.pointerId);
    });
    frame.addEventListener("pointermove", (event) => {
      if (!from) return;
      const [x, y] = [event.clientX - from.x, event.clientY - from.y];
      from.moved = from.moved || Math.hypot(x, y) > 6;
      if (!from.middle || !from.moved) return;
      const times = this.times();
      this.look(from.middle.x - x / frame.clientWidth / times, from.middle.y - y / frame.clientHeight / times);
    });
    frame.addEventListener("pointercancel", () => { from = null; });
    frame.addEventListener("pointerup", (event) => {
      const tapped = from && !from.moved;
      from = null;
      if (!tapped) return;
      if (this.middle) { this.leave(); return; }
      const box = frame.getBoundingClientRect();
      this.look((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    });
  }
}

function clamped(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
