// The image browser: two methods under one border, and a crop by every method with its PSNR and SSIM.
"use strict";

const site = { photos: JSON.parse(document.getElementById("photos").textContent), loaded: {} };
// Called by the numbers.js of a photograph.
site.photo = (photo) => {
  site.loaded[photo.folder] = photo;
};

(() => {
  const element = (id) => document.getElementById(id);
  const [photoChoice, levelChoice, left, right] = ["photo", "level", "left", "right"].map(element);
  const [border, cropLeft, cropTop, cropSize] = ["border", "crop-left", "crop-top", "crop-size"].map(element);
  const differences = element("differences");
  let photo = null; // the chosen one, with its numbers

  const load = (folder) =>
    new Promise((done, failed) => {
      if (site.loaded[folder]) return done(site.loaded[folder]);
      const script = document.createElement("script");
      script.src = `${folder}/numbers.js`;
      script.onload = () => done(site.loaded[folder]);
      script.onerror = () => failed(new Error(`${folder}/numbers.js is missing`));
      document.head.append(script);
    });

  // Everything that can be looked at: the clean image, the noisy one, and every method.
  const versions = () => {
    const level = photo.levels[levelChoice.value];
    return [{ name: "clean", file: photo.clean }, { name: "noisy", ...level.noisy }, ...level.methods];
  };
  const version = (name) => versions().find((found) => found.name === name);

  const fill = (select, values, wanted) => {
    select.replaceChildren(...values.map(([value, text]) => new Option(text, value)));
    if (values.some(([value]) => value === wanted)) select.value = wanted;
  };

  const described = (name) => `${photo.title} ${photo.item}, noise of sigma ${levelChoice.value}: ${name}`;

  // --- Numbers of a crop: pixels [x, x + width) by [y, y + height), on the borders of tiles ---

  const crop = () => {
    const tile = photo.tile;
    const size = Number(cropSize.value) * tile;
    const x = Number(cropLeft.value) * tile;
    const y = Number(cropTop.value) * tile;
    return { x, y, width: Math.min(size, photo.width - x), height: Math.min(size, photo.height - y) };
  };

  const add = (tiles, { x, y, width, height }) => {
    const across = Math.ceil(photo.width / photo.tile);
    let sum = 0;
    for (let row = y / photo.tile; row < Math.ceil((y + height) / photo.tile); row += 1) {
      for (let column = x / photo.tile; column < Math.ceil((x + width) / photo.tile); column += 1) {
        sum += tiles[row * across + column];
      }
    }
    return sum;
  };

  // Pixels that have a similarity: those at least 5 from the border of the image.
  const inner = (start, length, whole) => Math.max(0, Math.min(start + length, whole - 5) - Math.max(start, 5));

  const quality = (found, part) => {
    if (!found.errors) return null;
    const squared = add(found.errors, part) / (part.width * part.height * photo.channels);
    const psnr = squared === 0 ? Infinity : 10 * Math.log10(255 ** 2 / squared);
    const pixels = inner(part.x, part.width, photo.width) * inner(part.y, part.height, photo.height);
    const ssim = pixels ? add(found.similarities, part) / 1000 / pixels : null;
    return { psnr, ssim };
  };

  const words = (numbers) => {
    if (!numbers) return "the reference";
    const psnr = numbers.psnr === Infinity ? "∞" : numbers.psnr.toFixed(2);
    return `PSNR ${psnr} dB` + (numbers.ssim === null ? "" : `, SSIM ${numbers.ssim.toFixed(4)}`);
  };

  // --- Before and after ---

  const place = () => {
    const share = Number(border.value);
    element("over").style.clipPath = `inset(0 ${100 - share}% 0 0)`;
    element("edge").style.left = `${share}%`;
    border.setAttribute("aria-valuetext", `${share} % ${left.value}, the rest ${right.value}`);
  };

  const compare = () => {
    const whole = { x: 0, y: 0, width: photo.width, height: photo.height };
    for (const [image, name] of [["over", left.value], ["under", right.value]]) {
      element(image).src = version(name).file;
      element(image).alt = described(name);
    }
    element("whole").textContent = [left.value, right.value]
      .map((name) => `${name}: ${words(quality(version(name), whole))}`)
      .join("; ");
    element("comparing").style.width = `${Math.max(photo.width, 384)}px`;
    element("stage").style.aspectRatio = `${photo.width} / ${photo.height}`;
    element("stage").classList.toggle("pixels", photo.width < 384);
    place();
  };

  // --- The crop ---

  const limits = () => {
    const smallest = Math.min(photo.width, photo.height);
    const most = Math.floor(smallest / photo.tile);
    cropSize.min = Math.min(2, most);
    cropSize.max = most;
    const size = Number(cropSize.value);
    cropLeft.max = Math.max(0, Math.floor(photo.width / photo.tile) - size);
    cropTop.max = Math.max(0, Math.floor(photo.height / photo.tile) - size);
  };

  const tile = (found, part) => {
    const side = Math.max(part.width, part.height);
    const image = document.createElement("img");
    const shown = differences.checked && found.difference;
    image.src = shown ? found.difference : found.file;
    image.alt = `${described(found.name)}${shown ? ", difference to the clean image" : ""}, crop`;
    image.style.width = `${(100 * photo.width) / side}%`;
    image.style.left = `${(-100 * part.x) / side}%`;
    image.style.top = `${(-100 * part.y) / side}%`;
    image.className = "pixels";
    const view = document.createElement("div");
    view.className = "view";
    view.append(image);
    const text = document.createElement("p");
    const name = document.createElement("strong");
    name.textContent = found.name;
    text.append(name, document.createElement("br"), words(quality(found, part)));
    const item = document.createElement("li");
    item.append(view, text);
    return item;
  };

  const showCrop = () => {
    limits();
    const part = crop();
    const frame = element("frame").style;
    frame.left = `${(100 * part.x) / photo.width}%`;
    frame.top = `${(100 * part.y) / photo.height}%`;
    frame.width = `${(100 * part.width) / photo.width}%`;
    frame.height = `${(100 * part.height) / photo.height}%`;
    for (const range of [cropLeft, cropTop, cropSize]) {
      range.setAttribute("aria-valuetext", `${Number(range.value) * photo.tile} pixels`);
    }
    element("where").textContent = `${part.width} by ${part.height} pixels from (${part.x}, ${part.y})`;
    element("crops").replaceChildren(...versions().map((found) => tile(found, part)));
  };

  const moveTo = (event) => {
    const box = element("map").getBoundingClientRect();
    const size = Number(cropSize.value);
    const column = ((event.clientX - box.left) / box.width) * (photo.width / photo.tile);
    const row = ((event.clientY - box.top) / box.height) * (photo.height / photo.tile);
    cropLeft.value = Math.round(column - size / 2);
    cropTop.value = Math.round(row - size / 2);
    showCrop();
  };

  const dragged = (target, move) => {
    target.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      target.setPointerCapture(event.pointerId);
      move(event);
    });
    target.addEventListener("pointermove", (event) => target.hasPointerCapture(event.pointerId) && move(event));
  };

  // --- Choices ---

  const chooseLevel = (wantedRight) => {
    const names = versions().map(({ name }) => [name, name]);
    fill(left, names, left.value || "noisy");
    fill(right, names, wantedRight ?? (right.value || names[2][0]));
    compare();
    showCrop();
  };

  const choosePhoto = async (level, method) => {
    photo = await load(site.photos[Number(photoChoice.value)].folder);
    fill(levelChoice, Object.keys(photo.levels).map((value) => [value, `σ = ${value}`]), level ?? levelChoice.value);
    element("map").src = photo.clean;
    element("map").alt = described("clean");
    const [column, row, size] = photo.crop;
    cropSize.max = Math.floor(Math.min(photo.width, photo.height) / photo.tile);
    cropSize.value = size;
    limits();
    cropLeft.value = column;
    cropTop.value = row;
    chooseLevel(method);
  };

  photoChoice.addEventListener("change", () => choosePhoto());
  levelChoice.addEventListener("change", () => chooseLevel());
  left.addEventListener("change", compare);
  right.addEventListener("change", compare);
  border.addEventListener("input", place);
  for (const range of [cropLeft, cropTop, cropSize]) range.addEventListener("input", showCrop);
  differences.addEventListener("change", showCrop);
  element("choice").addEventListener("submit", (event) => event.preventDefault());
  dragged(element("stage"), (event) => {
    const box = element("stage").getBoundingClientRect();
    border.value = (100 * (event.clientX - box.left)) / box.width;
    place();
  });
  dragged(element("map"), moveTo);

  // images.html#Kodak/01/25/DnCNN, as a cell's window links to it.
  const [title, item, level, method] = decodeURI(location.hash.slice(1)).split("/");
  const asked = site.photos.findIndex((found) => found.title === title && found.item === item);
  if (asked >= 0) photoChoice.value = String(asked);
  left.value = "noisy";
  choosePhoto(level, method);
})();
