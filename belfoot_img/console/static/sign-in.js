// Signs in without a cookie: checks name and password, then puts them where the browser keeps HTTP Basic credentials.

const form = document.getElementById("sign-in");
const refusal = document.getElementById("refusal");

function basic(name, password) {
  const bytes = new TextEncoder().encode(`${name}:${password}`);
  return "Basic " + btoa(String.fromCharCode(...bytes));
}

// Without the browser's own credentials, so that a wrong password opens no window and is counted once.
async function check(name, password) {
  try {
    const answer = await fetch(form.dataset.session, {
      credentials: "omit",
      redirect: "manual",
      headers: { Authorization: basic(name, password) },
    });
    return answer.type === "opaqueredirect" ? 200 : answer.status;
  } catch {
    return 0;
  }
}

// Only XMLHttpRequest can be given credentials that the browser goes on to send by itself.
function keep(name, password) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("GET", form.dataset.session + "?next=" + encodeURIComponent(form.dataset.next), true, name, password);
    request.onloadend = resolve;
    request.send();
  });
}

function refuse(status) {
  const told = document.getElementById(`told-${status}`) ?? document.getElementById("told-503");
  refusal.textContent = told.content.textContent;
  refusal.hidden = false;
  form.elements.password.select();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  refusal.hidden = true;
  const name = form.elements.name.value;
  const password = form.elements.password.value;
  const button = form.querySelector("button");
  button.setAttribute("aria-busy", "true");
  const status = await check(name, password);
  if (status === 200) {
    await keep(name, password);
    location.assign(form.dataset.next);
    return;
  }
  button.removeAttribute("aria-busy");
  refuse(status);
});

form.hidden = false;
form.elements.name.focus();
