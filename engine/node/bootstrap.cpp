// The bootstrap surface: what is asked for is found, checked and prepared whole before any of it is queued (spec B §8.3).
#include <algorithm>

#include "bb/node.h"
#include "node/fit.h"
#include "node/recording.h"

namespace bb {
namespace {

using Kind = BootstrapError::Kind;

constexpr std::string_view kSuffix = "__bootstrap";

// The record of the input found no room.
BootstrapError::Kind kind_of(const Status& ready) {
  return ready.error().code == Code::no_memory ? Kind::allocation_failed : Kind::busy;
}

// `X__bootstrap`, from that or from the bare module's name, with or without a hash.
std::string body_name(std::string_view asked) {
  std::string name(asked.substr(0, asked.find('#')));
  if (!name.ends_with(kSuffix)) name += kSuffix;
  return name;
}

}  // namespace

// Executions that become jobs together, or are undone together.
class Node::BootstrapPreparation {
 public:
  explicit BootstrapPreparation(runtime::Engine& engine) : engine_(engine) {}
  ~BootstrapPreparation() {
    for (std::uint32_t i = jobs_.size(); i > 0; --i) engine_.discard(jobs_[i - 1].activation);
  }
  BootstrapPreparation(const BootstrapPreparation&) = delete;
  BootstrapPreparation& operator=(const BootstrapPreparation&) = delete;

  static std::unexpected<BootstrapError> refuse(BootstrapError::Kind kind, std::string_view target) {
    return std::unexpected(BootstrapError{.kind = kind, .target = std::string(target), .input = {}, .available = {}});
  }

  std::expected<runtime::Activation*, BootstrapError> add(std::uint32_t body, std::string_view target) {
    for (const auto& job : jobs_)
      if (job.body == body) return refuse(Kind::already_transitively_queued, target);
    runtime::Activation* const made = engine_.prepare(*engine_.bootstrap().bodies[body].graph);
    if (!made || !jobs_.try_push({.activation = made, .body = body})) {
      if (made) engine_.discard(made);
      auto error = refuse(Kind::allocation_failed, target);
      error.error().budget_remaining = engine_.ingress_bytes().remaining();
      return error;
    }
    return made;
  }

  std::expected<void, BootstrapError> give(runtime::Activation& activation, std::string_view target, std::span<NamedValue> inputs) {
    const runtime::LinkedGraph& graph = *activation.graph;
    for (const NamedValue& input : inputs)
      if (!graph.find_input(input.name)) return refuse_input(Kind::unknown_input, target, input.name, graph);
    for (const auto& port : graph.input_ports) {
      const auto found = std::find_if(inputs.begin(), inputs.end(), [&](const NamedValue& i) { return i.name == port.name; });
      if (found == inputs.end() || !found->value.present()) return refuse_input(Kind::missing_input, target, port.name, graph);
      if (const Code fits = node::fit(engine_.memory(), *port.type, found->value); fits != Code::ok)
        return refuse_input(fits == Code::no_memory ? Kind::allocation_failed : Kind::type_mismatch, target, port.name, graph);
      const std::uint64_t bytes = content_size(found->value);
      if (!engine_.ingress_bytes().try_charge(bytes)) {
        auto error = refuse_input(Kind::allocation_failed, target, port.name, graph);
        error.error().byte_count = bytes;
        error.error().budget_remaining = engine_.ingress_bytes().remaining();
        return error;
      }
      if (!found->value.attach_charge(engine_.ingress_bytes(), bytes)) engine_.ingress_bytes().release(bytes);
      activation.values()[port.value] = std::move(found->value);
    }
    return {};
  }

  std::expected<void, BootstrapError> queue(std::string_view target) {
    if (!engine_.enqueue_bootstrap({jobs_.data(), jobs_.size()})) return refuse(Kind::allocation_failed, target);
    jobs_.clear();  // the engine has them
    return {};
  }

 private:
  static std::unexpected<BootstrapError> refuse_input(BootstrapError::Kind kind, std::string_view target, std::string_view input,
                                                      const runtime::LinkedGraph& graph) {
    auto error = refuse(kind, target);
    error.error().input = input;
    for (const auto& port : graph.input_ports) error.error().available.push_back(port.name);
    return error;
  }

  runtime::Engine& engine_;
  Array<runtime::Bootstrap::Job> jobs_;
};

std::expected<void, BootstrapError> Node::bootstrap() {
  if (engine_->busy()) return BootstrapPreparation::refuse(Kind::busy, {});
  Recording record(*this, Journal::Kind::bootstrap);
  if (const Status ready = record.number(0).ready(); !ready) return BootstrapPreparation::refuse(kind_of(ready), {});
  BootstrapPreparation jobs(*engine_);
  auto& bodies = engine_->bootstrap().bodies;
  for (std::uint32_t i = 0; i < bodies.size(); ++i) {
    if (bodies[i].done || bodies[i].op != runtime::kNone) continue;
    if (!bodies[i].graph->input_ports.empty()) continue;
    if (auto added = jobs.add(i, bodies[i].graph->base_name); !added) return std::unexpected(std::move(added.error()));
  }
  if (auto queued = jobs.queue({}); !queued) return queued;
  record.keep();
  for (auto& body : bodies) body.skipped = !body.done && body.op == runtime::kNone && !body.graph->input_ports.empty();
  return {};
}

std::expected<void, BootstrapError> Node::bootstrap(std::span<const std::string_view> targets) {
  std::vector<BootstrapRequest> requests;
  for (const std::string_view target : targets) requests.push_back({.target = target, .inputs = {}});
  return bootstrap(std::span<const BootstrapRequest>(requests));
}

std::expected<void, BootstrapError> Node::bootstrap(std::span<const BootstrapRequest> requests) {
  if (engine_->busy()) return BootstrapPreparation::refuse(Kind::busy, {});
  if (requests.empty()) return bootstrap();
  const auto& bodies = engine_->bootstrap().bodies;
  std::vector<std::uint32_t> found;
  for (const BootstrapRequest& request : requests) {
    const std::string name = body_name(request.target);
    std::uint32_t at = 0;
    while (at < bodies.size() && (bodies[at].op != runtime::kNone || bodies[at].graph->base_name != name)) ++at;
    if (at == bodies.size()) {
      auto error = BootstrapPreparation::refuse(Kind::unknown_target, request.target);
      error.error().available = bootstrap_targets();
      return error;
    }
    found.push_back(at);
  }
  Recording record(*this, Journal::Kind::bootstrap);
  record.number(requests.size());
  for (const BootstrapRequest& request : requests) {
    record.text(request.target).number(request.inputs.size());
    for (const NamedValue& input : request.inputs)
      if (!record.text(input.name).value(input.value)) return BootstrapPreparation::refuse(Kind::type_mismatch, request.target);
  }
  if (const Status ready = record.ready(); !ready) return BootstrapPreparation::refuse(kind_of(ready), requests.front().target);
  BootstrapPreparation jobs(*engine_);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    auto activation = jobs.add(found[i], requests[i].target);
    if (!activation) return std::unexpected(std::move(activation.error()));
    if (auto given = jobs.give(**activation, requests[i].target, requests[i].inputs); !given) return given;
  }
  auto queued = jobs.queue(requests.front().target);
  if (queued) record.keep();
  return queued;
}

std::expected<void, BootstrapError> Node::bootstrap_slots(std::span<const std::string_view> slots) {
  if (engine_->busy()) return BootstrapPreparation::refuse(Kind::busy, {});
  const auto& bodies = engine_->bootstrap().bodies;
  Recording record(*this, Journal::Kind::bootstrap_slots);
  record.number(slots.size());
  for (const std::string_view slot : slots) record.text(slot);
  if (const Status ready = record.ready(); !ready) return BootstrapPreparation::refuse(kind_of(ready), {});
  BootstrapPreparation jobs(*engine_);
  for (const std::string_view slot : slots) {
    std::uint32_t at = 0;
    while (at < bodies.size() && (bodies[at].op == runtime::kNone || bodies[at].graph->name != slot)) ++at;
    if (at == bodies.size()) {
      auto error = BootstrapPreparation::refuse(Kind::unknown_target, slot);
      error.error().available = bootstrap_targets();
      return error;
    }
    if (auto added = jobs.add(at, slot); !added) return std::unexpected(std::move(added.error()));
  }
  if (slots.empty()) return {};
  auto queued = jobs.queue(slots.front());
  if (queued) record.keep();
  return queued;
}

BootstrapStatus Node::bootstrap_status() const { return static_cast<BootstrapStatus>(engine_->bootstrap().status()); }

std::vector<std::string> Node::bootstrap_targets() const {
  std::vector<std::string> names;
  for (const auto& body : engine_->bootstrap().bodies)
    names.push_back(body.op == runtime::kNone ? body.graph->base_name : body.graph->name);
  return names;
}

std::string_view BootstrapError::kind_name(Kind kind) {
  switch (kind) {
    case Kind::unknown_target: return "UnknownTarget";
    case Kind::unknown_input: return "UnknownInput";
    case Kind::missing_input: return "MissingInput";
    case Kind::type_mismatch: return "TypeMismatch";
    case Kind::allocation_failed: return "AllocationFailed";
    case Kind::already_transitively_queued: return "AlreadyTransitivelyQueued";
    case Kind::busy: return "Busy";
  }
  return "BootstrapError";
}

std::string BootstrapError::text() const {
  std::string text = std::string(kind_name(kind)) + " `" + target + (input.empty() ? "`" : "." + input + "`");
  if (byte_count > 0) text += ": " + std::to_string(byte_count) + " bytes, " + std::to_string(budget_remaining) + " left";
  for (std::size_t i = 0; i < available.size(); ++i) text += (i == 0 ? " [" : "; ") + available[i];
  return available.empty() ? text : text + "]";
}

}  // namespace bb
