const [, token, , name] = location.pathname.split("/");
const state = document.getElementById("state");
if (name) {
  const source = new EventSource(`/${token}/api/s/${name}/events`);
  for (const kind of ["state", "change", "answer", "actions"]) {
    source.addEventListener(kind, (event) => { state.textContent = `${kind} ${event.data}`; });
  }
}
