// Signs out: the browser's HTTP Basic credentials give way to a placeholder, which the service takes for none.

const page = document.getElementById("sign-out");
const request = new XMLHttpRequest();
request.open("GET", page.dataset.forget, true, "(signed out)", "x");
request.onload = () => {
  if (request.status === 204) {
    document.getElementById("not-done").hidden = true;
    const done = document.getElementById("done");
    done.hidden = false;
    done.focus();
  }
};
request.send();
