// The registry, the values and the host of the targets that run a node.
#include "fuzz/support/world.h"

#include "fuzz/support/fuzz_target.h"
#include "ops/registry.h"

namespace bb::fuzz {
namespace {

class ParkingModel final : public Stateless<Component> {
 public:
  Outcome dispatch(std::uint16_t method, OpContext& ctx) override {
    const auto command = ctx.park(method % 2 == 0 ? 0 : 1'000);
    return command ? Outcome::parked : ctx.fail(command.error(), "ParkingModel");
  }
};

template <class T>
Value or_absent(Result<T> value) {
  return value ? std::move(*value) : Value();
}

Value tensor_from(Feed& feed, Memory& memory) {
  const auto dtype = static_cast<DType>(feed.below(kDTypeCount));
  std::uint64_t shape[3];
  const std::uint32_t rank = feed.below(4);
  std::uint64_t elements = 1;
  for (std::uint32_t i = 0; i < rank; ++i) elements *= shape[i] = feed.below(6);
  auto value = Value::tensor(memory, feed.flag() ? DType::f32 : dtype, {shape, rank});
  if (!value) return {};
  const TensorView view = value->as_tensor();
  const std::uint64_t size = elements * dtype_size(view.dtype);
  std::uint8_t* const data = value->mutable_tensor_data();
  if (size > 0) std::memset(data, 0, size);
  const Bytes content = feed.take(static_cast<std::size_t>(size));
  if (!content.empty()) std::memcpy(data, content.data(), content.size());
  if (view.dtype == DType::boolean)
    for (std::uint64_t i = 0; i < size; ++i) data[i] &= 1;
  return std::move(*value);
}

Value list_from(Feed& feed, Memory& memory) {
  if (feed.flag()) {
    std::vector<PeerId> peers;
    for (std::uint32_t i = feed.below(4); i > 0; --i) peers.push_back(peer_from(feed));
    return or_absent(Value::peers(memory, peers));
  }
  std::vector<Address> addresses;
  for (std::uint32_t i = feed.below(3); i > 0; --i) addresses.push_back(address_from(feed));
  return or_absent(Value::addresses(memory, addresses));
}

Value flat_value(Feed& feed, Memory& memory) {
  switch (feed.below(16)) {
    case 0: return Value::trigger();
    case 1: return Value::number(Carrier::u64, feed.number());
    case 2: return Value::number(Carrier::request_id, feed.byte());
    case 3: return Value::number(Carrier::boolean, feed.byte() & 1);
    case 4: return Value::f32(static_cast<float>(feed.byte()) - 100.0f);
    case 5: return Value::f64(std::bit_cast<double>(feed.number()));
    case 6: return or_absent(Value::bytes(memory, feed.take(feed.byte())));
    case 7: return or_absent(Value::text(memory, "text"));
    case 8: return or_absent(Value::peer(memory, peer_from(feed)));
    case 9: return or_absent(Value::address(memory, address_from(feed)));
    case 10: return or_absent(Value::fed_avg_meta(memory, {.samples = feed.number() >> feed.below(64), .round = feed.byte()}));
    case 11:
    case 12: return list_from(feed, memory);
    case 13: {
      const std::pair<std::uint64_t, float> results[] = {{feed.byte(), 1.0f}};
      return or_absent(Value::search_results(memory, results));
    }
    default: return tensor_from(feed, memory);
  }
}

}  // namespace

const Registry& registry() {
  static const Registry registry = [] {
    Registry made = ops::builtin_registry();
    ComponentClass parking;
    parking.type_name = "ParkingModel";
    parking.role = Role::model;
    parking.storage = {{"tensor", "tensor.f32"}};
    parking.construct = [](const Config&) -> std::expected<std::unique_ptr<Component>, std::string> {
      return std::make_unique<ParkingModel>();
    };
    require(made.add(std::move(parking)).has_value(), "the registry takes the parking model");
    return made;
  }();
  return registry;
}

Value value_from(Feed& feed, Memory& memory) {
  if (feed.below(8) != 7) return flat_value(feed, memory);
  std::vector<Value> children;
  for (std::uint32_t i = feed.below(4); i > 0; --i) children.push_back(flat_value(feed, memory));
  return or_absent(Value::composite(memory, children));
}

PeerId peer_from(Feed& feed) { return PeerId::from(1 + feed.below(4)); }

Address address_from(Feed& feed) {
  Address address;
  for (std::uint32_t i = 1 + feed.below(2); i > 0; --i) {
    switch (feed.below(4)) {
      case 0: address = std::move(address).with(peer_from(feed)); break;
      case 1: address = std::move(address).with(SiteId{feed.number()}); break;
      case 2: address = std::move(address).with(ComponentRef{feed.byte()}); break;
      default: address = std::move(address).with(Address::Op{"op"}); break;
    }
  }
  return address;
}

Limits small_limits() {
  Limits limits = Limits::edge();
  limits.memory_bytes_max = 8 << 20;
  limits.ingress_bytes_max = 16 << 10;
  limits.event_bytes_max = 4 << 10;
  limits.invoke_bytes_max = 8 << 10;
  limits.completion_bytes_max = 4 << 10;
  limits.invoke_inputs_max = 8;
  limits.parked_ops_max = 8;
  limits.executions_max = 24;
  limits.ingress_max = 16;
  limits.outbound_max = 16;
  limits.outbound_bytes_max = 16 << 10;
  limits.peers_max = 6;
  limits.addresses_per_peer_max = 3;
  limits.timers_max = 12;
  limits.requests_max = 8;
  limits.payload_window = 8;
  limits.plans_per_graph_max = 2;
  return limits;
}

bool Host::poll(std::uint64_t now_ns, std::uint32_t ops) {
  clock_ns_ = std::max(clock_ns_, now_ns);
  const Poll result = node_->poll(now_ns, ops);
  for (const Step& step : result.steps) {
    if (const auto* suspended = std::get_if<AsyncSuspended>(&step)) {
      require(!any_command_ || suspended->command.v > last_command_, "commands are numbered upwards");
      any_command_ = true;
      last_command_ = suspended->command.v;
      commands_.push_back(suspended->command);
      if (ends_itself_(suspended->op)) not_mine_.push_back(suspended->command);
    } else if (const auto* send = std::get_if<SendEnvelope>(&step)) {
      ByteBuffer frame = send->bytes();
      require(!frame.empty(), "an envelope has bytes");
      if (frames_.size() == kFramesMax) frames_.erase(frames_.begin());
      frames_.push_back(std::move(frame));
    } else if (const auto* event = std::get_if<AppEvent>(&step)) {
      // A topic may be empty: that is the default of the attribute which names it.
      require(event->value.present(), "an event has a value");
      ByteBuffer encoded;
      require(encode_value(event->value, encoded).has_value(), "an event's value encodes");
    } else if (const auto* failed = std::get_if<OpFailed>(&step)) {
      // A failure of the kind `other` may have its words only.
      require(!failed->error.reason.empty() || !failed->error.detail.empty(), "a failure says why");
    }
  }
  require(result.more || result.next_wakeup_ns > clock_ns_ || result.next_wakeup_ns == UINT64_MAX, "what is due has been done");
  check_limits();
  return result.more;
}

void Host::check_limits() {
  const EngineStats stats = node_->stats();
  require(stats.ingress_bytes <= limits_.ingress_bytes_max, "bytes in flight keep to their limit");
  require(stats.memory_bytes <= limits_.memory_bytes_max, "memory keeps to its limit");
  require(stats.parked <= limits_.parked_ops_max, "parked ops keep to their limit");
  require(stats.executions <= limits_.executions_max, "executions keep to their limit");
  require(stats.peers <= limits_.peers_max, "peers keep to their limit");
  require(stats.timers <= std::uint64_t{2} * limits_.timers_max, "timers and deadlines keep to their limit");
  require(stats.requests <= limits_.requests_max, "requests keep to their limit");
}

void Host::end(bool values_may_stay) {
  constexpr std::uint64_t kStepNs = 60'000'000'000;
  // Ops may park one after the other along a chain: some rounds are needed, never many.
  for (std::uint64_t round = 0; round < 200; ++round) {
    for (const CommandId command : std::exchange(commands_, {}))
      if (std::find(not_mine_.begin(), not_mine_.end(), command) == not_mine_.end())
        (void)node_->complete_failed(command, {OpErrorKind::other, "ended", "the run is over"});
    // Deadlines may be centuries away; a node that takes jumps for suspension is led there in steps, and is given none so far away.
    const bool jumps = limits_.clock_gap_ns == UINT64_MAX && round >= 4;
    const bool more = poll(jumps ? UINT64_MAX : clock_ns_ + std::min(kStepNs, UINT64_MAX - clock_ns_), 10'000);
    const EngineStats stats = node_->stats();
    if (!more && commands_.empty() && stats.executions + stats.parked + stats.ingress + stats.requests + stats.timers == 0) break;
  }
  (void)poll(clock_ns_, 10'000);
  const EngineStats stats = node_->stats();
  require(stats.executions == 0, "executions end");
  require(stats.parked == 0 && stats.ingress == 0 && stats.frontier == 0, "nothing is parked, waiting or ready");
  require(stats.requests == 0 && stats.timers == 0, "requests and timers end");
  require(values_may_stay || stats.ingress_bytes == 0, "no byte stays charged when nothing is alive");
}

}  // namespace bb::fuzz
