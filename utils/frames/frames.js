// Moves the pictures of the figures that `utils/frames/page.py` writes: sliders, choices, views, play, a point that is
// dragged. It asks for nothing but the picture files beside the page, and works from a folder, without a server.
"use strict";

(() => {
  const FILES_KEPT = 12; // decoded; what is thrown out is still in the browser's cache
  const KEYS = {
    ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1],
    Home: [0, -Infinity], End: [0, Infinity], PageDown: [1, -Infinity], PageUp: [1, Infinity],
  };

  const clamp = (number, low, high) => Math.min(Math.max(number, low), high);

  // Files of pictures, loaded and decoded, the newest last.
  class Files {
    constructor(source, names) {
      this.source = source;
      this.names = names;
      this.held = new Map();
    }

    // The entry of a file: `ready` says whether it is decoded, `done` resolves when it is.
    load(number) {
      let entry = this.held.get(number);
      if (entry) {
        this.held.delete(number);
      } else {
        const image = new Image();
        image.src = `${this.source}/${this.names[number]}`;
        entry = { image, ready: false };
        entry.done = image.decode().then(() => { entry.ready = true; });
        entry.done.catch(() => { if (this.held.get(number) === entry) this.held.delete(number); });
      }
      this.held.set(number, entry);
      for (const old of this.held.keys()) {
        if (this.held.size <= FILES_KEPT) break;
        this.drop(old);
      }
      return entry;
    }

    // Forget a file; one that is on its way is not waited for any longer.
    drop(number) {
      const entry = this.held.get(number);
      this.held.delete(number);
      if (entry && !entry.ready) entry.image.src = "";
    }
  }

  class Frames {
    constructor(figure) {
      this.figure = figure;
      this.index = JSON.parse(figure.querySelector("script").textContent);
      this.lines = this.index.controls.flatMap(control => control.lines.map(line => ({ ...line, control })));
      this.at = this.lines.map(line => line.start);
      this.files = new Files(this.index.source, this.index.files.map(file => file.name));
      this.box = figure.querySelector(".frames-picture");
      this.images = [...figure.querySelectorAll(".frames-panel img")];
      this.caption = figure.querySelector("figcaption");
      this.playButton = figure.querySelector(".frames-play");
      this.main = this.lines.findIndex(line => line.control.name === this.index.play);
      this.inView = false;
      this.playing = null;
      this.view = null; // the one whose values stand, until a control moves
      this.wanted = this.shown = this.number(this.at);
      this.points = this.index.controls.filter(control => control.kind === "point").map(control => new Point(this, control));
      this.listen();
      this.follow();
    }

    listen() {
      const moved = event => {
        const line = Number(event.target.dataset.line);
        this.move(this.with(line, Number(event.target.value)));
      };
      for (const input of this.figure.querySelectorAll("input")) {
        input.addEventListener(input.type === "range" ? "input" : "change", moved);
      }
      for (const button of this.figure.querySelectorAll("[data-view]")) {
        const view = this.index.views[button.dataset.view];
        button.addEventListener("click", () => this.move(view.at, view));
      }
      this.playButton?.addEventListener("click", () => (this.playing ? this.stop() : this.play()));
      new IntersectionObserver(entries => {
        this.inView = entries.at(-1).isIntersecting;
        if (this.inView) this.fetchNeighbours();
        else this.stop();
      }, { rootMargin: "200px" }).observe(this.figure);
    }

    // The number of the picture at these places: the last line moves fastest.
    number(at) {
      return this.lines.reduce((number, line, each) => number * line.shown.length + at[each], 0);
    }

    with(line, place) {
      return this.at.with(line, clamp(place, 0, this.lines[line].shown.length - 1));
    }

    // A move by the reader, which ends any play.
    move(at, view = null) {
      this.stop();
      return this.go(at, view);
    }

    // Show the picture at these places, or at a view's own, unless a newer move overtakes it; resolves when it is settled
    // which.
    async go(at, view = null) {
      const number = view ? view.picture : this.number(at);
      const before = this.index.pictures[this.wanted].file;
      const { file } = this.index.pictures[number];
      this.at = [...at];
      this.view = view;
      this.wanted = number;
      this.follow();
      if (before !== file && before !== this.index.pictures[this.shown].file && !this.files.held.get(before)?.ready) {
        this.files.drop(before);
      }
      const entry = this.files.load(file);
      try {
        if (!entry.ready) await entry.done;
      } catch {
        if (this.wanted === number && this.files.held.get(file) === undefined) this.fail();
        return;
      }
      if (this.wanted === number) this.present(number);
    }

    present(number) {
      const picture = this.index.pictures[number];
      const { name, pictures } = this.index.files[picture.file];
      const file = `${this.index.source}/${name}`;
      this.shown = number;
      this.box.style.setProperty("--row", picture.place);
      this.box.style.setProperty("--rows", pictures);
      for (const image of this.images) {
        if (image.getAttribute("src") !== file) image.src = file;
      }
      this.images[0].alt = picture.alt;
      this.caption.innerHTML = picture.caption;
      this.caption.classList.remove("frames-failed");
      this.figure.dataset.shown = number;
      if (this.inView) this.fetchNeighbours();
    }

    fail() {
      this.caption.textContent = "This picture could not be fetched. Check the connection, then move a control again.";
      this.caption.classList.add("frames-failed");
      this.stop();
    }

    // What one more move may need: the file of the picture, and those of the next stops of every control.
    fetchNeighbours() {
      const file = this.index.pictures[this.shown].file;
      const near = new Set();
      this.lines.forEach((line, each) => {
        for (const way of [-1, 1]) {
          let at = this.with(each, this.at[each] + way);
          // Stops of the control that plays share a file: the next file is what is needed ahead.
          while (this.index.pictures[this.number(at)].file === file && at[each] + way in line.shown) {
            at = at.with(each, at[each] + way);
          }
          near.add(this.index.pictures[this.number(at)].file);
        }
      });
      near.delete(file);
      for (const each of [...near, file]) this.files.load(each).done.catch(() => {});
    }

    // What is read beside a line.
    text(each) {
      return this.view ? this.view.shown[each] : this.lines[each].shown[this.at[each]];
    }

    // Controls, readouts and points follow, before the picture is there.
    follow() {
      for (const input of this.figure.querySelectorAll("input")) {
        const each = Number(input.dataset.line);
        if (input.type === "radio") {
          input.checked = Number(input.value) === this.at[each];
        } else {
          input.value = this.at[each];
          input.setAttribute("aria-valuetext", this.text(each));
        }
      }
      for (const output of this.figure.querySelectorAll("output")) output.textContent = this.text(Number(output.dataset.line));
      for (const button of this.figure.querySelectorAll("[data-view]")) {
        button.setAttribute("aria-pressed", this.index.views[button.dataset.view].picture === this.wanted);
      }
      for (const point of this.points) point.follow();
    }

    // Run the control that plays to its end, from its beginning where it stands at the end. Each picture is waited for.
    async play() {
      const mine = (this.playing = {});
      this.playButton.setAttribute("aria-pressed", "true");
      this.caption.setAttribute("aria-live", "off");
      const last = this.lines[this.main].shown.length - 1;
      let place = this.at[this.main] === last ? -1 : this.at[this.main];
      while (place < last) {
        const due = performance.now() + this.index.pace_ms;
        place += 1;
        await this.go(this.with(this.main, place));
        if (this.playing !== mine) return;
        await new Promise(resolve => setTimeout(resolve, due - performance.now()));
        if (this.playing !== mine) return;
      }
      this.stop();
    }

    stop() {
      if (!this.playing) return;
      this.playing = null;
      this.playButton.setAttribute("aria-pressed", "false");
      this.caption.setAttribute("aria-live", "polite");
    }
  }

  // A ring on the picture that is dragged, tapped to, or moved by the arrow keys, from one drawn stop to another.
  class Point {
    constructor(frames, control) {
      this.frames = frames;
      this.control = control;
      this.first = frames.lines.findIndex(line => line.control === control);
      const left = control.lines[0].at[0];
      const panel = Math.max(frames.index.panels.findIndex(([from, to]) => from <= left && left < to), 0);
      this.panel = frames.figure.querySelectorAll(".frames-panel")[panel];
      [this.from, this.to] = frames.index.panels[panel];
      this.ring = document.createElement("button");
      this.ring.type = "button";
      this.ring.className = "frames-point";
      this.panel.append(this.ring);
      this.panel.classList.add("frames-grid");
      this.listen();
    }

    listen() {
      this.ring.addEventListener("pointerdown", event => {
        this.ring.setPointerCapture(event.pointerId);
        this.ring.focus({ preventScroll: true });
        event.preventDefault();
      });
      this.ring.addEventListener("pointermove", event => {
        if (this.ring.hasPointerCapture(event.pointerId)) this.moveTo(event);
      });
      this.panel.addEventListener("click", event => {
        if (event.target !== this.ring) this.moveTo(event);
      });
      this.ring.addEventListener("keydown", event => {
        if (!(event.key in KEYS) || event.altKey || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        const [part, way] = KEYS[event.key];
        this.frames.move(this.frames.with(this.first + part, this.frames.at[this.first + part] + way));
      });
    }

    // Move to the drawn stop that is nearest to the pointer.
    moveTo(event) {
      const box = this.panel.getBoundingClientRect();
      const where = [
        this.from + ((event.clientX - box.left) / box.width) * (this.to - this.from),
        (event.clientY - box.top) / box.height,
      ];
      const at = [...this.frames.at];
      where.forEach((here, part) => {
        const off = this.control.lines[part].at.map(each => Math.abs(each - here));
        at[this.first + part] = off.indexOf(Math.min(...off));
      });
      if (this.frames.view || at.some((place, each) => place !== this.frames.at[each])) this.frames.move(at);
    }

    follow() {
      const { at, view } = this.frames;
      const [x, y] = this.control.lines.map((line, part) =>
        view ? view.points[this.first + part] : line.at[at[this.first + part]]);
      const read = this.control.lines.map((line, part) => this.frames.text(this.first + part));
      this.ring.style.left = `${(100 * (x - this.from)) / (this.to - this.from)}%`;
      this.ring.style.top = `${100 * y}%`;
      this.ring.setAttribute("aria-label", `${this.control.label} (${read.join(", ")}): arrow keys move it`);
    }
  }

  for (const figure of document.querySelectorAll("figure.frames")) new Frames(figure);
})();
