// A small line chart on a canvas: rounds to the right, one line per series.

/** One line. */
export interface Series {
  readonly points: readonly { readonly x: number; readonly y: number }[];
  readonly color: string;
  readonly width: number;
  readonly dashed: boolean;
}

/** What to draw. */
export interface ChartContent {
  readonly series: readonly Series[];
  /** Top of the scale; the highest point when absent. */
  readonly top?: number;
  readonly label: (y: number) => string;
}

const margin = { left: 46, right: 12, top: 10, bottom: 24 };
const gridLines = 4;

function style(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function niceTop(highest: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(Math.max(highest, 0.01)));
  return ([1, 2, 2.5, 5, 10].find((step) => step * magnitude >= highest) ?? 10) * magnitude;
}

/** Draws into the canvas at the size it has on the screen. */
export function drawChart(canvas: HTMLCanvasElement, content: ChartContent): void {
  const { clientWidth: width, clientHeight: height } = canvas;
  const context = canvas.getContext("2d");
  if (context === null || width === 0 || height === 0) return;
  const ratio = Math.min(window.devicePixelRatio || 1, 3);
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);

  const points = content.series.flatMap((series) => series.points);
  const first = Math.min(...points.map((point) => point.x), Number.POSITIVE_INFINITY);
  const left = Number.isFinite(first) ? first : 0;
  const right = Math.max(left + 1, ...points.map((point) => point.x));
  const top = content.top ?? niceTop(Math.max(0.01, ...points.map((point) => point.y)));
  const plotWidth = width - margin.left - margin.right;
  const plotHeight = height - margin.top - margin.bottom;
  const toX = (x: number): number => margin.left + (x - left) / (right - left) * plotWidth;
  const toY = (y: number): number => margin.top + (1 - Math.min(y, top) / top) * plotHeight;

  context.font = "12px system-ui, sans-serif";
  context.fillStyle = style("--soft");
  context.strokeStyle = style("--line");
  context.lineWidth = 1;
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (let line = 0; line <= gridLines; line++) {
    const value = top * line / gridLines;
    const y = Math.round(toY(value)) + 0.5;
    context.beginPath();
    context.moveTo(margin.left, y);
    context.lineTo(width - margin.right, y);
    context.stroke();
    context.fillText(content.label(value), margin.left - 8, y);
  }
  context.textBaseline = "alphabetic";
  if (points.length > 0) {
    context.textAlign = "left";
    context.fillText(`round ${left}`, margin.left, height - 6);
    context.textAlign = "right";
    context.fillText(`${right}`, width - margin.right, height - 6);
  }

  context.lineJoin = "round";
  context.lineCap = "round";
  for (const series of content.series) {
    context.strokeStyle = series.color;
    context.fillStyle = series.color;
    context.lineWidth = series.width;
    context.setLineDash(series.dashed ? [5, 5] : []);
    context.beginPath();
    series.points.forEach((point, index) => {
      if (index === 0) context.moveTo(toX(point.x), toY(point.y));
      else context.lineTo(toX(point.x), toY(point.y));
    });
    context.stroke();
    const [only] = series.points;
    if (series.points.length === 1 && only !== undefined) {
      context.beginPath();
      context.arc(toX(only.x), toY(only.y), series.width, 0, 2 * Math.PI);
      context.fill();
    }
  }
  context.setLineDash([]);
}
