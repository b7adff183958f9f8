// Starts Swagger UI (console/swagger.py). No validator: it would send the document's address to another host.
const place = document.getElementById("swagger-ui");

// What is tried out goes out with the name and password that the browser has. A GET cannot have a body in a browser, and
// the placeholder of `user` would be taken for an account.
function signedIn(request) {
  if (["GET", "HEAD"].includes(request.method)) delete request.body;
  if (typeof request.body === "string" && request.body.startsWith("{")) {
    const sent = JSON.parse(request.body);
    if (sent.user?.username === "string") delete sent.user;
    request.body = JSON.stringify(sent);
  }
  return request;
}
SwaggerUIBundle({
  domNode: place,
  url: place.dataset.description,
  validatorUrl: null,
  deepLinking: true,
  requestInterceptor: signedIn,
});
