// layer: node
// A node: installed artifacts, their components, and the state machine that runs them. Sans IO, single-threaded: the host pushes
// frames, inputs and completions, calls `poll`, and ships what it returns.
#pragma once

#include <functional>
#include <memory>

#include "bb/config.h"
#include "bb/limits.h"
#include "bb/peer.h"
#include "bb/step.h"
#include "bb/telemetry.h"
#include "bb/wait.h"

namespace bb {

namespace runtime {
class Engine;
}

struct InstallError {
  enum class Kind : std::uint8_t {
    empty_targets,
    malformed_artifact,
    not_compiled,
    incompatible_compiled_version,
    unknown_target,
    invalid_binding_table,
    unregistered_concrete,
    config_type_mismatch,
    construction_failed,
    slot_binding_conflict,
    site_key_conflict,
    unresolved_ops,
    unknown_config_slot,
    bad_address,
    function_definition_conflict,
    recursive_function_call,
    bad_limits,
    out_of_memory,
  };
  Kind kind = Kind::empty_targets;
  std::string target;  // the target, slot, key or type that it concerns
  std::string detail;
  std::vector<std::string> items;  // available targets, conflicts, unresolved ops

  /// `EmptyTargets`, `NotCompiled`, ...
  static std::string_view kind_name(Kind kind);
  std::string text() const;
};

struct DeliveryError {
  enum class Kind : std::uint8_t {
    ingress_full,
    unknown_module,
    unknown_input,
    type_mismatch,
    oversize_payload,
    too_many_inputs,
    budget_exceeded,
    no_memory,
    duplicate_input,
    busy,
    journal_full,  // the host has to take the journal first
  };
  Kind kind = Kind::ingress_full;
  std::string module;
  std::string input;
  std::uint64_t got = 0;
  std::uint64_t cap = 0;

  static std::string_view kind_name(Kind kind);
  std::string text() const;
};

struct BootstrapError {
  enum class Kind : std::uint8_t {
    unknown_target,
    unknown_input,
    missing_input,
    type_mismatch,
    allocation_failed,            // of the byte budget or the allocator
    already_transitively_queued,  // asked for twice in one request
    busy,
  };
  Kind kind = Kind::unknown_target;
  std::string target;
  std::string input;
  std::vector<std::string> available;  // targets, or the target's declared inputs
  std::uint64_t byte_count = 0;
  std::uint64_t budget_remaining = 0;

  /// `UnknownTarget`, ...
  static std::string_view kind_name(Kind kind);
  std::string text() const;
};

enum class BootstrapStatus : std::uint8_t {
  idle,
  running,            // or about to, or waiting for a completion
  waiting_for_input,  // `bootstrap()` passed over a target whose inputs nobody has given
};

struct SnapshotError {
  enum class Kind : std::uint8_t {
    value_not_encodable,  // `where` is the graph's and the value's name, or the store that holds it
    component_failed,     // `where` is its slot
    no_memory,
    busy,
  };
  Kind kind = Kind::no_memory;
  std::string where;
  Error error;

  /// `ValueNotEncodable`, ...
  static std::string_view kind_name(Kind kind);
  std::string text() const;
};

struct RestoreError {
  enum class Kind : std::uint8_t {
    malformed,              // `error` says what is wrong with the bytes, and where
    spec_version_mismatch,  // `got`, `expected`
    snapshot_mismatch,      // of another node: `where` says in what it differs
    component_restore_failed,
    no_memory,
    busy,
  };
  Kind kind = Kind::malformed;
  std::string where;
  Error error;
  std::uint64_t got = 0;
  std::uint64_t expected = 0;

  /// `SpecVersionMismatch`, ...
  static std::string_view kind_name(Kind kind);
  std::string text() const;
};

struct RestoreOptions {
  /// What the host's clock shows now. The engine's time goes on from where the snapshot was taken, so deadlines keep their distance.
  /// Absent: the clock is the one that the snapshot was taken by.
  std::optional<std::uint64_t> now_ns;
  /// A node that lives on is a new incarnation of its peer: the snapshot's number and one. A replay is the same one.
  bool same_incarnation = false;
  /// Ops that wait for a component or the host: a process that is gone may never complete them.
  enum class Pending : std::uint8_t { keep, fail } pending = Pending::keep;
};

/// What became of a frame. `error` says why it was refused, `envelope` why it is malformed.
struct ReceiveStatus {
  enum class Kind : std::uint8_t { accepted, duplicate, refused, malformed };
  Kind kind = Kind::accepted;
  Error error;
  EnvelopeError envelope;
};

struct NamedValue {
  std::string_view name;
  Value value;
};
struct InputValue {
  InputId input;
  Value value;
};

/// One bootstrap to run. `target` is `X__bootstrap`, or `X`, with or without the hash of its target.
struct BootstrapRequest {
  std::string_view target;
  std::span<NamedValue> inputs;  // moved out
};

/// Whether what a node says may leave before what it was told is safe (docs/snapshot-format.md).
enum class Durability : std::uint8_t {
  none,      // steps come with the poll that made them; nothing is recorded
  recorded,  // the same, and inputs are recorded for a replay
  gated,     // steps come with the first poll after the host said that the inputs behind them are durable (`committed`)
};

struct Poll {
  std::span<const Step> steps;                // until the next call into the node
  std::uint64_t next_wakeup_ns = UINT64_MAX;  // UINT64_MAX: nothing is due
  bool more = false;                          // runnable work remains: poll again with the same time
  /// `gated`: inputs that wait to be made durable; the store decides when, and how many polls share one write.
  std::uint32_t uncommitted = 0;
};

/// Inputs since the last time, as one frame of a journal; `sequence` counts the inputs up to its end.
struct JournalPart {
  Array<std::uint8_t> bytes;
  std::uint64_t sequence = 0;
};

struct ReplayError {
  enum class Kind : std::uint8_t {
    malformed,      // `error` says what is wrong with the bytes, and where
    sequence_hole,  // inputs between the node's state and the journal are missing
    no_memory,      // the node is at the input that found none; the same journal again goes on from there
    busy,
  };
  Kind kind = Kind::malformed;
  Error error;
  std::uint64_t expected = 0;  // sequence_hole
  std::uint64_t got = 0;

  static std::string_view kind_name(Kind kind);
  std::string text() const;
};

struct Replayed {
  std::uint64_t inputs = 0;   // applied; those of before the snapshot are passed over
  std::uint64_t polls = 0;    // of them
  bool torn = false;          // the last frame is incomplete; it was never reported as durable
  std::uint64_t torn_at = 0;  // where that begins
};

struct EngineStats {
  std::uint32_t frontier = 0, parked = 0, ingress = 0, executions = 0, outbound = 0, peers = 0, components = 0, graphs = 0,
                requests = 0, timers = 0;
  std::uint64_t ingress_bytes = 0, outbound_bytes = 0, memory_bytes = 0, system_allocations = 0;
  std::uint64_t ops = 0, envelopes_in = 0, envelopes_out = 0, duplicates = 0, malformed = 0, refused = 0, late_completions = 0,
                unmatched_responses = 0, outbound_dropped = 0, steps_dropped = 0, bus_dropped = 0, stalls = 0;
};

struct Inspection {
  struct Target {
    std::string name, base_name;
    std::uint32_t ops = 0, values = 0;
    std::vector<std::uint64_t> sites;
  };
  struct Slot {
    std::string name, type_name, role;
    ComponentRef component;
  };
  struct Peer {
    PeerId id;
    PeerHandle handle;
    bool admitted = false;
    ChannelKind channel = ChannelKind::none;  // that it was admitted on
    std::uint64_t incarnation = 0;            // the highest that it has proven
    std::vector<std::string> addresses;
    std::uint64_t references = 0;
    std::uint32_t queued = 0;
    std::uint64_t sent_bytes = 0;
  };
  PeerId self;
  std::uint64_t incarnation = 0;
  std::vector<Target> targets;
  std::vector<Slot> slots;
  std::vector<Peer> peers;
};

struct InstallOptions {
  PeerId peer;
  std::vector<Address> addresses;
  std::vector<Bytes> artifacts;          // compiled models
  std::vector<std::string> targets;      // base names, or full ones with their hash
  std::map<std::string, Config> config;  // by slot
  Limits limits;
  std::uint64_t seed = 0;         // everything random in the node comes from it
  std::uint64_t incarnation = 0;  // a number that grows with every restart under one peer id; 0: drawn from the seed
  bool credit_required = false;   // envelopes leave only against `grant`
  bool echo_app_events = false;
  Durability durability = Durability::none;
  StepMask mask;
};

class Node {
 public:
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  static std::expected<std::unique_ptr<Node>, InstallError> install(const Registry& registry, InstallOptions options);

  // Peers. `admit` takes proof; frames from anybody else are refused.
  /// Errors: stale_incarnation, over_cap, no_memory, busy.
  Result<PeerHandle> admit(AuthenticatedPeer peer);
  /// For envelopes that the node sends to itself.
  Result<PeerHandle> admit_self();
  /// The handle of a peer that is admitted or in the address book.
  Result<PeerHandle> handle_of(const PeerId& peer) const;
  Result<PeerId> peer_of(PeerHandle handle) const;
  /// Errors: unknown_peer, busy.
  Status retire(PeerHandle handle);
  ReceiveStatus receive(PeerHandle from, Bytes frame);
  /// The transport could not deliver a request, or gave up on it: whoever awaits it fails, and the peer's health suffers.
  /// Errors: unknown_peer, busy.
  Status send_failed(std::uint64_t request_id, PeerHandle peer, std::string_view reason);
  /// What the host knows of the way to a peer; shown by `why` and `inspect`. Errors: unknown_peer.
  Status link_up(PeerHandle peer, std::uint8_t path = 0);
  Status link_down(PeerHandle peer, std::uint16_t code = 0);
  /// Frames of a blocked peer are refused, Sends to it are held back. Errors: over_cap, no_memory, busy.
  Status block_peer(const PeerId& peer);
  Status unblock_peer(const PeerId& peer);
  /// While there is an allow list, everybody else is treated as blocked. Errors: over_cap, no_memory, busy.
  Status set_allowlist(std::span<const PeerId> peers);
  Status clear_allowlist();
  struct Health {
    std::uint32_t consecutive_failures = 0;
    bool down = false;
    bool blocked = false;
    std::uint64_t retry_ns = 0;  // 0: may be sent to now
  };
  Result<Health> peer_health(const PeerId& peer) const;
  /// Lets bytes up to a running total leave for a peer (with `credit_required`).
  Status grant(PeerHandle peer, std::uint64_t total_bytes);

  /// Errors: empty_list, over_cap, no_memory.
  Status add_peer(const PeerId& peer, std::span<const Address> addresses);
  /// Errors: unknown_peer.
  Status drop_peer(const PeerId& peer);
  Status register_address(const PeerId& peer, const Address& address);
  Status forget_address(const PeerId& peer, const Address& address);
  /// Where a frame of the peer came from: a hint, which never displaces what the host says. Errors: over_cap, no_memory, busy.
  Status observe_address(const PeerId& peer, const Address& address);
  std::vector<Address> addresses_of(const PeerId& peer) const;

  /// Starts an execution of a target; the values are moved out. A bytes value for an input of another type is decoded as that
  /// type's wire form.
  std::expected<ExecId, DeliveryError> invoke(std::string_view target, std::span<NamedValue> inputs = {});
  std::expected<ExecId, DeliveryError> deliver_event(std::string_view target, std::string_view input, Value value);
  // The same by numbers, for a host that calls often.
  std::optional<TargetId> find_target(std::string_view name) const;
  /// The base name; empty for a number that is none.
  std::string target_name(TargetId target) const;
  std::optional<InputId> find_input(TargetId target, std::string_view name) const;
  std::expected<ExecId, DeliveryError> invoke(TargetId target, std::span<InputValue> inputs);
  std::expected<ExecId, DeliveryError> deliver_event(TargetId target, InputId input, Value value);
  /// Errors: unknown_command, type_mismatch, too_many_inputs, oversize_payload, busy.
  Status complete(CommandId command, std::span<Value> outputs);
  Status complete_failed(CommandId command, OpError error);

  // Bootstrap. Each of these checks everything first and queues all or nothing; the next polls run the jobs one at a time.
  /// All targets' bootstraps that have not run, in install order, but for those that need inputs.
  std::expected<void, BootstrapError> bootstrap();
  std::expected<void, BootstrapError> bootstrap(std::span<const std::string_view> targets);
  std::expected<void, BootstrapError> bootstrap(std::span<const BootstrapRequest> requests);
  /// Components' own, by slot.
  std::expected<void, BootstrapError> bootstrap_slots(std::span<const std::string_view> slots);
  BootstrapStatus bootstrap_status() const;
  std::vector<std::string> bootstrap_targets() const;

  /// Runs the ops of a phase in the next poll. Errors: over_cap, no_memory, busy.
  Status fire_lifecycle(std::string_view phase);
  /// Starts the target with each event of a kind (`PeerDown`, ..., or a topic that ops emit): a topic's value, else a trigger, is
  /// the input's. Errors: unknown_module, unknown_input, over_cap, no_memory, busy.
  Status subscribe_event(std::string_view kind, std::string_view target, std::string_view input);
  /// The host slept: the next poll's step forward of the clock does not count, as far as it is that long.
  Status suspended(std::uint64_t gap_ns);

  /// `now_ns` never takes the node's clock back. `ops` 0: the limit's. A poll that finds no memory stops half way, with `more`: until
  /// the next call has gone on with it, every other call that changes the node is refused as busy.
  Poll poll(std::uint64_t now_ns, std::uint32_t ops = 0);

  /// The whole state at a boundary between two calls (docs/snapshot-format.md). Changes nothing.
  std::expected<Array<std::uint8_t>, SnapshotError> snapshot() const;
  /// Takes the state of a snapshot of this node, or of one installed alike, and drops its own: all of it, or an error and nothing.
  /// A component that then does not take back its own state is named: it "has lost its state".
  /// Reads version 1, the reference's, as far as that goes.
  std::expected<void, RestoreError> restore(Bytes snapshot, const RestoreOptions& options = {});

  /// What the node was given since the last time; empty when it does not record. Errors: no_memory, busy.
  Result<JournalPart> journal();
  /// The inputs up to a `JournalPart::sequence` are durable. Errors: bad_argument (more than were taken).
  Status committed(std::uint64_t sequence);
  /// Gives a restored node the inputs of a journal again, frame after frame, and calls `polled` with what each poll says: those steps
  /// may or may not have left before. What the journal repeats of before the snapshot is passed over.
  std::expected<Replayed, ReplayError> replay(Bytes journal, const std::function<void(const Poll&)>& polled = {});
  /// A life of its own: messages are numbered anew under this number, or the next if it is not higher. After a replay.
  void reincarnate(std::uint64_t incarnation = 0);

  /// Values for inputs and completions are made in the node's memory and must not outlive it.
  Memory& memory();
  /// Names that steps refer to by index.
  std::string_view name(std::uint32_t index) const;
  std::uint32_t name_count() const;
  /// Where an op came from: its target's base name and its node's name.
  std::pair<std::string_view, std::string_view> op_name(OpRef op) const;
  /// The instance bound at a slot, or nullptr.
  Component* component(std::string_view slot);
  Status set_mask(StepMask mask);
  void set_span_hook(SpanHook hook);
  /// What ops have counted under a name (`IncrMetric`).
  std::uint64_t metric(std::string_view name) const;
  const PeerId& peer() const;
  std::uint64_t incarnation() const;
  EngineStats stats() const;
  Inspection inspect() const;
  /// What waits, for what, since when and until when; at most `waits_max` of them, oldest executions first.
  std::vector<Wait> why(std::uint32_t waits_max = 1'000) const;
  std::vector<std::string> targets() const;

 private:
  Node();
  friend class Installer;
  runtime::Engine* engine() const { return engine_.get(); }

  std::unique_ptr<runtime::Engine> engine_;
  // Target names, full and base, to graphs. There are few of them; the first of a name counts.
  std::vector<std::pair<std::string, std::uint32_t>> by_name_;
  struct Given {
    std::uint32_t port = 0;
    Value* value = nullptr;
    std::uint64_t bytes = 0;
  };
  std::expected<ExecId, DeliveryError> start(std::uint32_t graph, std::string_view target, bool echoed);
  bool is_target(TargetId target) const;
  class BootstrapPreparation;
  friend class Replayer;
  friend class Recording;
  Result<PeerHandle> admit(const PeerId& id, ChannelKind channel, std::uint64_t incarnation);
  std::optional<std::uint32_t> find_name(std::string_view name) const;
  std::uint32_t uncommitted() const;
  Array<Given> given_;  // inputs of the invocation at hand; the capacity is kept
  std::unique_ptr<class Journal> journal_;
  std::unique_ptr<class OutputGate> gate_;
};

}  // namespace bb
