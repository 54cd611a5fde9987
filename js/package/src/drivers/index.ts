// All drivers: what decides when a peer's engine runs.
export { animationFrameDriver, type AnimationFrameOptions, type FrameSource } from "./animation-frame.js";
export type { Driver, DriverTarget, RunResult, SliceOptions } from "./driver.js";
export { manualDriver, type ManualDriver } from "./manual.js";
export { timerDriver } from "./timer.js";
export { workerDriver } from "./worker.js";
