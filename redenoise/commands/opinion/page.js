"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const count = data.images[0].panels.length;
  const letters = "ABCD".slice(0, count);
  const images = new Map(data.images.map((image) => [image.code, image]));
  const KEY = `redenoise-opinion-${data.page}`;
  const at = (id) => document.getElementById(id);

  // ---- The orders that this rater sees.
  const imageOrder = () => shuffled(images.keys(), `${data.page}|${state.session}|images`);
  const panelOrder = (code) =>
    shuffled(images.get(code).panels.map((panel) => panel.code), `${data.page}|${state.session}|${code}`);

  // ---- What is kept: session, name, scores by image and picture, and which image is shown.
  const fresh = () => ({
    session: [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
    rater: "", scores: {}, place: -1,
  });
  function load() {
    try {
      const found = JSON.parse(localStorage.getItem(KEY));
      const whole = found && /^[0-9a-f]{32}$/.test(found.session) && typeof found.rater === "string" &&
        found.scores && typeof found.scores === "object" && Number.isInteger(found.place);
      return whole ? found : fresh();
    } catch {
      return fresh();
    }
  }
  function keep() {
    try {
      localStorage.setItem(KEY, JSON.stringify(state));
    } catch {
      at("notice").textContent = "This browser keeps nothing for this page: finish without closing it.";
      at("notice").hidden = false;
    }
  }
  let state = load();
  let order = imageOrder();
  let current = 0;
  const view = new View(at("grid"), at("zoom"));

  const scoresOf = (code) => state.scores[code] || {};
  const complete = (code) => {
    const given = panelOrder(code).map((panel) => scoresOf(code)[panel]);
    return [...given].sort().join() === [...letters].map((_, index) => index + 1).join();
  };
  const ranked = () => order.filter(complete).length;

  // ---- Pages.
  function show() {
    state.place = Math.max(-1, Math.min(order.length, state.rater ? state.place : -1));
    if (state.place === order.length && ranked() < order.length) state.place = order.findIndex((code) => !complete(code));
    const name = state.place < 0 ? "start" : state.place < order.length ? "rate" : "end";
    for (const id of ["start", "rate", "end"]) at(id).hidden = id !== name;
    document.body.classList.toggle("rating", name === "rate");
    at("rater").value = state.rater;
    if (name === "rate") showImage();
    if (name === "end") at("text").value = result();
    keep();
    if (name !== "start") at(`${name}-title`).focus();
    window.scrollTo(0, 0);
  }
  function showImage() {
    const code = order[state.place];
    const image = images.get(code);
    const sources = new Map(image.panels.map((panel) => [panel.code, panel.source]));
    current = 0;
    at("rate-title").textContent = `Image ${state.place + 1} of ${order.length}`;
    at("grid").replaceChildren(...panelOrder(code).map((panel, index) => fieldset(panel, index, sources.get(panel))));
    at("back").textContent = state.place ? "Back" : "Instructions";
    view.show(image, count);
    refresh();
    const after = images.get(order[state.place + 1]);
    if (after) for (const panel of after.panels) new Image().src = panel.source;
  }
  function fieldset(panel, index, source) {
    const found = document.createElement("fieldset");
    found.dataset.panel = panel;
    const picture = document.createElement("img");
    picture.src = source;
    picture.alt = `Picture ${letters[index]}`;
    picture.draggable = false;
    const frame = document.createElement("div");
    frame.className = "frame";
    frame.append(picture);
    const legend = document.createElement("legend");
    legend.textContent = `Picture ${letters[index]}`;
    legend.className = "unseen";
    const letter = document.createElement("span");
    letter.textContent = letters[index];
    letter.className = "letter";
    letter.setAttribute("aria-hidden", "true");
    const scores = document.createElement("div");
    scores.className = "scores";
    scores.append(letter);
    for (let score = 1; score <= count; score++) scores.append(choice(index, score));
    found.append(legend, frame, scores);
    found.addEventListener("focusin", () => choose(index));
    found.addEventListener("pointerdown", () => choose(index));
    view.listen(frame);
    return found;
  }
  function choice(index, score) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    const text = document.createElement("span");
    input.type = "radio";
    input.name = `score-${index}`;
    input.value = score;
    input.setAttribute("aria-label", score === count ? `${score}, best` : score === 1 ? "1, worst" : `${score}`);
    input.addEventListener("change", () => give(index, score));
    text.textContent = score;
    label.append(input, text);
    return label;
  }
  function refresh() {
    const code = order[state.place];
    const panels = panelOrder(code);
    [...at("grid").children].forEach((element, index) => {
      element.classList.toggle("current", index === current);
      for (const input of element.querySelectorAll("input"))
        input.checked = scoresOf(code)[panels[index]] === Number(input.value);
    });
    const without = panels.filter((panel) => !scoresOf(code)[panel]).map((panel) => letters[panels.indexOf(panel)]);
    at("missing").textContent = without.length ? `Without a score: ${without.join(", ")}` : "";
    at("next").disabled = !complete(code);
    at("next").textContent = state.place + 1 < order.length ? "Next" : "Finish";
    at("done").max = order.length;
    at("done").value = ranked();
  }

  // ---- Scores: each is given once; the picture that had it takes the old one of the other in exchange.
  function give(index, score) {
    const code = order[state.place];
    const panels = panelOrder(code);
    const scores = { ...scoresOf(code) };
    const other = panels.find((panel) => panel !== panels[index] && scores[panel] === score);
    const before = scores[panels[index]];
    if (other) {
      if (before) scores[other] = before;
      else delete scores[other];
    }
    scores[panels[index]] = score;
    state.scores[code] = scores;
    keep();
    refresh();
    at("spoken").textContent = panels.map((panel, k) => `${letters[k]}: ${scores[panel] || "no score"}`).join(", ");
  }
  function choose(index) {
    current = index;
    [...at("grid").children].forEach((element, k) => element.classList.toggle("current", k === index));
  }
  function focusOn(index) {
    const inputs = [...at("grid").children[index].querySelectorAll("input")];
    (inputs.find((input) => input.checked) || inputs[0]).focus();
  }
  function go(step) {
    if (step > 0 && !complete(order[state.place])) return;
    state.place += step;
    show();
  }

  // ---- Keys, while the focus is in the section of the pictures.
  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  function pressed(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const letter = letters.indexOf(event.key.toUpperCase());
    const number = Number(event.key);
    const button = event.target.tagName === "BUTTON";
    if (event.shiftKey && MOVES[event.key]) {
      view.move(...MOVES[event.key]);
    } else if (event.key.length === 1 && letter >= 0) {
      focusOn(letter);
    } else if (Number.isInteger(number) && number >= 1 && number <= count) {
      const panels = panelOrder(order[state.place]);
      give(current, number);
      const without = panels.findIndex((panel) => !scoresOf(order[state.place])[panel]);
      focusOn(without < 0 ? current : without);
    } else if (event.key === "z" || event.key === "Z") {
      view.toggle();
    } else if (event.key === "Enter" && !button) {
      go(1);
    } else if (event.key === "Backspace") {
      go(-1);
    } else {
      return;
    }
    event.preventDefault();
  }

  // ---- The file.
  function result() {
    const answers = order.map((image) => {
      const shown = panelOrder(image);
      return { image, shown, scores: shown.map((panel) => state.scores[image][panel]) };
    });
    const { session, rater } = state;
    return JSON.stringify({ format: data.format, page: data.page, rater, session, answers });
  }
  function save() {
    const link = document.createElement("a");
    const who = state.rater.replace(/[^A-Za-z0-9]+/g, "-").replace(/^-|-$/g, "") || "rater";
    link.href = URL.createObjectURL(new Blob([result()], { type: "application/json" }));
    link.download = `opinion-${who}-${state.session.slice(0, 6)}.json`;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    at("saved").textContent = `Saved as ${link.download}, where this browser keeps downloads.`;
  }

  // ---- Beginning.
  const fill = (name, text) => document.querySelectorAll(`.${name}`).forEach((one) => { one.textContent = text; });
  fill("images", data.images.length);
  fill("panels", count);
  fill("last-letter", letters[count - 1]);
  at("who").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = at("rater").value.trim().replace(/\s+/g, " ");
    if (!name) {
      at("rater-why").textContent = "Please give a name or initials: it goes into your file and nowhere else.";
      at("rater").setAttribute("aria-invalid", "true");
      at("rater").focus();
      return;
    }
    at("rater").removeAttribute("aria-invalid");
    state.rater = name;
    state.place = Math.max(0, order.findIndex((code) => !complete(code)));
    show();
  });
  at("rate").addEventListener("keydown", pressed);
  at("back").addEventListener("click", () => go(-1));
  at("next").addEventListener("click", () => go(1));
  at("zoom").addEventListener("click", () => view.toggle());
  at("again").addEventListener("click", () => { state.place = order.length - 1; show(); });
  at("save").addEventListener("click", save);
  at("anew").addEventListener("click", () => {
    state = fresh();
    order = imageOrder();
    at("saved").textContent = "";
    show();
    at("rater").focus();
  });
  window.addEventListener("resize", () => { if (!at("rate").hidden) view.fit(); });
  show();
})();
