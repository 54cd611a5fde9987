// The drawing area: lines as they are drawn, and the same lines as the model takes digits.
import { imageAt, type Dataset } from "bytesandbrains/data";

interface Point { readonly x: number; readonly y: number }

const side = 28;
const digitHeight = 18; // what the digits it learned from measure
const digitWidth = 15;
const penOnImage = 2.9;
const penOnScreen = 18;
const pointsMax = 20_000;

/** A place to draw a digit. */
export class Pad {
  readonly #canvas: HTMLCanvasElement;
  readonly #changed: (pixels: Float32Array | undefined) => void;
  #strokes: Point[][] = [];
  #points = 0;
  #active: number | undefined;

  /** `changed` gets 784 numbers from 0 to 1 after every stroke, undefined when nothing is drawn. */
  constructor(canvas: HTMLCanvasElement, changed: (pixels: Float32Array | undefined) => void) {
    this.#canvas = canvas;
    this.#changed = changed;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || this.#active !== undefined) return;
      event.preventDefault();
      this.#active = event.pointerId;
      canvas.setPointerCapture(event.pointerId);
      if (this.#strokes.length === 0) this.#wipe();
      this.#strokes.push([]);
      this.#add(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerId === this.#active) this.#add(event);
    });
    for (const name of ["pointerup", "pointercancel"] as const) {
      canvas.addEventListener(name, (event) => {
        if (event.pointerId !== this.#active) return;
        this.#active = undefined;
        this.#changed(this.#pixels());
      });
    }
  }

  /** Wipes the area. */
  clear(): void {
    this.#strokes = [];
    this.#points = 0;
    this.#wipe();
    this.#changed(undefined);
  }

  /** Shows an image of a set instead of a drawing. */
  show(dataset: Dataset, index: number): void {
    this.#strokes = [];
    this.#points = 0;
    const image = imageAt(dataset, index);
    const pixels = Float32Array.from(image, (grey) => grey / 255);
    const context = this.#context();
    this.#wipe();
    const cell = this.#canvas.width / side;
    context.fillStyle = this.#ink();
    pixels.forEach((dark, at) => {
      context.globalAlpha = dark;
      context.fillRect((at % side) * cell, Math.floor(at / side) * cell, cell + 0.5, cell + 0.5);
    });
    context.globalAlpha = 1;
    this.#changed(pixels);
  }

  #context(): CanvasRenderingContext2D {
    const context = this.#canvas.getContext("2d");
    if (context === null) throw new TypeError("a canvas without a drawing context");
    return context;
  }

  #ink(): string {
    return getComputedStyle(document.documentElement).getPropertyValue("--ink").trim();
  }

  #wipe(): void {
    this.#context().clearRect(0, 0, this.#canvas.width, this.#canvas.height);
  }

  #add(event: PointerEvent): void {
    if (this.#points >= pointsMax) return;
    this.#points++;
    const box = this.#canvas.getBoundingClientRect();
    const point = { x: (event.clientX - box.left) / box.width * this.#canvas.width, y: (event.clientY - box.top) / box.height * this.#canvas.height };
    const stroke = this.#strokes.at(-1);
    if (stroke === undefined) return;
    const from = stroke.at(-1) ?? point;
    stroke.push(point);
    const context = this.#context();
    context.strokeStyle = this.#ink();
    context.lineWidth = penOnScreen;
    context.lineCap = "round";
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(point.x, point.y);
    context.stroke();
  }

  /** The drawing, scaled and centred like the digits the model knows. */
  #pixels(): Float32Array | undefined {
    const points = this.#strokes.flat();
    if (points.length === 0) return undefined;
    const xs = points.map((point) => point.x);
    const ys = points.map((point) => point.y);
    const [left, right, top, bottom] = [xs, xs, ys, ys].map((values, index) => values.reduce((a, b) => (index % 2 === 0 ? Math.min(a, b) : Math.max(a, b)))) as [number, number, number, number];
    const scale = Math.min(digitHeight / Math.max(bottom - top, 1), digitWidth / Math.max(right - left, 1), 1);
    const image = document.createElement("canvas");
    image.width = side;
    image.height = side;
    const context = image.getContext("2d", { willReadFrequently: true });
    if (context === null) return undefined;
    context.strokeStyle = "#000";
    context.lineWidth = penOnImage;
    context.lineCap = "round";
    context.lineJoin = "round";
    // A pixel's centre is at half coordinates here and at whole ones where the digits are generated.
    const toX = (x: number): number => (x - (left + right) / 2) * scale + side / 2;
    const toY = (y: number): number => (y - (top + bottom) / 2) * scale + side / 2;
    for (const stroke of this.#strokes) {
      context.beginPath();
      stroke.forEach((point, index) => {
        if (index === 0) context.moveTo(toX(point.x), toY(point.y));
        context.lineTo(toX(point.x), toY(point.y));
      });
      context.stroke();
    }
    const { data } = context.getImageData(0, 0, side, side);
    return Float32Array.from({ length: side * side }, (_, at) => (data[at * 4 + 3] ?? 0) / 255);
  }
}
