// Bytes as a small graph of registered ops, with what a compiled model carries, right or wrong: installed when it can be, started
// with values made of the bytes, its commands completed and its envelopes played back. Executions end, and nothing stays charged.
#include "bb/node.h"
#include "fuzz/support/fuzz_target.h"
#include "fuzz/support/world.h"
#include "ir/metadata.h"
#include "ir/value_info.h"
#include "proto/onnx.pb.h"
#include "support/attestation.h"

namespace bb::fuzz {
namespace {

constexpr std::uint64_t kFirstSite = std::uint64_t{1} << 32;
constexpr std::uint32_t kOpsMax = 10'000;

struct Slot {
  std::string_view name, role, type;
};
constexpr Slot kSlots[] = {
    {"model", "Model", "Mlp"},
    {"parking", "Model", "ParkingModel"},
    {"data", "DataSource", "Dataset"},
    {"aggregator", "Aggregator", "FedAvg"},
    {"backend", "Backend", "bytesandbrains::backends::cpu::CpuBackend"},
    {"view", "PeerSelector", "ConstantView"},
    {"random", "PeerSelector", "RandomSelector"},
};

class GraphMaker {
 public:
  explicit GraphMaker(Feed& feed) : feed_(feed) {}

  std::string make() {
    ir::stamp_metadata(model_, ir::key::kCompiled, ir::key::kCompiledVersion);
    function_ = model_.add_functions();
    function_->set_name("F#0123456789abcdef");
    for (std::uint32_t i = 1 + feed_.below(3); i > 0; --i) {
      const std::string name = "in" + std::to_string(function_->input_size());
      function_->add_input(name);
      type(name);
      values_.push_back(name);
    }
    const std::uint32_t count = 1 + feed_.below(12);
    for (std::uint32_t i = 0; i < count; ++i) {
      if (feed_.below(8) == 7) {
        add_request();
      } else {
        add_node();
      }
    }
    for (std::uint32_t i = feed_.below(4); i > 0; --i) function_->add_output(values_[feed_.below(values())]);
    std::uint32_t id = 0;
    for (const Slot& slot : kSlots)
      ir::stamp_metadata(model_, std::string(ir::key::kBindingPrefix) + function_->name() + "." + std::string(slot.name),
                         std::string(slot.role) + "|" + std::string(slot.type) + "|" + std::to_string(id++));
    return model_.SerializeAsString();
  }
  bool aggregates() const { return aggregates_; }
  /// Waits for an answer or its end. Of several that wait for one request only the last is told, so those are left to the host.
  bool ends_itself(OpRef op) const {
    const auto awaits = [](const onnx::NodeProto& node) { return node.op_type() == "AwaitResponse"; };
    return awaits(function_->node(static_cast<int>(op.op()))) &&
           std::count_if(function_->node().begin(), function_->node().end(), awaits) == 1;
  }

 private:
  std::uint32_t values() const { return static_cast<std::uint32_t>(values_.size()); }

  void type(const std::string& name) {
    const auto& nodes = registry().types.nodes();
    auto* info = function_->add_value_info();
    info->set_name(name);
    ir::set_type(*info, nodes[feed_.below(static_cast<std::uint32_t>(nodes.size()))]);
  }

  // Ops of the framework as often as those of components; roles that no shipped class fills are left out.
  const OpDeclaration& choose() {
    const auto& ops = registry().ops();
    const bool framework = feed_.flag();
    const std::uint32_t first = feed_.below(static_cast<std::uint32_t>(ops.size()));
    for (std::uint32_t i = 0; i < ops.size(); ++i) {
      const OpDeclaration& op = ops[(first + i) % ops.size()];
      if (op.role == Role::index || op.role == Role::codec || (op.role == Role::none) != framework) continue;
      return op;
    }
    return ops.front();
  }

  std::string input() {
    const std::uint32_t choice = feed_.byte();
    if (choice == 255) return "nobody";
    if (choice == 254) return {};
    // Ahead of its producer, perhaps its own output: a cycle, whose ops never run.
    if (choice == 253) return "v" + std::to_string(next_value_ + feed_.below(3));
    return values_[choice % values()];
  }

  void add_node() {
    const OpDeclaration& op = choose();
    auto* node = function_->add_node();
    node->set_name("node" + std::to_string(function_->node_size()));
    node->set_domain(op.domain);
    node->set_op_type(op.op_type);
    const bool variadic = !op.inputs.empty() && op.inputs.back().variadic;
    const auto formal = static_cast<std::uint32_t>(op.inputs.size());
    for (std::uint32_t i = 0; i < (variadic ? formal + feed_.below(3) : formal); ++i) node->add_input(input());
    if (op.op_type == "AwaitResponse" && !handles_.empty() && feed_.flag())
      node->set_input(0, handles_[feed_.below(static_cast<std::uint32_t>(handles_.size()))]);
    std::uint32_t outputs = static_cast<std::uint32_t>(op.outputs.size());
    if (op.variadic_outputs) outputs = 1 + feed_.below(3);
    // A Send's last output, after one for each payload, is the handle of the request.
    const bool sends = ir::is_send(*node) && feed_.flag();
    if (sends) outputs = static_cast<std::uint32_t>(node->input_size());
    for (std::uint32_t i = 0; i < outputs; ++i) {
      const std::string name = feed_.byte() == 255 ? values_.back() : "v" + std::to_string(next_value_++);
      node->add_output(name);
      values_.push_back(name);
      if (feed_.below(8) == 7) type(name);
    }
    if (sends && outputs > 0) handles_.push_back(values_.back());
    if (op.role != Role::none) bind(*node, op.role);
    for (const Parameter& parameter : op.parameters)
      if (feed_.flag()) ir::set_attribute(*node, parameter.name, scalar());
    if (op.op_type == "Constant") constant(*node);
    if (ir::is_send(*node)) address(*node);
    if (ir::is_recv(*node) && feed_.flag())
      ir::stamp_metadata(*node, ir::key::kSiteId, std::to_string(kFirstSite + feed_.below(3)));
    if (op.role == Role::backend) backend_attributes(*node);
    if (feed_.below(8) == 7) ir::set_attribute(*node, ir::attribute::kDeadline, scalar());
  }

  onnx::NodeProto& plain_node(std::string_view domain, std::string_view op_type, std::uint32_t outputs) {
    auto& node = *function_->add_node();
    node.set_name("node" + std::to_string(function_->node_size()));
    node.set_domain(std::string(domain));
    node.set_op_type(std::string(op_type));
    for (std::uint32_t i = 0; i < outputs; ++i) {
      values_.push_back("v" + std::to_string(next_value_++));
      node.add_output(values_.back());
    }
    return node;
  }

  // What single choices would hardly meet: peers, a request to them, and one or two that wait for its answer.
  void add_request() {
    Memory memory;
    const PeerId to[] = {peer_from(feed_), peer_from(feed_)};
    ByteBuffer literal;
    const auto list = Value::peers(memory, {to, 1 + feed_.below(2)});
    require(list && encode_value(*list, literal), "a short list of peers encodes");
    auto& peers = plain_node(domain::kSyscall, "Constant", 1);
    ir::set_attribute(peers, ir::attribute::kLiteral, as_text(literal));
    ir::set_attribute(peers, ir::attribute::kLiteralType, static_cast<std::int64_t>(list->type_hash()));
    const std::string payload = values_[feed_.below(values())];
    auto& send = plain_node(domain::kWire, ir::kSend, 2);
    send.add_input(payload);
    send.add_input(peers.output(0));
    ir::stamp_metadata(send, ir::key::kRequest, "1");
    if (feed_.flag()) ir::set_attribute(send, ir::attribute::kDeadline, scalar());
    handles_.push_back(send.output(1));
    for (std::uint32_t i = 1 + feed_.below(2); i > 0; --i) {
      auto& await = plain_node(domain::kWire, "AwaitResponse", 1);
      await.add_input(handles_.back());
      if (feed_.flag()) ir::set_attribute(await, "timeout_ns", scalar());
    }
  }

  std::int64_t scalar() {
    return feed_.below(16) == 15 ? static_cast<std::int64_t>(feed_.number()) : static_cast<std::int64_t>(feed_.below(16)) - 4;
  }

  void bind(onnx::NodeProto& node, Role role) {
    const std::string_view name = role_name(role);
    std::vector<std::string_view> fitting;
    for (const Slot& slot : kSlots)
      if (slot.role == name) fitting.push_back(slot.name);
    if (fitting.empty()) return;
    ir::stamp_metadata(node, ir::key::kSlot, fitting[feed_.below(static_cast<std::uint32_t>(fitting.size()))]);
    aggregates_ |= role == Role::aggregator;
  }

  void constant(onnx::NodeProto& node) {
    if (feed_.flag()) {
      auto* attribute = node.add_attribute();
      attribute->set_name(std::string(ir::attribute::kValue));
      auto* tensor = attribute->mutable_t();
      tensor->set_data_type(feed_.below(18));
      for (std::uint32_t i = feed_.below(3); i > 0; --i) tensor->add_dims(scalar());
      if (feed_.flag()) {
        tensor->set_raw_data(std::string(as_text(feed_.take(feed_.below(64)))));
      } else {
        for (std::uint32_t i = feed_.below(5); i > 0; --i) {
          tensor->add_float_data(static_cast<float>(feed_.byte()));
          tensor->add_int32_data(feed_.byte());
          tensor->add_int64_data(scalar());
        }
      }
    } else {
      Memory memory;
      const Value value = value_from(feed_, memory);
      ByteBuffer literal;
      if (encode_value(value, literal)) ir::set_attribute(node, ir::attribute::kLiteral, as_text(literal));
      ir::set_attribute(node, ir::attribute::kLiteralType, static_cast<std::int64_t>(value.type_hash()));
    }
  }

  // Half of the fills go to a Recv that may exist, the others anywhere.
  void address(onnx::NodeProto& node) {
    for (const std::string& input : node.input()) {
      const Address to = feed_.flag() ? Address().with(SiteId{kFirstSite + feed_.below(3)}) : address_from(feed_);
      ir::set_attribute(node, std::string(ir::attribute::kDestSuffixPrefix) + input, as_text(to.to_bytes()));
      if (feed_.below(8) == 7) ir::set_attribute(node, std::string(ir::attribute::kTriggerOnlyPrefix) + input, scalar());
    }
    if (feed_.flag()) ir::stamp_metadata(node, ir::key::kRequest, "1");
    if (feed_.flag()) ir::stamp_metadata(node, ir::key::kPeersIndex, std::to_string(feed_.below(4)));
  }

  void backend_attributes(onnx::NodeProto& node) {
    static constexpr std::string_view lists[] = {"dims", "axes", "perm", "starts", "ends", "steps", "split", "shape"};
    static constexpr std::string_view numbers[] = {"axis", "to", "keepdims", "transA", "transB"};
    const std::uint32_t choices = feed_.byte();
    for (std::uint32_t i = 0; i < std::size(lists); ++i) {
      if ((choices >> i & 1) == 0) continue;
      auto* attribute = node.add_attribute();
      attribute->set_name(std::string(lists[i]));
      for (std::uint32_t n = feed_.below(4); n > 0; --n) attribute->add_ints(scalar());
    }
    for (const std::string_view name : numbers)
      if (feed_.below(4) == 3) ir::set_attribute(node, name, scalar());
  }

  Feed& feed_;
  onnx::ModelProto model_;
  onnx::FunctionProto* function_ = nullptr;
  std::vector<std::string> values_;
  std::vector<std::string> handles_;
  std::uint32_t next_value_ = 0;
  bool aggregates_ = false;
};

std::map<std::string, Config> configs() {
  std::map<std::string, Config> configs;
  configs["model"].set("layers", std::string("2-3-2"));
  configs["data"].set("images", ByteBuffer{1, 2, 3, 4, 5, 6}).set("labels", ByteBuffer{0, 1, 0}).set("features", std::int64_t{2});
  configs["data"].set("batch_size", std::int64_t{2});
  configs["view"].set("peers", std::vector<ByteBuffer>{PeerId::from(1).to_bytes(), PeerId::from(2).to_bytes()});
  return configs;
}

void run(Host& host, Feed& feed) {
  Node& node = host.node();
  const TargetId target = *node.find_target("F");
  const PeerId self = PeerId::from(1);
  const auto admitted = node.admit(PeerAttestation::of(self));
  require(admitted.has_value(), "a node admits itself");
  const PeerId other = PeerId::from(2);
  const Address address = Address::p2p(other);
  (void)node.admit(PeerAttestation::of(other));
  (void)node.add_peer(other, {&address, 1});
  const std::uint64_t before = node.stats().ops;
  std::uint64_t now = 1;
  for (std::uint32_t round = 1 + feed.below(4); round > 0; --round) {
    std::vector<InputValue> inputs;
    for (std::uint32_t i = 0; node.find_input(target, "in" + std::to_string(i)); ++i)
      inputs.push_back({*node.find_input(target, "in" + std::to_string(i)), value_from(feed, node.memory())});
    (void)node.invoke(target, inputs);
    const std::vector<ByteBuffer> frames = host.frames();
    for (const ByteBuffer& frame : frames)
      if (feed.flag()) (void)node.receive(*admitted, frame);
    bool more = true;
    while (more && node.stats().ops - before < kOpsMax) more = host.poll(now += feed.byte(), 64);
    for (const CommandId command : std::exchange(host.commands(), {})) {
      if (feed.flag()) {
        (void)node.complete_failed(command, {OpErrorKind::other, "fuzz", {}});
        continue;
      }
      std::vector<Value> outputs;
      for (std::uint32_t i = feed.below(3); i > 0; --i) outputs.push_back(value_from(feed, node.memory()));
      if (!node.complete(command, outputs)) host.commands().push_back(command);
    }
  }
}

}  // namespace

// Programs need no valid bytes: any string is one. These are long enough to make graphs that install.
std::vector<ByteBuffer> seeds() {
  std::vector<ByteBuffer> seeds;
  RandomStream random(7);
  for (int i = 0; i < 400; ++i) {
    ByteBuffer seed(16 + random.below(240));
    // Low numbers are the ordinary choices.
    for (std::uint8_t& byte : seed) byte = static_cast<std::uint8_t>(random.below(i % 2 == 0 ? 250 : 24));
    seeds.push_back(std::move(seed));
  }
  return seeds;
}

}  // namespace bb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bb;
  using namespace bb::fuzz;
  Feed feed({data, size});
  GraphMaker maker(feed);
  const std::string model = maker.make();
  const PeerId self = PeerId::from(1);
  auto node = Node::install(registry(), {.peer = self,
                                         .addresses = {Address::p2p(self)},
                                         .artifacts = {as_bytes(model)},
                                         .targets = {"F"},
                                         .config = configs(),
                                         .limits = small_limits(),
                                         .seed = 1,
                                         .incarnation = 1,
                                         .mask = StepMask::all()});
  if (!node) {
    require(!node.error().text().empty(), "a refusal has a text");
    return 0;
  }
  Host host(std::move(*node), small_limits(), [&maker](OpRef op) { return maker.ends_itself(op); });
  run(host, feed);
  host.end(maker.aggregates());
  return 0;
}
