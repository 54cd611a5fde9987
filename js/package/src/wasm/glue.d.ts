// The WebAssembly module as TypeScript sees it; wasm/bindings/bindings.cpp is the same list in C++.

/** Anything that lives in the module and must be deleted. */
export interface Handle {
  delete(): void;
  isDeleted(): boolean;
}

/** The engine: registry, space for what crosses, developer tools, the last error. */
export interface EngineHandle extends Handle {
  lastError(): string;
  busy(): boolean;
  describe(): string;
  reserve(bytes: number): number;
  release(): void;
  beginComponent(typeName: string, role: string): number;
  componentDepends(role: string, slot: string, optional: boolean): number;
  componentStorage(port: string, type: string): number;
  componentSupports(op: string, isAsync: boolean): number;
  componentIgnoresMetadata(): number;
  componentDeadline(milliseconds: number): number;
  endComponent(classId: number): number;
  failCall(reason: string, detail: string): void;
  callDependency(slot: string, method: number, frame: number): number;
  fillRandom(at: number, size: number): boolean;
  describeArtifact(at: number, size: number): string;
  scratchAt(): number;
  scratchSize(): number;
  decodeValue(hashLow: number, hashHigh: number, at: number, size: number): number;
  encodeValue(record: number): number;
  parseAddress(text: string): number;
  formatAddress(at: number, size: number): string;
  decodeEnvelope(at: number, size: number): string;
  outputAt(): number;
  outputSize(): number;
  answerLow(): number;
  answerHigh(): number;
}

/** Records one module. */
export interface RecorderHandle extends Handle {
  beginRoot(name: string): number;
  endRoot(): number;
  beginBootstrap(): number;
  endBootstrap(): number;
  beginOn(peerClass: string): number;
  endOn(): number;
  argument(name: string, value: number): void;
  beginModule(name: string, bootstrap: boolean): number;
  endModule(): number;
  input(name: string, type: string): number;
  lookupOutput(name: string): number;
  output(name: string, value: number): number;
  netOut(peers: number, to: string, deadlineMs: number): number;
  netIn(port: string, type: string): number;
  opInput(value: number): void;
  opParameter(name: string, value: number): void;
  opInteger(name: string, low: number, high: number): void;
  opNumber(name: string, value: number): void;
  opBytes(name: string, at: number, size: number): void;
  opIntegers(name: string, at: number, count: number): void;
  opTensor(name: string, dimsAt: number, rank: number, dataAt: number, count: number): void;
  opMetadata(key: string, value: string): void;
  opOutputType(type: string): void;
  opOutputCount(count: number): void;
  record(domain: string, op: string, slot: string): number;
  resultCount(): number;
  result(position: number): number;
  resultName(position: number): string;
  typeOf(value: number): string;
}

/** Compiles what was recorded. */
export interface CompilerHandle extends Handle {
  bind(slot: string, typeName: string): void;
  alias(slot: string, other: string): void;
  perHopBudget(milliseconds: number): void;
  permissiveTypes(permissive: boolean): void;
  stage(name: string, stage: number, recorded: boolean): void;
  compile(recorder: RecorderHandle): number;
  outputAt(): number;
  outputSize(): number;
  failStage(why: string): void;
  functionCount(): number;
  functionName(at: number): string;
  nodeCount(at: number): number;
  node(at: number, position: number): string;
  setMetadata(at: number, position: number, key: string, value: string): boolean;
  eraseMetadata(at: number, position: number, key: string): boolean;
}

/** Collects what an installation needs. */
export interface InstallerHandle extends Handle {
  peer(at: number, size: number): void;
  address(at: number, size: number): void;
  artifact(at: number, size: number): void;
  target(name: string): void;
  limit(name: string, value: number): void;
  seed(low: number, high: number): void;
  incarnation(low: number, high: number): void;
  flags(creditRequired: boolean, echoAppEvents: boolean): void;
  durability(durability: number): void;
  configNumber(slot: string, name: string, value: number): void;
  configInteger(slot: string, name: string, low: number, high: number): void;
  configFlag(slot: string, name: string, value: boolean): void;
  configText(slot: string, name: string, value: string): void;
  configBytes(slot: string, name: string, at: number, size: number): void;
  configItem(slot: string, name: string, at: number, size: number): void;
  install(): NodeHandle | null;
}

/** One end of a handshake. */
export interface HandshakeHandle extends Handle {
  begin(at: number, size: number): number;
  state(): number;
  refusal(): string;
  request(): number;
  answer(at: number, size: number): void;
  decline(): void;
  messageAt(): number;
  messageSize(): number;
  sent(): void;
  receive(at: number, size: number): void;
  timeOut(): void;
  peer(): number;
}

/** A node. */
export interface NodeHandle extends Handle {
  admit(handshake: HandshakeHandle): number;
  admitSelf(): number;
  handleOf(at: number, size: number): number;
  peerOf(handle: number): string;
  retire(handle: number): number;
  grant(handle: number, totalBytes: number): number;
  addPeer(at: number, size: number): number;
  addAddress(at: number, size: number): number;
  endAddPeer(): number;
  dropPeer(at: number, size: number): number;
  addressesOf(at: number, size: number): string;
  reserve(size: number): number;
  receive(handle: number, size: number): number;
  receiveDetail(): string;
  target(name: string): number;
  input(target: number, name: string): number;
  inputsMax(): number;
  invoke(target: number, inputs: number, count: number): number;
  deliverEvent(target: number, input: number): number;
  complete(commandLow: number, commandHigh: number, outputs: number, count: number): number;
  completeFailed(commandLow: number, commandHigh: number, reason: string, detail: string): number;
  poll(nowMs: number, ops: number): number;
  setMask(kinds: number): void;
  name(number: number): string;
  nameCount(): number;
  opName(number: number): string;
  abandonedCount(): number;
  abandoned(position: number): number;
  blockPeer(at: number, size: number): number;
  unblockPeer(at: number, size: number): number;
  allowPeer(at: number, size: number): number;
  endAllowlist(active: boolean): number;
  peerHealth(at: number, size: number): string;
  sendFailed(requestLow: number, requestHigh: number, handle: number, reason: string): number;
  linkUp(handle: number, path: number): number;
  linkDown(handle: number, code: number): number;
  bootstrapTarget(name: string): number;
  bootstrapInput(name: string, recordAt: number): number;
  bootstrap(slots: boolean): number;
  bootstrapStatus(): string;
  fireLifecycle(phase: string): number;
  subscribeEvent(kind: string, target: string, input: string): number;
  suspended(gapMs: number): number;
  snapshot(): number;
  restore(at: number, size: number, nowMs: number, sameIncarnation: boolean, failPending: boolean): number;
  journal(): number;
  committed(sequence: number): number;
  replay(at: number, size: number): string;
  reincarnate(low: number, high: number): void;
  madeAt(): number;
  madeSize(): number;
  why(waitsMax: number): string;
  metric(name: string): number;
  inspect(): string;
  stats(): string;
}

/** What the module is given, and what it then offers. */
export interface GlueModule {
  readonly HEAPU8: Uint8Array<ArrayBuffer>;
  readonly Engine: new () => EngineHandle;
  readonly Recorder: new (engine: EngineHandle) => RecorderHandle;
  readonly Compiler: new (engine: EngineHandle) => CompilerHandle;
  readonly Installer: new (engine: EngineHandle) => InstallerHandle;
  readonly Handshake: new (engine: EngineHandle) => HandshakeHandle;
  bbComponentCreate: (classId: number, component: number, config: number) => number;
  bbComponentCall: (component: number, method: number, frame: number) => number;
  bbComponentDispose: (component: number) => void;
  bbComponentSave: (component: number, answer: number) => number;
  bbComponentLoad: (component: number, at: number, size: number) => number;
  bbStageCall: (stage: number) => number;
}

/** Settings of the factory that Emscripten generates. */
export interface GlueOptions {
  instantiateWasm(imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void): object;
  bbComponentCreate: GlueModule["bbComponentCreate"];
  bbComponentCall: GlueModule["bbComponentCall"];
  bbComponentDispose: GlueModule["bbComponentDispose"];
  bbComponentSave: GlueModule["bbComponentSave"];
  bbComponentLoad: GlueModule["bbComponentLoad"];
  bbStageCall: GlueModule["bbStageCall"];
}

declare const createModule: (options: GlueOptions) => Promise<GlueModule>;
export { createModule as default };
