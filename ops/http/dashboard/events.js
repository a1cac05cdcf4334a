// Server-sent events as they are read off an answer's text (WHATWG HTML, section 9.2.6).

/** Makes events of a stream's text, in pieces cut anywhere. One for each connection: half an event dies with it. */
export class EventParser {
  /** where to resume; an id counts once its block has ended, with data or without */
  place;
  /** how long to wait before connecting again, if the stream has said so */
  retry_ms = null;

  #id;
  #kind = "";
  #data = [];
  #rest = "";
  #afterReturn = false;

  /** `place` is where the connection before has ended. */
  constructor(place = "") {
    this.place = this.#id = place;
  }

  /** Return the events, { kind, data }, that end in this piece. */
  push(piece) {
    if (piece === "") return [];
    // CR and LF are the end of one line also where they come in two pieces
    const text = this.#afterReturn && piece[0] === "\n" ? piece.slice(1) : piece;
    this.#afterReturn = piece.endsWith("\r");
    const lines = (this.#rest + text).split(/\r\n|\r|\n/);
    this.#rest = lines.pop();
    return lines.map((line) => this.#line(line)).filter((event) => event !== null);
  }

  #line(line) {
    if (line === "") return this.#end();
    const colon = line.indexOf(":");
    // a comment, which begins with the colon, has an empty name: nothing below
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.#data.push(value);
    if (name === "event") this.#kind = value;
    if (name === "id" && !value.includes("\0")) this.#id = value;
    if (name === "retry" && /^\d+$/.test(value)) this.retry_ms = Number(value);
    return null;
  }

  #end() {
    const [kind, data] = [this.#kind || "message", this.#data];
    this.place = this.#id;
    this.#kind = "";
    this.#data = [];
    return data.length === 0 ? null : { kind, data: data.join("\n") };
  }
}
