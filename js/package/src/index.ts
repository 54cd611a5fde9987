// What the package exports besides the engine, which each entry adds in its own way.
export { Artifact, type Port, type PortTable, type SlotBinding } from "./artifact.js";
export type { Bytes } from "./bytes.js";
export { fromHex, toHex } from "./bytes.js";
export {
  defineComponent, type AnyMethod, type CallContext, type ComponentClass, type ComponentDefinition, type ComponentProxy, type Method, type Role,
  type RoleMethods, type Storage, type TensorLike,
} from "./component.js";
export { Compiler, type CompileOptions, type EditedNode, type ModelEditor, type Stage } from "./compiler.js";
export * from "./drivers/index.js";
export type { Builtins, DecodedEnvelope, EnvelopeFill, RoleInfo } from "./engine.js";
export { BBError, describeError, type BBErrorOptions } from "./errors.js";
export { CompileError, Graph, Output, type NetIn, type NetOptions, type NetOut, type NetOutRecord, type OpRecord } from "./graph.js";
export { manualHost, platformHost, type Host, type LifecycleEvent, type ManualHost, type ManualHostOptions } from "./host.js";
export { Module } from "./module.js";
export {
  type Awaitable, type CryptoProvider, type HandshakeRole, type HandshakeSecrets, type KeyAgreement, type RecordCipher, type SignatureAlgorithm,
  type SigningKey,
} from "./identity/crypto.js";
export { AuthenticatedPeer, Handshake, type HandshakeEvents, type HandshakeOptions } from "./identity/handshake.js";
export { profileIdentity, tabIdentity } from "./identity/browser.js";
export { encodePublicKey, ephemeralIdentity, identityOfKey, peerIdOfPublicKey, type Identity } from "./identity/identity.js";
export type { Lane } from "./link/frames.js";
export { Node } from "./node.js";
export type {
  BootstrapState, BootstrapTarget, EngineStats, Inspection, InstallOptions, JournalPart, NodeLimits, PeerHealth, ReceiveStatus, Replayed, RestoreOptions,
  Wait,
} from "./node-types.js";
export {
  Peer, type DroppedEvent, type LinkDownEvent, type LinkEvent, type OpFailure, type OutputEvent, type PeerEvent, type PeerEvents, type PeerOptions,
  type PeerStats, type RefusedEvent, type TimeoutEvent, type TransportStateEvent, type UndeliverableEvent,
} from "./peer.js";
export {
  comparePeerIds, peerIdFromBytes, peerIdFromNumber, peerIdFromText, peerIdToText, randomPeerId, samePeer, type PeerId,
} from "./peer-id.js";
export {
  Calls, FederatedRounds, accuracy, argMax, imagesTensor, softmax, type AccuracyOptions, type CallOptions, type CallOutputs, type FailureEvent,
  type FloatTensor,  type FederatedRoundsEvents, type FederatedRoundsOptions, type MergedRound, type NeighbourEvent, type NeighbourState, type PacedPeer,
  type PacedPeerEvents, type ProgressEvent, type RoundEvent, type RoundFailure, type RoundMeta, type RoundPhase, type RoundsRole,
} from "./rounds.js";
export {
  AggregatorSlot, BackendSlot, CodecSlot, DataSourceSlot, IndexSlot, ModelSlot, PeerSelectorSlot, Slot, slot, type SelectMode,
} from "./slots.js";
export {
  defaultKinds, StepBlock, stepKinds, type BootstrapStep, type BudgetStep, type DialStep, type DroppedStep, type EventStep, type ExecId, type FailedStep, type LifecycleStep, type OpStep,
  type PeerChangeStep, type PeerHandle, type PeerStep, type PeerUnresolvedStep, type RecordVisitor, type SendStep, type Step, type StepKind, type SuspendedStep, type WireFailedStep, type WireTimeoutStep,
} from "./steps.js";
export {
  t, type DType, type Encoded, type FedAvgMeta, type SearchResult, type Tensor, type TensorData, type TypeName, type TypeValues, type Value, type ValueOf,
  type Whole,
} from "./types.js";
export type { WasmContent, WasmSource } from "./wasm/load.js";
export type {
  Abort, ChannelBinding, DialTarget, LinkCode, LinkId, LinkInfo, LinkPath, Transport, TransportContext, TransportEvent, TransportStats, TransportStatus,
} from "./transports/transport.js";
