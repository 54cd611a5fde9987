// The shapes of the ten digits as polylines in a box of width 1 and height 1.4 around the origin, y downwards.
// Round parts are ellipse arcs, cut into straight pieces with a sine made of multiplications only:
// library sines differ in the last bit between engines, and the digits are to be the same everywhere.

/** A point of a skeleton. */
export type Point = readonly [x: number, y: number];
/** One drawn line. */
export type Stroke = readonly Point[];
/** One way to write a digit. */
export type Skeleton = readonly Stroke[];

/** Sine of an angle of a few turns, in radians, to about 1e-9. */
export function sine(angle: number): number {
  const turns = Math.round(angle / 6.283185307179586);
  let x = angle - turns * 6.283185307179586;
  if (x > 1.5707963267948966) x = 3.141592653589793 - x;
  else if (x < -1.5707963267948966) x = -3.141592653589793 - x;
  const square = x * x;
  return x * (1 - square / 6 * (1 - square / 20 * (1 - square / 42 * (1 - square / 72 * (1 - square / 110 * (1 - square / 156))))));
}

/** Cosine, likewise. */
export function cosine(angle: number): number {
  return sine(angle + 1.5707963267948966);
}

function arc(x: number, y: number, width: number, height: number, from: number, to: number, pieces: number): Point[] {
  return Array.from({ length: pieces + 1 }, (_, index): Point => {
    const angle = (from + (to - from) * index / pieces) * 0.017453292519943295;
    return [x + width * cosine(angle), y + height * sine(angle)];
  });
}

/** All ways to write each digit, by digit. Angles run clockwise from the right, since y points down. */
export function makeSkeletons(): readonly (readonly Skeleton[])[] {
  return [
    [[arc(0, 0, 0.42, 0.66, -90, 270, 18)], [arc(0, 0, 0.34, 0.66, -60, 300, 18)]],
    [[[[-0.2, -0.42], [0.06, -0.66], [0.06, 0.66]]], [[[0, -0.66], [0, 0.66]]], [[[-0.22, -0.4], [0.04, -0.66], [0.04, 0.66]], [[-0.24, 0.66], [0.3, 0.66]]]],
    [[[...arc(0, -0.28, 0.38, 0.38, -165, 40, 9), [-0.42, 0.66], [0.44, 0.66]]], [[...arc(0, -0.3, 0.36, 0.36, -170, 50, 9), [-0.2, 0.44], [-0.42, 0.64], [-0.1, 0.56], [0.44, 0.66]]]],
    [[[...arc(-0.02, -0.33, 0.36, 0.33, -155, 80, 9), ...arc(-0.04, 0.31, 0.42, 0.35, -80, 150, 10)]], [[[-0.36, -0.66], [0.36, -0.66], [-0.04, -0.1], ...arc(-0.06, 0.28, 0.42, 0.38, -80, 150, 9)]]],
    [[[[0.12, -0.66], [-0.42, 0.2], [0.44, 0.2]], [[0.2, -0.2], [0.2, 0.66]]], [[[-0.32, -0.66], [-0.36, 0.02], [0.34, 0.02]], [[0.32, -0.66], [0.3, 0.66]]]],
    [[[[0.36, -0.66], [-0.3, -0.66], [-0.34, -0.06], ...arc(-0.04, 0.26, 0.42, 0.4, -110, 145, 11)]], [[[0.38, -0.64], [-0.24, -0.66], [-0.3, -0.1], ...arc(-0.08, 0.26, 0.44, 0.36, -100, 130, 10)]]],
    [[[[0.24, -0.66], [-0.16, -0.28], [-0.36, 0.14], ...arc(0, 0.3, 0.38, 0.36, 190, -160, 15)]], [[...arc(0.06, -0.02, 0.44, 0.64, -60, -180, 7), ...arc(0, 0.32, 0.38, 0.34, 180, -160, 14)]]],
    [[[[-0.4, -0.66], [0.4, -0.66], [-0.08, 0.66]]], [[[-0.4, -0.64], [0.4, -0.66], [0, 0.66]], [[-0.2, 0.02], [0.34, 0.02]]]],
    [[arc(0, -0.33, 0.32, 0.33, 90, 450, 14), arc(0, 0.33, 0.38, 0.33, -90, 270, 14)]],
    [[[...arc(0, -0.3, 0.36, 0.36, -10, -370, 15), [0.34, 0.1], [0.2, 0.66]]], [[...arc(0, -0.3, 0.36, 0.36, 0, -360, 14), ...arc(-0.06, 0.02, 0.42, 0.64, 0, 120, 7)]]],
  ];
}
