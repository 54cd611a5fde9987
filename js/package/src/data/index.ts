// Data sources of the package: IDX files, generated digits, and splits of both. Web standards only.
export { classCounts, imageAt, imageSize, shuffledIndices, subset, type Dataset } from "./dataset.js";
export { datasetFromIdx, idxImagesMagic, idxLabelsMagic, isGzip, parseIdxImages, parseIdxLabels, unpackIdx, type IdxImages, type IdxLimits } from "./idx.js";
export { RandomStream } from "./prng.js";
export { classesOfPeers, splitByClass, splitTrainTest, type TrainTestSplit } from "./split.js";
export { strokeDigit, strokes, type StrokesOptions } from "./strokes.js";
export { idxFileNames, writeIdxImages, writeIdxLabels } from "./write-idx.js";
