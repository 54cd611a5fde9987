// A small multilayer perceptron in plain TypeScript: the yardstick for how hard generated digits are.
import { RandomStream, imageSize, shuffledIndices, type Dataset } from "../../../../js/package/src/data/index.js";

const hiddenSize = 64;

/** Pixels of a set scaled to 0..1, one array for all images. */
function scaled(dataset: Dataset): Float32Array {
  return Float32Array.from(dataset.images, (byte) => byte / 255);
}

/** Trains a perceptron with 64 hidden units by momentum SGD and returns the share of `test` it gets right. */
export function trainedAccuracy(train: Dataset, test: Dataset, epochs: number): number {
  const inputs = imageSize(train);
  const outputs = train.classes;
  const stream = new RandomStream(5);
  const weights = [inputs * hiddenSize, hiddenSize, hiddenSize * outputs, outputs].map((length) => new Float32Array(length));
  const [first, firstBias, second, secondBias] = weights as [Float32Array, Float32Array, Float32Array, Float32Array];
  first.forEach((_, index) => (first[index] = stream.between(-1, 1) * Math.sqrt(6 / inputs)));
  second.forEach((_, index) => (second[index] = stream.between(-1, 1) * Math.sqrt(6 / hiddenSize)));
  const velocity = weights.map((part) => new Float32Array(part.length));
  const gradient = weights.map((part) => new Float32Array(part.length));
  const hidden = new Float32Array(hiddenSize);
  const out = new Float32Array(outputs);

  const forward = (pixels: Float32Array, start: number): void => {
    hidden.set(firstBias);
    for (let input = 0; input < inputs; input++) {
      const value = pixels[start + input]!;
      if (value === 0) continue;
      for (let unit = 0, at = input * hiddenSize; unit < hiddenSize; unit++, at++) hidden[unit]! += value * first[at]!;
    }
    out.set(secondBias);
    for (let unit = 0; unit < hiddenSize; unit++) {
      if (hidden[unit]! <= 0) hidden[unit] = 0;
      for (let label = 0; label < outputs; label++) out[label]! += hidden[unit]! * second[unit * outputs + label]!;
    }
  };
  const backward = (pixels: Float32Array, start: number, label: number, share: number): void => {
    const [dFirst, dFirstBias, dSecond, dSecondBias] = gradient as [Float32Array, Float32Array, Float32Array, Float32Array];
    const highest = Math.max(...out);
    const exps = out.map((value) => Math.exp(value - highest));
    const sum = exps.reduce((total, value) => total + value, 0);
    const slope = new Float32Array(hiddenSize);
    exps.forEach((value, output) => {
      const error = (value / sum - (output === label ? 1 : 0)) * share;
      dSecondBias[output]! += error;
      for (let unit = 0; unit < hiddenSize; unit++) {
        slope[unit]! += error * second[unit * outputs + output]!;
        dSecond[unit * outputs + output]! += error * hidden[unit]!;
      }
    });
    for (let unit = 0; unit < hiddenSize; unit++) {
      if (hidden[unit] === 0) slope[unit] = 0;
      dFirstBias[unit]! += slope[unit]!;
    }
    for (let input = 0; input < inputs; input++) {
      const value = pixels[start + input]!;
      if (value === 0) continue;
      for (let unit = 0, at = input * hiddenSize; unit < hiddenSize; unit++, at++) dFirst[at]! += value * slope[unit]!;
    }
  };

  const pixels = scaled(train);
  const batch = 32;
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = shuffledIndices(train.count, epoch);
    for (let start = 0; start + batch <= order.length; start += batch) {
      gradient.forEach((part) => part.fill(0));
      for (const index of order.slice(start, start + batch)) {
        forward(pixels, index * inputs);
        backward(pixels, index * inputs, train.labels[index]!, 1 / batch);
      }
      weights.forEach((part, which) => {
        const speed = velocity[which]!;
        const slope = gradient[which]!;
        for (let at = 0; at < part.length; at++) {
          speed[at] = 0.9 * speed[at]! + slope[at]!;
          part[at]! -= 0.05 * speed[at]!;
        }
      });
    }
  }
  const held = scaled(test);
  let right = 0;
  for (let index = 0; index < test.count; index++) {
    forward(held, index * inputs);
    if (out.indexOf(Math.max(...out)) === test.labels[index]) right++;
  }
  return right / test.count;
}
