// Lays the picture before above the picture after, and moves the border between them by a slider or the pointer.

const pair = document.getElementById("pair");
const cut = document.getElementById("cut");

function show() {
  pair.style.setProperty("--cut", `${cut.value}%`);
  cut.setAttribute("aria-valuetext", `${cut.value} %`);
}

function follow(event) {
  if (event.type === "pointermove" && event.buttons !== 1) return;
  const box = pair.getBoundingClientRect();
  cut.value = (100 * (event.clientX - box.left)) / box.width;
  show();
}

pair.classList.add("joined");
document.getElementById("slide").hidden = false;
cut.addEventListener("input", show);
pair.addEventListener("pointerdown", follow);
pair.addEventListener("pointermove", follow);
pair.addEventListener("dragstart", (event) => event.preventDefault());
show();
