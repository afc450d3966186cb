// Requests to the server's own API. A refusal becomes a Problem with the server's words and the fields it names.
export class Problem extends Error {
  // `errors`: each `{field, reason}`.
  constructor(text, errors = [], status = 0) {
    super(text);
    this.errors = errors;
    this.status = status;
  }
}

const usual = 30_000;

// `patience`: milliseconds until nobody waits for the answer any more.
export async function call(method, address, body, patience = usual) {
  let answer;
  try {
    answer = await fetch(address, {
      method,
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: method === "GET" ? undefined : JSON.stringify(body ?? {}),
      credentials: "same-origin",
      signal: AbortSignal.timeout(patience),
    });
  } catch (error) {
    const late = error.name === "TimeoutError";
    throw new Problem(late ? "The server did not answer in time. Look whether it was done, then try again." : "The server cannot be reached. Is it running?");
  }
  if (answer.status === 401) {
    location.assign("/login");
    throw new Problem("You are signed out.", [], 401);
  }
  const text = await answer.text();
  let json;
  try {
    json = text ? JSON.parse(text) : {};
  } catch {
    json = {};
  }
  if (!answer.ok) throw new Problem(json.detail || json.title || `The server answered ${answer.status}.`, json.errors, answer.status);
  return json;
}
