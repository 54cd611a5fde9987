// Bytes as a script of calls into one node that has several targets and peers: frames built, replayed and broken, inputs,
// completions, credit, peers that come and go, and clocks that jump. Limits hold after every poll, handles of peers that left are
// refused, commands end once, and at the end nothing is alive.
#include "bb/compiler.h"
#include "fuzz/support/fuzz_target.h"
#include "fuzz/support/world.h"
#include "support/attestation.h"
#include "wire/carriers.h"
#include "wire/envelope_writer.h"

namespace bb::fuzz {
namespace {

struct Script final : Module {
  Script() : Module("Script") {}
  ModelSlot model{"model"};
  void body(Graph& g) const override {
    const Output servers = g.input<type::Peers>("servers");
    const Output x = g.input<type::TensorF32>("x");
    const NetOut out = g.net_out("question", servers, x);
    g.output("answer", g.await_response(out.handle, "tensor.f32", 50'000'000));
    g.output("y", model.forward(g, g.any({x, model.params(g)})));
    g.output("blob_out", g.tee(g.input<type::ByteString>("blob"), 2).back());
    g.output("pair", g.bundle({g.input("left"), g.input("right")}));
    const NetIn note = g.net_in<type::ByteString>("note");
    g.output("note_out", note.value);
    g.output("note_from", g.lookup(note.sender));
    g.on("servers", [&] { g.reply(g.pass_through(out.value), out.sender); });
  }
};

constexpr std::string_view kTargets[] = {"Script", "Script_servers", "Nobody"};
constexpr std::string_view kInputs[] = {"servers", "x", "blob", "left", "right", "nothing"};
constexpr std::uint32_t kCallsMax = 256;

const ByteBuffer& artifact() {
  static const ByteBuffer bytes = [] {
    const auto compiled = Compiler(registry()).bind("model", "ParkingModel").compile(Script());
    require(compiled.has_value(), compiled ? "" : compiled.error().code + ": " + compiled.error().message);
    return compiled->bytes();
  }();
  return bytes;
}

Limits limits_from(Feed& feed) {
  Limits limits = small_limits();
  const std::uint8_t choice = feed.byte();
  if (choice & 1) limits.clock_gap_ns = 120'000'000'000;
  if (choice & 2) limits.memory_bytes_max = 160 << 10;
  if (choice & 4) limits.ops_per_poll = 3;
  if (choice & 8) limits.peers_max = 3;
  if (choice & 16) limits.executions_max = limits.parked_ops_max = 2;
  return limits;
}

class Player {
 public:
  Player(Host& host, Feed& feed) : host_(host), feed_(feed), node_(host.node()) {
    for (const Inspection::Target& target : node_.inspect().targets)
      sites_.insert(sites_.end(), target.sites.begin(), target.sites.end());
    sites_.push_back(7);
  }

  void play() {
    for (std::uint32_t call = 0; call < kCallsMax && !feed_.empty(); ++call) play_one();
  }

 private:
  void play_one() {
    switch (feed_.below(18)) {
      case 0:
      case 1: receive(built_frame()); break;
      case 2: receive(feed_.take(feed_.byte())); break;
      case 3: replay(); break;
      case 4:
      case 5: invoke(); break;
      case 6: deliver_event(); break;
      case 7: complete(); break;
      case 8: complete_failed(); break;
      case 9: (void)node_.grant(handle(), feed_.number() >> feed_.below(64)); break;
      case 10: admit(); break;
      case 11: retire(); break;
      case 12: add_peer(); break;
      case 13: (void)node_.drop_peer(peer_from(feed_)); break;
      case 14: addresses(); break;
      case 15: look(); break;
      default: poll(); break;
    }
  }

  PeerHandle handle() {
    if (handles_.empty() || feed_.below(16) == 15) return PeerHandle{feed_.byte()};
    return handles_[feed_.below(static_cast<std::uint32_t>(handles_.size()))];
  }

  ByteBuffer built_frame() {
    std::vector<ByteBuffer> parts;
    parts.reserve(16);  // spans into it are handed on
    std::vector<wire::FillFields> fills;
    for (std::uint32_t i = feed_.below(4); i > 0; --i) {
      const std::uint64_t site = sites_[feed_.below(static_cast<std::uint32_t>(sites_.size()))];
      parts.push_back((feed_.below(8) == 7 ? address_from(feed_) : Address().with(SiteId{site})).to_bytes());
      const Bytes suffix = parts.back();
      Memory memory;
      const Value value = value_from(feed_, memory);
      ByteBuffer payload;
      if (!encode_value(value, payload) || feed_.below(8) == 7) {
        const Bytes raw = feed_.take(feed_.byte());
        payload.assign(raw.begin(), raw.end());
      }
      parts.push_back(std::move(payload));
      fills.push_back({.suffix = suffix,
                       .payload = parts.back(),
                       .type_hash = feed_.below(16) == 15 ? wire::kBackoffNoticeHash : value.type_hash(),
                       .trigger_only = feed_.below(8) == 7});
    }
    std::vector<Bytes> addresses;
    if (feed_.below(4) == 3) {
      parts.push_back(address_from(feed_).to_bytes());
      addresses.push_back(parts.back());
    }
    const std::uint32_t kind = feed_.below(4);
    ByteBuffer frame;
    wire::write_envelope({.destinations = {},
                          .fills = fills,
                          .has_correlation = kind > 0,
                          .correlation_kind = static_cast<std::int32_t>(kind),
                          .request_id = request_id(),
                          .remaining_deadline_ns = feed_.below(4) == 3 ? feed_.number() >> feed_.below(64) : 0,
                          .reports = {},
                          .source_peer = {},
                          .schema_version = feed_.below(16) == 15 ? 2u : 1u,
                          .source_addresses = addresses,
                          .incarnation = feed_.below(4),
                          .sequence = feed_.below(64)},
                         frame);
    return frame;
  }

  // One that the node has sent is in a frame of its own; a small number may be another's.
  std::uint64_t request_id() {
    if (host_.frames().empty() || feed_.flag()) return feed_.below(4);
    wire::EnvelopeView view;
    const ByteBuffer& frame = host_.frames()[feed_.below(static_cast<std::uint32_t>(host_.frames().size()))];
    return view.parse(frame, EnvelopeCaps{}) ? view.request_id : 0;
  }

  void receive(Bytes frame) { receive(handle(), frame); }
  void receive(const ByteBuffer& frame) { receive(handle(), Bytes(frame)); }
  void receive(PeerHandle from, Bytes frame) {
    const ReceiveStatus status = node_.receive(from, frame);
    require((status.kind != ReceiveStatus::Kind::refused) == (status.error.code == Code::ok), "a refusal says why");
  }

  void replay() {
    if (host_.frames().empty()) return;
    ByteBuffer frame = host_.frames()[feed_.below(static_cast<std::uint32_t>(host_.frames().size()))];
    if (feed_.below(4) == 3)
      frame[feed_.below(static_cast<std::uint32_t>(frame.size()))] ^= static_cast<std::uint8_t>(1 + feed_.below(255));
    receive(frame);
  }

  void started(const std::expected<ExecId, DeliveryError>& exec) {
    if (!exec) return require(!exec.error().text().empty(), "a refusal has a text");
    require(!any_exec_ || exec->v > last_exec_, "executions are numbered upwards");
    any_exec_ = true;
    last_exec_ = exec->v;
  }

  std::string_view target() { return kTargets[feed_.below(8) == 7 ? 1 + feed_.below(2) : 0]; }

  // What fits most often, so that executions run; anything else sometimes.
  Value fitting(std::uint32_t input) {
    if (feed_.below(4) == 3) return value_from(feed_, node_.memory());
    if (input == 0) {
      const PeerId peers[] = {peer_from(feed_), peer_from(feed_)};
      auto value = Value::peers(node_.memory(), {peers, 1 + feed_.below(2)});
      return value ? std::move(*value) : Value();
    }
    if (input == 1) {
      const std::uint64_t shape[] = {1 + feed_.below(64)};
      const std::vector<float> data(shape[0], 1.5f);
      auto value = Value::tensor_f32(node_.memory(), shape, data);
      return value ? std::move(*value) : Value();
    }
    auto value = Value::bytes(node_.memory(), feed_.take(feed_.byte()));
    return value ? std::move(*value) : Value();
  }

  void invoke() {
    std::vector<NamedValue> inputs;
    const std::uint32_t chosen = feed_.byte();
    for (std::uint32_t i = 0; i < std::size(kInputs); ++i)
      if (chosen >> i & 1) inputs.push_back({kInputs[i], fitting(i)});
    if ((chosen & 192) == 192 && !inputs.empty()) inputs.push_back({inputs.front().name, inputs.front().value});
    started(node_.invoke(target(), inputs));
  }

  void deliver_event() {
    const std::uint32_t input = feed_.below(std::size(kInputs));
    started(node_.deliver_event(target(), kInputs[input], fitting(input)));
  }

  CommandId command() {
    auto& commands = host_.commands();
    if (commands.empty() || feed_.below(16) == 15) return CommandId{feed_.byte()};
    return commands[feed_.below(static_cast<std::uint32_t>(commands.size()))];
  }

  void ended(CommandId command) {
    std::erase(host_.commands(), command);
    require(
        !node_.complete(command, {}).has_value() && !node_.complete_failed(command, {OpErrorKind::other, "again", {}}).has_value(),
        "a command ends once");
  }

  void complete() {
    const CommandId which = command();
    std::vector<Value> outputs;
    for (std::uint32_t i = feed_.below(3); i > 0; --i) outputs.push_back(fitting(1));
    if (node_.complete(which, outputs)) ended(which);
  }

  void complete_failed() {
    const CommandId which = command();
    if (node_.complete_failed(which, {OpErrorKind::remote_failed, "fuzz", "on purpose"})) ended(which);
  }

  void admit() {
    const auto admitted = node_.admit(PeerAttestation::of(peer_from(feed_)));
    if (!admitted) return;
    require(std::find(gone_.begin(), gone_.end(), *admitted) == gone_.end(), "a handle names one peer only");
    if (std::find(handles_.begin(), handles_.end(), *admitted) == handles_.end()) handles_.push_back(*admitted);
  }

  void retire() {
    if (handles_.empty()) return;
    const PeerHandle which = handle();
    node_.retire(which);
    if (std::erase(handles_, which) == 0) return;
    require(node_.receive(which, {}).kind == ReceiveStatus::Kind::refused, "a peer that left is refused");
    // The record lives on while the address book names the peer; else the handle is void for good.
    if (!node_.peer_of(which)) gone_.push_back(which);
  }

  void add_peer() {
    std::vector<Address> addresses;
    for (std::uint32_t i = feed_.below(4); i > 0; --i) addresses.push_back(address_from(feed_));
    (void)node_.add_peer(peer_from(feed_), addresses);
  }

  void addresses() {
    const PeerId peer = peer_from(feed_);
    const Address address = address_from(feed_);
    if (feed_.flag()) {
      (void)node_.register_address(peer, address);
    } else {
      (void)node_.forget_address(peer, address);
    }
  }

  void look() {
    const Inspection inspection = node_.inspect();
    require(inspection.peers.size() == node_.stats().peers, "every peer is shown once");
    for (const Inspection::Peer& peer : inspection.peers)
      require(node_.peer_of(peer.handle) == peer.id, "a shown handle names the shown peer");
    StepMask mask = StepMask::all();
    // Without lifecycle or ops steps the host would not learn of its commands.
    mask.sends = feed_.flag();
    mask.events = feed_.flag();
    mask.failures = feed_.flag();
    node_.set_mask(mask);
  }

  void poll() {
    static constexpr std::uint64_t kSteps[] = {0, 1, 1'000, 1'000'000, 50'000'000, 1'000'000'000, 60'000'000'000, 600'000'000'000};
    const std::uint8_t choice = feed_.byte();
    const std::uint64_t clock = host_.clock_ns();
    const std::uint64_t step = kSteps[choice & 7];
    host_.poll((choice & 8) ? clock - std::min(clock, step) : clock + step, choice >> 4);
  }

  Host& host_;
  Feed& feed_;
  Node& node_;
  std::vector<std::uint64_t> sites_;
  std::vector<PeerHandle> handles_;
  std::vector<PeerHandle> gone_;
  std::uint64_t last_exec_ = 0;
  bool any_exec_ = false;
};

}  // namespace

std::vector<ByteBuffer> seeds() {
  // Peers, a call with all inputs, polls and answers; then noise of several lengths.
  std::vector<ByteBuffer> seeds = {
      {0, 10, 0, 10, 1, 12, 1, 0, 0, 0, 0, 4, 31, 0, 0, 0, 0, 1, 4, 0, 0, 0, 3, 16, 1, 17, 2, 3, 0, 0, 16, 1, 7, 0, 0, 16, 1},
      {0, 10, 1, 0, 2, 1, 0, 6, 4, 1, 2, 3, 4, 0, 0, 0, 0, 1, 1, 16, 2, 16, 3},
      {5, 10, 0, 4, 3, 0, 0, 0, 0, 0, 5, 0, 0, 16, 5, 16, 7, 16, 15, 11, 0, 16, 6},
  };
  RandomStream random(11);
  for (int i = 0; i < 200; ++i) {
    ByteBuffer seed(16 + random.below(384));
    for (std::uint8_t& byte : seed) byte = static_cast<std::uint8_t>(random.below(i % 2 == 0 ? 256 : 20));
    seeds.push_back(std::move(seed));
  }
  return seeds;
}

}  // namespace bb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bb;
  using namespace bb::fuzz;
  Feed feed({data, size});
  const Limits limits = limits_from(feed);
  const std::uint8_t choice = feed.byte();
  const PeerId self = PeerId::from(1);
  auto node = Node::install(registry(), {.peer = self,
                                         .addresses = {Address::p2p(self)},
                                         .artifacts = {artifact()},
                                         .targets = {"Script", "Script_servers"},
                                         .config = {},
                                         .limits = limits,
                                         .seed = 1,
                                         .incarnation = 1,
                                         .credit_required = (choice & 1) != 0,
                                         .echo_app_events = (choice & 2) != 0,
                                         .mask = StepMask::all()});
  require(node.has_value(), "the script's own model installs");
  Node& installed = **node;
  Host host(std::move(*node), limits,
            [&installed](OpRef op) { return installed.op_name(op).second.find("AwaitResponse") != std::string_view::npos; });
  Player(host, feed).play();
  host.node().set_mask(StepMask::all());
  for (const Inspection::Peer& peer : host.node().inspect().peers) (void)host.node().grant(peer.handle, UINT64_MAX);
  host.end(false);
  return 0;
}
