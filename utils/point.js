// A handle on a picture, dragged by mouse or finger, and moved by arrow keys. See point_input.py.
//
// model: `place`, the numbers of the stops across and up; `stops`, their values; `positions`, where they are on the
// picture, as fractions of its width from the left and of its height from the top; `label`; `ready`, set once the
// handle is there.

const LARGE = 5; // stops that an arrow key goes with shift
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function nearest(positions, fraction) {
  let best = 0;
  positions.forEach((each, number) => {
    if (Math.abs(each - fraction) < Math.abs(positions[best] - fraction)) best = number;
  });
  return best;
}

function render({ model, el }) {
  const handle = document.createElement("div");
  const readout = document.createElement("span");
  handle.className = "explorer-point";
  handle.tabIndex = 0;
  handle.setAttribute("role", "slider");
  handle.setAttribute("aria-roledescription", "point in the plane, moved by the arrow keys");
  handle.setAttribute("aria-label", model.get("label"));
  handle.dataset.lmSuppressShortcuts = "true"; // JupyterLab would go to the next cell at an arrow key
  handle.append(readout);
  el.append(handle);

  let place = model.get("place");
  let grip = null; // from the handle's middle to where it is held, in pixels

  function show() {
    const positions = model.get("positions");
    if (positions[0].length === 0) return; // no picture yet
    const [x, y] = place.map((stop, axis) => model.get("stops")[axis][stop]);
    const text = `(${+x.toFixed(3)}, ${+y.toFixed(3)})`;
    handle.style.left = `${100 * positions[0][place[0]]}%`;
    handle.style.top = `${100 * positions[1][place[1]]}%`;
    handle.setAttribute("aria-valuenow", x);
    handle.setAttribute("aria-valuetext", text);
    readout.textContent = text;
  }

  function move(to) {
    if (to[0] === place[0] && to[1] === place[1]) return;
    place = to;
    show();
    model.set("place", place);
    model.save_changes();
  }

  function moved() {
    if (grip) return; // what comes back while it is dragged is older than the hand
    place = model.get("place");
    show();
  }

  handle.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const box = handle.getBoundingClientRect();
    grip = [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
    handle.setPointerCapture(event.pointerId);
    handle.focus({ preventScroll: true });
    event.preventDefault();
  });
  handle.addEventListener("pointermove", (event) => {
    if (!grip) return;
    const box = el.getBoundingClientRect();
    const [across, down] = model.get("positions");
    move([
      nearest(across, (event.clientX - grip[0] - box.left) / box.width),
      nearest(down, (event.clientY - grip[1] - box.top) / box.height),
    ]);
  });
  handle.addEventListener("lostpointercapture", () => {
    grip = null;
  });
  handle.addEventListener("keydown", (event) => {
    const way = KEYS[event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    const positions = model.get("positions");
    move(
      place.map((stop, axis) => {
        const list = positions[axis];
        const forward = list[list.length - 1] >= list[0] ? 1 : -1; // a key goes where it points on the picture
        const to = stop + way[axis] * forward * (event.shiftKey ? LARGE : 1);
        return Math.min(Math.max(to, 0), list.length - 1);
      }),
    );
  });

  model.on("change:place", moved);
  model.on("change:positions", show);
  show();
  if (!model.get("ready")) {
    model.set("ready", true);
    model.save_changes();
  }
  return () => {
    model.off("change:place", moved);
    model.off("change:positions", show);
  };
}

export default { render };
