// What the pages do besides being read: tables that sort, windows on cells, charts that tell their values.
"use strict";

(() => {
  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  // --- Tables ---

  const sortKey = (row, column) => {
    const cell = row.cells[column];
    const text = (cell.dataset.sort ?? cell.textContent).trim();
    // Thousands, a verdict or an interval after a number, and k of parameters do not keep it from being one.
    const number = /^([+-]?[\d,]+(?:\.\d+)?)(k?)(?: [✓✗]| \[.*)?$/.exec(text);
    if (number) return Number(number[1].replaceAll(",", "")) * (number[2] ? 1000 : 1);
    return text === "" || text === "-" ? null : text;
  };

  const compare = (one, other) => {
    if (typeof one === "number" && typeof other === "number") return one - other;
    return String(one).localeCompare(String(other), "en", { numeric: true });
  };

  const sort = (table, column, descending) => {
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [sortKey(row, column), row]);
    const empty = rows.filter(([key]) => key === null); // last in both directions
    const filled = rows.filter(([key]) => key !== null);
    filled.sort(([one], [other]) => (descending ? compare(other, one) : compare(one, other)));
    body.append(...[...filled, ...empty].map(([, row]) => row));
  };

  // The column of every head of the last line; heads that span lines come first.
  const heads = (table) => {
    const [first, second] = table.tHead.rows;
    if (!second) return [...first.cells];
    return [...[...first.cells].filter((cell) => cell.rowSpan > 1), ...second.cells];
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    const all = heads(table);
    all.forEach((head, column) => {
      if ("plain" in head.dataset) return;
      const button = make("button", { type: "button" });
      button.append(...head.childNodes);
      head.append(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const descending = head.getAttribute("aria-sort") === "ascending";
        all.forEach((other) => other.hasAttribute("aria-sort") && other.setAttribute("aria-sort", "none"));
        head.setAttribute("aria-sort", descending ? "descending" : "ascending");
        sort(table, column, descending);
      });
    });
  }

  // On a narrow screen what stands before the first number is set narrow, and where that is not enough the table begins
  // with its first value in sight.
  const showNumber = (table) => {
    const box = table.closest(".scroll");
    const number = table.querySelector("tbody td.number[data-sort]") ?? table.querySelector("tbody td.number");
    if (number) box.scrollLeft = Math.max(0, number.offsetLeft + number.offsetWidth - box.clientWidth);
  };

  for (const table of document.querySelectorAll(".scroll table")) {
    const rows = [...table.rows].filter((row) => row.parentElement !== table.tHead).map((row) => [...row.cells]);
    const first = rows[0]?.findIndex((cell) => cell.classList.contains("number")) ?? 0;
    for (const row of [heads(table), ...rows]) {
      for (const cell of row.slice(0, Math.max(0, first))) cell.classList.add("lead");
    }
    showNumber(table);
    table.closest("details")?.addEventListener("toggle", () => showNumber(table));
  }

  // --- Cells ---

  const source = document.getElementById("cell-data");
  if (source) {
    const { cells, nodes } = JSON.parse(source.textContent);
    const dialog = document.getElementById("cell");
    const title = document.getElementById("cell-title");
    const body = document.getElementById("cell-facts");

    const list = (pairs) => {
      const found = make("dl", { className: "facts" });
      for (const [name, value] of pairs) {
        if (value) found.append(make("dt", {}, name), make("dd", {}, value));
      }
      return found;
    };

    const verdict = (cell) => {
      const text = make("span", { className: `status ${cell.status.replace(" ", "-")}` }, cell.status);
      if (!cell.delta) return text;
      const limit = cell.status === "own training" ? "" : `, at most ${cell.tolerance} counts as reproduced`;
      return make("span", {}, text, `: ${cell.delta} from print${limit}`);
    };

    const codes = ["commit"]; // facts that are no words
    const maker = (node) => {
      const parts = [make("h3", {}, "Made by"), make("pre", {}, make("code", {}, node.command))];
      const link = make("a", { href: node.page }, node.name);
      const facts = node.facts.map(([name, text]) => [name, text && codes.includes(name) ? make("code", {}, text) : text]);
      parts.push(list([["node", link], ...facts]));
      if (!node.reads.length) return parts;
      const reads = make("ul");
      for (const [role, name, page, digest] of node.reads) {
        const hash = digest ? [" ", make("code", {}, digest)] : [];
        reads.append(make("li", {}, `${role}: `, make("a", { href: page }, name), ...hash));
      }
      return [...parts, make("h3", {}, "From (with SHA-256)"), reads];
    };

    const show = (index) => {
      const cell = cells[index];
      title.textContent = cell.title;
      const photo = cell.photo && make("a", { href: `images.html#${encodeURI(cell.photo)}` }, "look at it");
      body.replaceChildren(
        list([
          [cell.metric, cell.reproduced ?? "not run"],
          ["printed", cell.printed ?? "not printed"],
          ["verdict", cell.printed ? verdict(cell) : "none: nothing is printed to compare with"],
          ["note", cell.note],
          ["stands on", cell.ground],
          ["measured with", cell.measured],
          ["weights", cell.weights],
          ...(cell.more ?? []),
          ["image", photo],
        ]),
        ...(cell.node === undefined ? [make("p", {}, "No node of this project measures it.")] : maker(nodes[cell.node])),
      );
      history.replaceState(null, "", `#cell-${index}`);
      dialog.showModal();
      title.focus();
    };

    document.getElementById("cell-close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.addEventListener("close", () => history.replaceState(null, "", location.pathname));

    // One stop of the Tab key for each table, from which the arrow keys go on.
    const buttons = (table) => [...table.querySelectorAll("td button")];
    const aim = (table, button) => {
      for (const other of table.querySelectorAll('td button[tabindex="0"]')) other.tabIndex = -1;
      button.tabIndex = 0;
    };
    const step = (table, button, key) => {
      const cell = button.closest("td");
      const row = cell.parentElement;
      const inRow = [...row.querySelectorAll("td button")];
      if (key === "ArrowLeft") return inRow[inRow.indexOf(button) - 1];
      if (key === "ArrowRight") return inRow[inRow.indexOf(button) + 1];
      if (key === "Home") return inRow[0];
      if (key === "End") return inRow.at(-1);
      const rows = [...table.rows];
      const direction = key === "ArrowUp" ? -1 : 1;
      for (let place = rows.indexOf(row) + direction; rows[place]; place += direction) {
        const found = rows[place].cells[cell.cellIndex]?.querySelector("button");
        if (found && rows[place].parentElement !== table.tHead) return found;
      }
    };
    const keys = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];
    for (const table of document.querySelectorAll("table.grid")) {
      const all = buttons(table);
      all.forEach((button) => (button.tabIndex = -1));
      if (all.length) aim(table, all[0]);
      table.addEventListener("click", (event) => {
        const cell = event.target.closest("td[data-cell]");
        if (!cell) return;
        const button = cell.querySelector("button");
        if (button) aim(table, button);
        show(Number(cell.dataset.cell));
      });
      table.addEventListener("keydown", (event) => {
        const button = event.target.closest("td button");
        if (!button || !keys.includes(event.key)) return;
        event.preventDefault();
        const next = step(table, button, event.key);
        if (next) {
          aim(table, next);
          next.focus();
        }
      });
    }

    const asked = /^#cell-(\d+)$/.exec(location.hash);
    if (asked && cells[asked[1]]) {
      const index = Number(asked[1]);
      const button = document.querySelector(`td[data-cell="${index}"] button`);
      button?.closest("details")?.setAttribute("open", "");
      button?.focus();
      show(index);
    }
  }

  // A picture that is wider than the screen begins in its middle.
  for (const picture of document.querySelectorAll(".dag .scroll")) {
    picture.scrollLeft = (picture.scrollWidth - picture.clientWidth) / 2;
  }

  // --- Charts ---

  for (const figure of document.querySelectorAll("figure.chart")) {
    const plot = figure.querySelector("svg");
    const tip = figure.querySelector(".tip");
    const points = () =>
      [...plot.querySelectorAll("circle")].filter((point) => !point.closest(".off-screen"));
    const choose = (point) => {
      plot.querySelector(".chosen")?.classList.remove("chosen");
      point?.classList.add("chosen");
      tip.textContent = point?.dataset.tip ?? "";
    };
    plot.addEventListener("pointermove", (event) => {
      const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(plot.getScreenCTM().inverse());
      const far = (point) => Math.hypot(point.cx.baseVal.value - place.x, point.cy.baseVal.value - place.y);
      const nearest = points().reduce((one, other) => (one && far(one) <= far(other) ? one : other), null);
      choose(nearest && far(nearest) < 40 ? nearest : null);
    });
    plot.addEventListener("keydown", (event) => {
      const all = points();
      const now = all.indexOf(plot.querySelector(".chosen"));
      // Up and down go from series to series.
      const firsts = all.flatMap((point, place) => (point === point.parentElement.firstElementChild ? [place] : []));
      const next = {
        ArrowRight: now + 1,
        ArrowLeft: now < 0 ? all.length - 1 : now - 1,
        ArrowDown: firsts.find((place) => place > now) ?? all.length - 1,
        ArrowUp: firsts.findLast((place) => place < now) ?? 0,
        Home: 0,
        End: all.length - 1,
      };
      if (!(event.key in next)) return;
      event.preventDefault();
      choose(all[Math.max(0, Math.min(all.length - 1, next[event.key]))]);
    });
  }

  for (const box of document.querySelectorAll(".toggles input")) {
    box.addEventListener("change", () => {
      for (const series of document.querySelectorAll(".series")) {
        if (series.dataset.name === box.value) series.classList.toggle("off-screen", !box.checked);
      }
    });
  }
})();
