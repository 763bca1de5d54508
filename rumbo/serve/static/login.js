// Exchanges the one-time code, which stands behind # and so is never sent as part of an address, for a session.

const at = (id) => document.getElementById(id);

async function enter(code) {
  const answer = await fetch("/login", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Rumbo": "1" },
    body: JSON.stringify({ code }),
  });
  if (!answer.ok) return ask("late");
  if (!(await isKnown())) return ask("cookies");
  location.replace("/label");
}

async function isKnown() {
  return (await fetch("/label")).ok;
}

function ask(problem) {
  at("wait").hidden = true;
  at("form").hidden = false;
  for (const id of ["late", "cookies"]) at(id).hidden = id !== problem;
  at("code").focus();
}

at("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const typed = at("code").value.trim();
  enter(typed.includes("#code=") ? typed.split("#code=")[1] : typed);
});

const code = new URLSearchParams(location.hash.slice(1)).get("code");
history.replaceState(null, "", "/"); // the code stays out of the browser's history
if (code) enter(code);
else if (await isKnown()) location.replace("/label");
else ask();
