// Talks to the program in the terminal: reads, and saves one change after the other, in order, until each is kept.

const HEADERS = { "Content-Type": "application/json", "X-Rumbo": "1" };

export async function read(path) {
  return answered(await fetch(path));
}

export async function post(path, body) {
  return answered(await fetch(path, { method: "POST", headers: HEADERS, body: JSON.stringify(body) }));
}

async function answered(answer) {
  if (answer.status === 401) location.replace("/");
  const found = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(found.error.message), { status: answer.status });
  return found;
}

// Pictures as blobs: the neighbours are there before they are asked for. The least recently used are let go.
export class Pictures {
  constructor(limit = 12) {
    this.limit = limit;
    this.kept = new Map();
  }

  get(key) {
    const known = this.kept.get(key) ?? this.load(key);
    this.kept.delete(key);
    this.kept.set(key, known);
    for (const old of [...this.kept.keys()].slice(0, Math.max(0, this.kept.size - this.limit))) {
      this.kept.get(old).then(URL.revokeObjectURL, () => {});
      this.kept.delete(old);
    }
    return known;
  }

  load(key) {
    const loading = this.fetch(key);
    loading.catch(() => this.kept.delete(key)); // asked again when it is shown again
    return loading;
  }

  async fetch(key) {
    const answer = await fetch(`/api/items/${key}/picture`);
    if (!answer.ok) throw new Error((await answer.json()).error.message);
    return URL.createObjectURL(await answer.blob());
  }
}

// Changes on their way. `told` is called with the state: "saving", "saved" or "failed" and the problem.
export class Saves {
  constructor(told, kept) {
    this.told = told;
    this.kept = kept;
    this.waiting = [];
    this.isBusy = false;
  }

  get isEmpty() {
    return this.waiting.length === 0;
  }

  add(key, field, value) {
    this.waiting.push({ key, field, value });
    this.go();
  }

  async go() {
    if (this.isBusy || this.isEmpty) return;
    this.isBusy = true;
    this.told("saving");
    try {
      while (!this.isEmpty) {
        const { key, field, value } = this.waiting[0];
        const answer = await post(`/api/items/${key}`, { field, value });
        this.waiting.shift();
        this.kept(answer, this.waiting.some((other) => other.key === key));
      }
      this.told("saved");
    } catch (problem) {
      // Refused as no value: it can never be saved, so those behind it go on. All else is tried again.
      if (problem.status === 422) this.kept(null, false, this.waiting.shift());
      this.told("failed", problem);
    } finally {
      this.isBusy = false;
    }
  }
}
