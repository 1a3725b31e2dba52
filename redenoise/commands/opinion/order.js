// The orders that a rater sees; order.py computes the same ones to check the file.
"use strict";
function hash(text) {
  let value = 0x811c9dc5;
  for (const letter of text) value = Math.imul(value ^ letter.charCodeAt(0), 0x01000193) >>> 0;
  return value;
}
function shuffled(values, seed) {
  let state = hash(seed);
  const draw = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
  const found = [...values].sort();
  for (let last = found.length - 1; last > 0; last--) {
    const other = Math.floor(draw() * (last + 1));
    [found[last], found[other]] = [found[other], found[last]];
  }
  return found;
}
