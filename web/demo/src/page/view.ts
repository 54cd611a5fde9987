// Puts what the page knows on the screen. Everything is set through properties, as the page's policy allows no inline styles.
import { drawChart, type Series } from "./chart.js";
import type { Member, Roster } from "./roster.js";

/** What the view shows besides the peers. */
export interface ViewState {
  readonly roster: Roster;
  readonly paused: boolean;
  readonly canAdd: boolean;
  readonly sent: number;
  readonly received: number;
  readonly connection: "starting" | "live" | "broken";
}

/** Colours that can be told apart on light and on dark ground; the first is the tab's own. */
const colours = ["#6d66f6", "#e0683c", "#1f9d76", "#c2489b", "#b58a10", "#2f8fd0", "#8a6fd8", "#d0495a", "#5f9f2f", "#7a7f99"];

function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new TypeError(`the page has no ${id}`);
  return found;
}

function percent(share: number | undefined): string {
  return share === undefined ? "–" : `${(share * 100).toFixed(1)} %`;
}

function bytesText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(0)} KB`;
  return bytes < 1_000_000_000 ? `${(bytes / 1_000_000).toFixed(1)} MB` : `${(bytes / 1_000_000_000).toFixed(2)} GB`;
}

const paths = { local: "", direct: "direct", relayed: "relayed", hub: "relayed" } as const;

/** What a peer does, and which way its messages take. */
function stateOf({ state, path, gone, here }: Member): string {
  const way = path === undefined || gone || here ? "" : paths[path];
  return way === "" ? state : `${state}, ${way}`;
}

function colourOf(member: Member): string {
  return member.own ? (colours[0] ?? "") : (colours[1 + (member.colour - 1) % (colours.length - 1)] ?? "");
}

function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

function listed(digits: readonly number[]): string {
  return digits.length === 0 ? "–" : digits.join(", ");
}

/** The page's elements. */
export class View {
  readonly pad = element("pad", HTMLCanvasElement);
  readonly #pause = element("pause", HTMLButtonElement);
  readonly #add = element("add", HTMLButtonElement);
  readonly #clear = element("clear", HTMLButtonElement);
  readonly #sample = element("sample", HTMLButtonElement);
  readonly #status = element("status", HTMLElement);
  readonly #alert = element("alert", HTMLElement);
  readonly #accuracy = element("accuracy-chart", HTMLCanvasElement);
  readonly #loss = element("loss-chart", HTMLCanvasElement);
  readonly #table = element("peers", HTMLTableSectionElement);
  readonly #answer = element("answer", HTMLOutputElement);
  readonly #bars: { readonly item: HTMLLIElement; readonly meter: HTMLMeterElement; readonly share: HTMLElement }[] = [];
  readonly #remove: (id: string) => void;
  #tableText = "";

  constructor(handlers: { pause(): void; add(): void; clear(): void; sample(): void; remove(id: string): void }) {
    this.#pause.addEventListener("click", () => handlers.pause());
    this.#add.addEventListener("click", () => handlers.add());
    this.#clear.addEventListener("click", () => handlers.clear());
    this.#sample.addEventListener("click", () => handlers.sample());
    this.#remove = handlers.remove;
    setText(element("address", HTMLElement), location.origin + location.pathname);
    this.#makeBars();
  }

  /** Says what went wrong; an empty text takes the message away. */
  alert(text: string): void {
    setText(this.#alert, text);
    this.#alert.hidden = text === "";
  }

  /** Shows the model's answer; undefined when nothing is drawn. */
  answer(shares: readonly number[] | undefined): void {
    const best = shares === undefined ? -1 : shares.indexOf(Math.max(...shares));
    setText(this.#answer, best < 0 ? "–" : String(best));
    this.#bars.forEach(({ item, meter, share }, digit) => {
      const value = shares?.[digit] ?? 0;
      meter.value = value;
      setText(share, shares === undefined ? "" : percent(value));
      item.classList.toggle("best", digit === best);
    });
  }

  /** Shows everything else. */
  show(state: ViewState): void {
    const { roster, paused } = state;
    const own = roster.all().find((member) => member.own);
    const last = own?.history.at(-1);
    setText(element("own-digits", HTMLElement), own === undefined ? "two digits" : `the digits ${own.digits.join(" and ")}`);
    setText(element("together", HTMLOutputElement), percent(last?.accuracy));
    setText(element("alone", HTMLOutputElement), percent(last?.alone));
    setText(element("peer-count", HTMLOutputElement), String(roster.present().length));
    setText(element("round", HTMLOutputElement), String(last?.round ?? 0));
    setText(element("phase", HTMLElement), own?.state ?? "starting");
    setText(element("sent", HTMLOutputElement), bytesText(state.sent));
    setText(element("received", HTMLOutputElement), bytesText(state.received));
    setText(this.#pause, paused ? "Resume" : "Pause");
    this.#pause.disabled = own === undefined;
    this.#add.disabled = !state.canAdd;
    this.#sample.disabled = own === undefined;
    const words = { starting: "starting", live: paused ? "paused" : "learning", broken: "no connection, trying again" };
    setText(this.#status, words[state.connection]);
    this.#status.classList.toggle("live", state.connection === "live" && !paused);
    this.#status.classList.toggle("broken", state.connection === "broken");
    this.#showTable(roster.all().filter((member) => !member.gone || member.history.length > 0));
    this.#showCharts(roster, own);
  }

  #makeBars(): void {
    const list = element("bars", HTMLOListElement);
    for (let digit = 0; digit < 10; digit++) {
      const item = document.createElement("li");
      const name = document.createElement("span");
      name.textContent = String(digit);
      const meter = document.createElement("meter");
      meter.max = 1;
      meter.setAttribute("aria-label", `Probability of ${digit}`);
      meter.dataset["testid"] = `bar-${digit}`;
      const share = document.createElement("span");
      share.className = "share";
      item.append(name, meter, share);
      list.append(item);
      this.#bars.push({ item, meter, share });
    }
  }

  #showTable(members: readonly Member[]): void {
    const rows = members.map((member) => {
      const last = member.history.at(-1);
      return { member, cells: [member.name, listed(member.digits), stateOf(member), String(last?.round ?? 0), percent(last?.accuracy), percent(last?.alone)] };
    });
    const text = JSON.stringify(rows.map(({ cells }) => cells));
    if (text === this.#tableText) return;
    this.#tableText = text;
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset["remove"] : undefined;
    this.#table.replaceChildren(...rows.map(({ member, cells }) => this.#row(member, cells)));
    if (focused !== undefined) this.#table.querySelector<HTMLElement>(`[data-remove="${CSS.escape(focused)}"]`)?.focus();
  }

  #row(member: Member, cells: readonly string[]): HTMLTableRowElement {
    const row = document.createElement("tr");
    row.classList.toggle("gone", member.gone);
    row.dataset["testid"] = "peer-row";
    row.dataset["peer"] = member.id;
    row.dataset["path"] = member.path ?? "";
    cells.forEach((text, column) => {
      const cell = row.insertCell();
      if (column === 0) cell.append(nameTag(text, colourOf(member)));
      else cell.textContent = text;
      if (column >= 3) cell.className = "number";
    });
    const action = row.insertCell();
    if (member.here && !member.own && !member.gone) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "small";
      button.textContent = "×";
      button.setAttribute("aria-label", `Remove ${member.name}`);
      button.title = `Remove ${member.name}`;
      button.dataset["remove"] = member.id;
      button.addEventListener("click", () => this.#remove(member.id));
      action.append(button);
    }
    return row;
  }

  #showCharts(roster: Roster, own: Member | undefined): void {
    // The tab's own line lies on top of the others.
    const members = roster.all().filter((member) => member.history.length > 0).sort((a, b) => Number(a.own) - Number(b.own));
    const lines = (pick: (moment: Member["history"][number]) => number): Series[] => members.map((member) => ({
      points: member.history.map((moment) => ({ x: moment.round, y: pick(moment) })),
      color: colourOf(member), width: member.own ? 3 : 1.75, dashed: false,
    }));
    const soft = getComputedStyle(document.documentElement).getPropertyValue("--soft").trim();
    const alone = (pick: (moment: Member["history"][number]) => number): Series => ({
      points: (own?.history ?? []).map((moment) => ({ x: moment.round, y: pick(moment) })), color: soft, width: 2, dashed: true,
    });
    drawChart(this.#accuracy, { series: [alone((moment) => moment.alone), ...lines((moment) => moment.accuracy)], top: 1, label: (y) => `${Math.round(y * 100)} %` });
    drawChart(this.#loss, { series: [alone((moment) => moment.aloneLoss ?? 0), ...lines((moment) => moment.loss)], label: (y) => y.toFixed(2) });
    const last = own?.history.at(-1);
    if (last !== undefined) {
      this.#accuracy.setAttribute("aria-label", `Accuracy by round: together ${percent(last.accuracy)}, alone ${percent(last.alone)} after round ${last.round}`);
      this.#loss.setAttribute("aria-label", `Loss on own digits by round: together ${last.loss.toFixed(3)}, alone ${(last.aloneLoss ?? 0).toFixed(3)} after round ${last.round}`);
    }
  }
}

/** A name with its colour in the charts; a drawing, since the policy allows no style attribute. */
function nameTag(name: string, colour: string): HTMLSpanElement {
  const tag = document.createElement("span");
  tag.className = "name";
  const swatch = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  swatch.setAttribute("class", "swatch");
  swatch.setAttribute("viewBox", "0 0 12 12");
  swatch.setAttribute("aria-hidden", "true");
  const dot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  for (const [attribute, value] of [["cx", "6"], ["cy", "6"], ["r", "5"], ["fill", colour]] as const) dot.setAttribute(attribute, value);
  swatch.append(dot);
  tag.append(swatch, name);
  return tag;
}
