// A node as JavaScript holds it, and the steps that lead to one.
#pragma once

#include "engine_binding.h"
#include "handshake_binding.h"
#include "step_block.h"

namespace bb::bindings {

class NodeBinding {
 public:
  NodeBinding(EngineBinding& engine, std::unique_ptr<OpenCommands> commands);
  ~NodeBinding();

  // Peers. A peer's id is its multihash bytes; a handle is not negative, an error is.
  double admit(HandshakeBinding& handshake);
  double admit_self();
  double handle_of(std::uint32_t at, std::uint32_t size);
  /// The id's base58 text; empty when the handle is unknown.
  std::string peer_of(std::uint32_t handle) const;
  std::int32_t retire(std::uint32_t handle);
  std::int32_t grant(std::uint32_t handle, double total_bytes);
  std::int32_t add_peer(std::uint32_t at, std::uint32_t size);
  std::int32_t add_address(std::uint32_t at, std::uint32_t size);
  std::int32_t end_add_peer();
  std::int32_t drop_peer(std::uint32_t at, std::uint32_t size);
  /// Texts of all addresses of a peer, one a line.
  std::string addresses_of(std::uint32_t at, std::uint32_t size);

  /// Where the next frame's bytes go, good until the next `reserve`; 0 when it is too long or there is no memory. The first
  /// kFrameRoom bytes are there whatever the size, so that one call serves any number of small frames.
  std::uint32_t reserve(std::uint32_t size);
  /// Takes the frame in. 0 accepted, 1 duplicate, else -Code for a refusal, kMalformed - kind for a frame that is no envelope.
  std::int32_t receive(std::uint32_t handle, std::uint32_t size);
  /// Why the last frame was not taken.
  std::string receive_detail() const;

  /// Numbers of a target and of its inputs, so that a call need not carry text.
  std::int32_t target(std::string name);
  std::int32_t input(std::uint32_t target, std::string name);
  /// How many inputs an invocation may have: a call with more is refused without reading them.
  std::uint32_t inputs_max() const { return inputs_max_; }
  /// Starts an execution from `count` InputRecords. The execution's number, or a negative one on failure.
  double invoke(std::uint32_t target, std::uint32_t inputs, std::uint32_t count);
  /// The same with one InputRecord, as an event.
  double deliver_event(std::uint32_t target, std::uint32_t input);

  /// Answers a parked op with `count` ValueRecords by position.
  std::int32_t complete(std::uint32_t command_low, std::uint32_t command_high, std::uint32_t outputs, std::uint32_t count);
  std::int32_t complete_failed(std::uint32_t command_low, std::uint32_t command_high, std::string reason, std::string detail);

  /// The address of the step block; 0 on failure. It is void after the next call into the node.
  std::uint32_t poll(double now_ms, std::uint32_t ops);
  void set_mask(std::uint32_t kinds);
  std::string name(std::uint32_t number) const;
  std::uint32_t name_count() const { return block_.names().size(); }
  /// Target and node of an op's number in a step, separated by a line break.
  std::string op_name(std::uint32_t number) const;

  /// Commands whose ops failed in the last poll, by their deadline, while JavaScript was still at work on them.
  std::uint32_t abandoned_count() const { return static_cast<std::uint32_t>(abandoned_.size()); }
  double abandoned(std::uint32_t position) const;

  // Policy and links of peers.
  std::int32_t block_peer(std::uint32_t at, std::uint32_t size);
  std::int32_t unblock_peer(std::uint32_t at, std::uint32_t size);
  /// The allow list, peer by peer, and its end: in force, or gone.
  std::int32_t allow_peer(std::uint32_t at, std::uint32_t size);
  std::int32_t end_allowlist(bool active);
  /// As JSON; empty on failure.
  std::string peer_health(std::uint32_t at, std::uint32_t size);
  std::int32_t send_failed(std::uint32_t request_low, std::uint32_t request_high, std::uint32_t handle, std::string reason);
  std::int32_t link_up(std::uint32_t handle, std::uint32_t path);
  std::int32_t link_down(std::uint32_t handle, std::uint32_t code);

  // What a bootstrap runs: each target or slot, its inputs, the end. Without a target: all of them.
  std::int32_t bootstrap_target(std::string name);
  std::int32_t bootstrap_input(std::string name, std::uint32_t record_at);
  std::int32_t bootstrap(bool slots);
  std::string bootstrap_status() const;
  std::int32_t fire_lifecycle(std::string phase);
  std::int32_t subscribe_event(std::string kind, std::string target, std::string input);
  std::int32_t suspended(double gap_ms);

  // State. What `snapshot` and `journal` made is at `made_at`, until the next of them.
  std::int32_t snapshot();
  /// A negative time: the host's clock is the one of the snapshot.
  std::int32_t restore(std::uint32_t at, std::uint32_t size, double now_ms, bool same_incarnation, bool fail_pending);
  /// The inputs so far; negative on failure.
  double journal();
  std::int32_t committed(double sequence);
  /// As JSON; empty on failure.
  std::string replay(std::uint32_t at, std::uint32_t size);
  void reincarnate(std::uint32_t low, std::uint32_t high);
  std::uint32_t made_at() const { return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(made_.data())); }
  std::uint32_t made_size() const { return made_.size(); }

  std::string why(std::uint32_t waits_max) const;
  double metric(std::string name) const { return static_cast<double>(node_->metric(name)); }
  std::string inspect() const;
  std::string stats() const;

 private:
  friend class InstallBinding;
  struct Bootstrap {
    std::string target;
    std::vector<std::string> names;
    std::vector<NamedValue> inputs;
  };
  std::int32_t answer(const Status& status, std::string_view what);
  std::int32_t with_peer(std::uint32_t at, std::uint32_t size, std::string_view what, Status (Node::*call)(const PeerId&));
  std::int32_t fail_delivery(const DeliveryError& error);
  /// Into `inputs_`; false with the reason when one is no value.
  bool read_inputs(std::uint32_t at, std::uint32_t count);
  void note_abandoned(const Poll& poll);

  EngineBinding& engine_;
  std::unique_ptr<OpenCommands> commands_;
  std::unique_ptr<Node> node_;
  Arena inbound_;  // the frame that is coming in
  std::uint32_t inbound_at_ = 0;
  std::uint32_t inbound_size_ = 0;
  std::uint64_t frame_bytes_max_ = 0;
  std::uint32_t inputs_max_ = 0;
  ReceiveStatus received_;
  std::vector<InputValue> inputs_;
  PeerId adding_;
  std::vector<Address> addresses_;
  std::vector<PeerId> allowed_;
  std::vector<Bootstrap> bootstraps_;
  Array<std::uint8_t> made_;
  std::vector<std::uint64_t> abandoned_;
  StepBlock block_;
  std::uint32_t mask_ = kStepsByDefault;
};

/// Collects what an installation needs, piece by piece; the first piece that is wrong is reported by `install`.
class InstallBinding {
 public:
  explicit InstallBinding(EngineBinding& engine) : engine_(engine) {}

  void peer(std::uint32_t at, std::uint32_t size);
  void address(std::uint32_t at, std::uint32_t size);
  void artifact(std::uint32_t at, std::uint32_t size);
  void target(std::string name);
  void limit(std::string name, double value);
  void seed(std::uint32_t low, std::uint32_t high);
  void incarnation(std::uint32_t low, std::uint32_t high);
  void flags(bool credit_required, bool echo_app_events);
  /// 0 none, 1 recorded, 2 gated.
  void durability(std::uint32_t durability);
  void config_number(std::string slot, std::string name, double number);
  void config_integer(std::string slot, std::string name, std::uint32_t low, std::uint32_t high);
  void config_flag(std::string slot, std::string name, bool flag);
  void config_text(std::string slot, std::string name, std::string text);
  void config_bytes(std::string slot, std::string name, std::uint32_t at, std::uint32_t size);
  /// Appends to a list.
  void config_item(std::string slot, std::string name, std::uint32_t at, std::uint32_t size);

  /// nullptr on failure.
  NodeBinding* install();

 private:
  void refuse(std::string_view code, std::string detail);

  EngineBinding& engine_;
  InstallOptions options_;
  std::deque<ByteBuffer> artifacts_;
  std::string error_;
};

}  // namespace bb::bindings
