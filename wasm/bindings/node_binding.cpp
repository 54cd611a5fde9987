// Every method answers `busy` while the engine runs; a failed one leaves its reason with the engine.
#include "node_binding.h"

#include <algorithm>
#include <cmath>

#include "heap.h"

namespace bb::bindings {
namespace {

constexpr std::uint64_t kInboundBytesMax = 1ull << 30;
constexpr std::uint32_t kFrameRoom = 65'536;
constexpr std::int32_t kMalformed = -1'000;

/// Milliseconds of the host to the engine's nanoseconds, at microsecond grain, so that both sides can name the same instant.
std::uint64_t nanoseconds(double milliseconds) {
  if (!(milliseconds > 0)) return 0;
  const double microseconds = std::floor(milliseconds * 1e3);
  return microseconds >= 1.8e16 ? UINT64_MAX - 1 : static_cast<std::uint64_t>(microseconds) * 1'000;
}

}  // namespace

NodeBinding::NodeBinding(EngineBinding& engine, std::unique_ptr<OpenCommands> commands)
    : engine_(engine), commands_(std::move(commands)), inbound_(kInboundBytesMax) {}

NodeBinding::~NodeBinding() {
  // Values live in the node's memory.
  inputs_.clear();
  bootstraps_.clear();
  // Components of JavaScript are told, and may not call back.
  const bool busy = engine_.busy();
  engine_.set_busy(true);
  node_.reset();
  engine_.set_busy(busy);
}

double NodeBinding::admit(HandshakeBinding& handshake) {
  if (engine_.busy()) return engine_.fail_busy();
  auto proof = handshake.take();
  if (!proof) return engine_.fail(Error{Code::unauthenticated, 0}, "this handshake is not done, or was used already");
  const auto handle = node_->admit(std::move(*proof));
  if (!handle) return engine_.fail(handle.error(), "the peer cannot be admitted");
  return handle->v;
}

double NodeBinding::admit_self() {
  if (engine_.busy()) return engine_.fail_busy();
  const auto handle = node_->admit_self();
  if (!handle) return engine_.fail(handle.error(), "the node cannot be admitted to itself");
  return handle->v;
}

double NodeBinding::handle_of(std::uint32_t at, std::uint32_t size) {
  const auto id = PeerId::from_bytes(heap_bytes(at, size));
  if (!id) return engine_.fail(id.error(), "this is no peer id");
  const auto handle = node_->handle_of(*id);
  if (!handle) return engine_.fail(handle.error(), "no such peer");
  return handle->v;
}

std::string NodeBinding::peer_of(std::uint32_t handle) const {
  const auto id = node_->peer_of(PeerHandle{handle});
  return id ? id->to_text() : std::string();
}

std::int32_t NodeBinding::retire(std::uint32_t handle) {
  if (engine_.busy()) return engine_.fail_busy();
  return answer(node_->retire(PeerHandle{handle}), "no such peer");
}

std::int32_t NodeBinding::grant(std::uint32_t handle, double total_bytes) {
  if (engine_.busy()) return engine_.fail_busy();
  const std::uint64_t total = !(total_bytes > 0) ? 0 : total_bytes >= 0x1p63 ? UINT64_MAX : static_cast<std::uint64_t>(total_bytes);
  const Status status = node_->grant(PeerHandle{handle}, total);
  return status ? 0 : engine_.fail(status.error(), "no such peer");
}

std::int32_t NodeBinding::add_peer(std::uint32_t at, std::uint32_t size) {
  if (engine_.busy()) return engine_.fail_busy();
  const auto id = PeerId::from_bytes(heap_bytes(at, size));
  if (!id) return engine_.fail(id.error(), "this is no peer id");
  adding_ = *id;
  addresses_.clear();
  return 0;
}

std::int32_t NodeBinding::add_address(std::uint32_t at, std::uint32_t size) {
  if (engine_.busy()) return engine_.fail_busy();
  auto address = Address::from_bytes(heap_bytes(at, size));
  if (!address) return engine_.fail(Error{address.error().code, address.error().at}, "this is no address");
  addresses_.push_back(std::move(*address));
  return 0;
}

std::int32_t NodeBinding::end_add_peer() {
  if (engine_.busy()) return engine_.fail_busy();
  const Status status = node_->add_peer(adding_, addresses_);
  return status ? 0 : engine_.fail(status.error(), "the peer cannot be added");
}

std::int32_t NodeBinding::drop_peer(std::uint32_t at, std::uint32_t size) {
  if (engine_.busy()) return engine_.fail_busy();
  const auto id = PeerId::from_bytes(heap_bytes(at, size));
  if (!id) return engine_.fail(id.error(), "this is no peer id");
  const Status status = node_->drop_peer(*id);
  return status ? 0 : engine_.fail(status.error(), "no such peer");
}

std::string NodeBinding::addresses_of(std::uint32_t at, std::uint32_t size) {
  std::string lines;
  const auto id = PeerId::from_bytes(heap_bytes(at, size));
  if (!id) return lines;
  for (const Address& address : node_->addresses_of(*id)) lines += address.to_text() + "\n";
  return lines;
}

std::uint32_t NodeBinding::reserve(std::uint32_t size) {
  if (engine_.busy()) {
    engine_.fail_busy();
    return 0;
  }
  if (size > frame_bytes_max_) {
    received_ = {.kind = ReceiveStatus::Kind::malformed,
                 .error = {},
                 .envelope = {EnvelopeError::Kind::oversize_envelope, frame_bytes_max_, size, 0}};
    engine_.fail(Error{Code::over_cap, size}, "a frame of " + std::to_string(size) + " bytes");
    return 0;
  }
  inbound_.release({});
  const std::uint32_t room = std::max(size, kFrameRoom);
  std::uint8_t* const at = inbound_.reserve(room);
  inbound_at_ = address_of(at);
  inbound_size_ = at ? room : 0;
  if (!at) {
    received_ = {.kind = ReceiveStatus::Kind::refused, .error = Error{Code::no_memory, size}, .envelope = {}};
    engine_.fail(received_.error, "no room for a frame of " + std::to_string(size) + " bytes");
  }
  return inbound_at_;
}

std::int32_t NodeBinding::receive(std::uint32_t handle, std::uint32_t size) {
  if (engine_.busy()) {
    received_ = {.kind = ReceiveStatus::Kind::refused, .error = Error{Code::busy, 0}, .envelope = {}};
    return engine_.fail_busy();
  }
  if (size > inbound_size_) return engine_.fail(Error{Code::bad_argument, size}, "reserve room for the frame first");
  received_ = node_->receive(PeerHandle{handle}, Bytes(at_address(inbound_at_), size));
  switch (received_.kind) {
    case ReceiveStatus::Kind::accepted: return 0;
    case ReceiveStatus::Kind::duplicate: return 1;
    case ReceiveStatus::Kind::refused: return -static_cast<std::int32_t>(received_.error.code);
    case ReceiveStatus::Kind::malformed: return kMalformed - static_cast<std::int32_t>(received_.envelope.kind);
  }
  return kFailed;
}

std::string NodeBinding::receive_detail() const {
  if (received_.kind == ReceiveStatus::Kind::malformed) return received_.envelope.text();
  return std::string(code_name(received_.error.code));
}

std::int32_t NodeBinding::target(std::string name) {
  const auto found = node_->find_target(name);
  return found ? static_cast<std::int32_t>(found->v)
               : fail_delivery({.kind = DeliveryError::Kind::unknown_module, .module = std::move(name), .input = {}});
}

std::int32_t NodeBinding::input(std::uint32_t target, std::string name) {
  const auto found = node_->find_input(TargetId{target}, name);
  if (found) return static_cast<std::int32_t>(found->v);
  return fail_delivery(
      {.kind = DeliveryError::Kind::unknown_input, .module = node_->target_name(TargetId{target}), .input = std::move(name)});
}

bool NodeBinding::read_inputs(std::uint32_t at, std::uint32_t count) {
  inputs_.clear();
  if (count > 0 && !in_heap(at, std::uint64_t{count} * sizeof(InputRecord)))
    return engine_.fail(Error{Code::bad_argument, 0}, "no such records"), false;
  for (std::uint32_t i = 0; i < count; ++i) {
    InputRecord record;
    std::memcpy(&record, at_address(at) + i * sizeof record, sizeof record);
    auto value = read_value(record.value, node_->memory());
    if (!value) return engine_.fail(value.error(), "input " + std::to_string(i) + " is no value"), false;
    inputs_.push_back({InputId{record.input}, std::move(*value)});
  }
  return true;
}

std::int32_t NodeBinding::fail_delivery(const DeliveryError& error) {
  JsonWriter json;
  json.object().field("code", DeliveryError::kind_name(error.kind)).field("detail", error.text()).field("target", error.module);
  json.field("input", error.input).field("got", error.got).field("cap", error.cap).end_object();
  return engine_.fail(json.take());
}

double NodeBinding::invoke(std::uint32_t target, std::uint32_t inputs, std::uint32_t count) {
  if (engine_.busy()) return engine_.fail_busy();
  if (count > inputs_max_) {
    return fail_delivery({.kind = DeliveryError::Kind::too_many_inputs,
                          .module = node_->target_name(TargetId{target}),
                          .input = {},
                          .got = count,
                          .cap = inputs_max_});
  }
  if (!read_inputs(inputs, count)) return kFailed;
  const auto exec = node_->invoke(TargetId{target}, inputs_);
  return exec ? static_cast<double>(exec->v) : fail_delivery(exec.error());
}

double NodeBinding::deliver_event(std::uint32_t target, std::uint32_t input) {
  if (engine_.busy()) return engine_.fail_busy();
  if (!read_inputs(input, 1)) return kFailed;
  const auto exec = node_->deliver_event(TargetId{target}, inputs_[0].input, std::move(inputs_[0].value));
  return exec ? static_cast<double>(exec->v) : fail_delivery(exec.error());
}

std::int32_t NodeBinding::complete(std::uint32_t command_low, std::uint32_t command_high, std::uint32_t outputs,
                                   std::uint32_t count) {
  if (engine_.busy()) return engine_.fail_busy();
  if (count > 0 && !in_heap(outputs, std::uint64_t{count} * sizeof(ValueRecord)))
    return engine_.fail(Error{Code::bad_argument, 0}, "no such records");
  const CommandId command{(std::uint64_t{command_high} << 32) | command_low};
  const auto open = commands_->open.find(command.v);
  std::vector<Value> values;
  for (std::uint32_t i = 0; i < count; ++i) {
    ValueRecord record;
    std::memcpy(&record, at_address(outputs) + i * sizeof record, sizeof record);
    auto value = read_value(record, node_->memory());
    if (!value) return engine_.fail(value.error(), "output " + std::to_string(i) + " is no value");
    if (open != commands_->open.end() && !output_fits(engine_.registry(), *open->second.declaration, *open->second.type, i, *value))
      return engine_.fail(Error{Code::type_mismatch, i}, "output " + std::to_string(i) + " is of another type than the port");
    values.push_back(std::move(*value));
  }
  const Status status = node_->complete(command, values);
  if (!status) return engine_.fail(status.error(), "the completion is refused");
  commands_->open.erase(command.v);
  return 0;
}

std::int32_t NodeBinding::complete_failed(std::uint32_t command_low, std::uint32_t command_high, std::string reason,
                                          std::string detail) {
  if (engine_.busy()) return engine_.fail_busy();
  const CommandId command{(std::uint64_t{command_high} << 32) | command_low};
  commands_->open.erase(command.v);
  const Status status = node_->complete_failed(
      command,
      {OpErrorKind::execution_failed, engine_.calls().names().keep(std::string_view(reason).substr(0, 256)), std::move(detail)});
  return status ? 0 : engine_.fail(status.error(), "the completion is refused");
}

std::uint32_t NodeBinding::poll(double now_ms, std::uint32_t ops) {
  if (engine_.busy()) {
    engine_.fail_busy();
    return 0;
  }
  const std::uint64_t now_ns = nanoseconds(now_ms);
  engine_.set_busy(true);
  const Poll poll = node_->poll(now_ns, ops);
  engine_.set_busy(false);
  note_abandoned(poll);
  const std::uint32_t block = block_.pack(poll, *node_, {.now_ns = now_ns, .mask = mask_, .abandoned = !abandoned_.empty()});
  if (block == 0) engine_.fail(Error{Code::no_memory, 0}, "no room for the steps of this poll");
  return block;
}

void NodeBinding::note_abandoned(const Poll& poll) {
  abandoned_.clear();
  if (commands_->open.empty()) return;
  for (const Step& step : poll.steps) {
    const auto* const failed = std::get_if<OpFailed>(&step);
    if (!failed) continue;
    for (auto at = commands_->open.begin(); at != commands_->open.end();) {
      const bool same = at->second.op == failed->op && at->second.exec == failed->exec;
      if (same) abandoned_.push_back(at->first);
      at = same ? commands_->open.erase(at) : std::next(at);
    }
  }
}

double NodeBinding::abandoned(std::uint32_t position) const {
  return position < abandoned_.size() ? static_cast<double>(abandoned_[position]) : -1;
}

void NodeBinding::set_mask(std::uint32_t kinds) {
  mask_ = kinds;
  const auto wanted = [kinds](StepKind kind) { return (kinds & step_bit(kind)) != 0; };
  // Failures are always made, since they tell which commands were given up; packing leaves out what is not wanted.
  (void)node_->set_mask({.sends = wanted(StepKind::send),
                         .events = wanted(StepKind::event),
                         .failures = true,
                         .lifecycle = true,
                         .ops = wanted(StepKind::op_completed) || wanted(StepKind::async_suspended)});
}

std::string NodeBinding::name(std::uint32_t number) const { return std::string(block_.names().at(number)); }

std::string NodeBinding::op_name(std::uint32_t number) const {
  const auto [target, node] = node_->op_name(OpRef::pack(number >> 20, number & 0xfffff));
  return std::string(target) + "\n" + std::string(node);
}

}  // namespace bb::bindings
