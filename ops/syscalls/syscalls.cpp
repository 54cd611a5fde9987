// The list of framework ops: ports, readiness and what starts each.
#include "ops/syscalls/syscalls.h"

#include "ir/metadata.h"
#include "ops/syscalls/flow.h"
#include "ops/syscalls/gates.h"
#include "ops/syscalls/limit.h"
#include "ops/syscalls/numbers.h"
#include "ops/syscalls/peers.h"
#include "ops/syscalls/race.h"
#include "ops/syscalls/signal.h"
#include "ops/syscalls/store.h"
#include "ops/syscalls/time.h"

namespace bb::ops {
namespace {

namespace attribute = ir::attribute;

Port value() { return {.name = "value"}; }
Port optional_value() { return {.name = "value", .optional = true}; }
Port trigger() { return {.name = "trigger", .type = "trigger"}; }
// What an op waits for and does not look at.
Port after_all() { return {.name = "after", .optional = true, .variadic = true}; }

Parameter number(std::string_view name, std::int64_t otherwise = 0) {
  return {.name = std::string(name), .default_value = otherwise};
}

class Adder {
 public:
  Adder(Registry& registry, std::string_view domain) : registry_(registry), domain_(domain) {}
  void operator()(OpDeclaration op) {
    op.domain = domain_;
    if (status_) status_ = registry_.add(std::move(op));
  }
  Status status() const { return status_; }

 private:
  Registry& registry_;
  std::string domain_;
  Status status_;
};

Status add_flow(Registry& registry) {
  Adder add(registry, domain::kSyscall);
  add({.op_type = "PassThrough", .inputs = {value()}, .outputs = {value()}, .same_type_as_input0 = true, .run = pass_through});
  add({.op_type = "Constant", .outputs = {value()}, .run = constant, .prepare = prepare_constant});
  add({.op_type = "Gate",
       .inputs = {value(), {.name = "trigger"}},
       .outputs = {value()},
       .same_type_as_input0 = true,
       .run = gate});
  for (const char* name : {"GateDispatch", "Barrier"})
    add({.op_type = name,
         .inputs = {{.name = "inputs", .variadic = true}},
         .outputs = {{.name = "out", .type = "trigger"}},
         .run = gate_dispatch});
  add({.op_type = "Tee",
       .inputs = {value()},
       .outputs = {value()},
       .variadic_outputs = true,
       .parameters = {number(attribute::kFanout)},
       .same_type_as_input0 = true,
       .run = tee,
       .prepare = prepare_tee});
  add({.op_type = "Any",
       .inputs = {{.name = "inputs", .variadic = true}},
       .outputs = {value()},
       .readiness = Readiness::any,
       .same_type_as_input0 = true,
       .run = any,
       .prepare = prepare_any});
  add({.op_type = "DeadlineMatch",
       .inputs = {{.name = "then", .optional = true}, {.name = "timeout", .optional = true}},
       .outputs = {{.name = "winner"}, {.name = "port", .type = "u64"}},
       .readiness = Readiness::any,
       .run = deadline_match,
       .prepare = prepare_deadline_match});
  add({.op_type = "Threshold",
       .inputs = {value()},
       .outputs = {trigger()},
       .parameters = {number(attribute::kThreshold, 1)},
       .run = threshold,
       .prepare = prepare_threshold});
  return add.status();
}

Status add_stores(Registry& registry) {
  Adder add(registry, domain::kSyscall);
  add({.op_type = "Limit.Acquire",
       .inputs = {after_all()},
       .outputs = {trigger()},
       .parameters = {number(attribute::kPermits, 1), number(attribute::kLease)},
       .run = limit_acquire,
       .prepare = prepare_limit_acquire});
  add({.op_type = "Limit.Release", .inputs = {after_all()}, .run = limit_release, .prepare = prepare_limit_release});
  add({.op_type = "Serialize.Enqueue",
       .inputs = {optional_value()},
       .outputs = {trigger()},
       .run = serialize_enqueue,
       .prepare = prepare_queue});
  add({.op_type = "Serialize.Dequeue",
       .inputs = {after_all()},
       .outputs = {value()},
       .parameters = {number(attribute::kWait)},
       .run = serialize_dequeue,
       .prepare = prepare_queue});
  add({.op_type = "Hold.Stash", .inputs = {optional_value()}, .run = hold_stash, .prepare = prepare_hold});
  add({.op_type = "Hold.Flush", .inputs = {after_all()}, .outputs = {value()}, .run = hold_flush, .prepare = prepare_hold});
  add({.op_type = "Record", .inputs = {optional_value()}, .run = record, .prepare = prepare_record});
  add({.op_type = "IncrMetric",
       .inputs = {after_all()},
       .parameters = {number(attribute::kDelta, 1)},
       .run = incr_metric,
       .prepare = prepare_metric});
  return add.status();
}

Status add_time_and_numbers(Registry& registry) {
  Adder add(registry, domain::kSyscall);
  add({.op_type = "After",
       .inputs = {after_all()},
       .outputs = {trigger()},
       .parameters = {number(attribute::kDelay)},
       .run = after,
       .prepare = prepare_after});
  add({.op_type = "Sleep",
       .inputs = {after_all()},
       .outputs = {trigger()},
       .parameters = {number(attribute::kDuration)},
       .run = after,
       .prepare = prepare_after});
  // The engine reads the period as first parameter.
  add({.op_type = "Interval",
       .inputs = {after_all()},
       .outputs = {{.name = "tick", .type = "timestamp"}},
       .parameters = {number(attribute::kPeriod, 1'000'000'000)},
       .source = OpSource::interval,
       .run = interval,
       .prepare = prepare_interval});
  add({.op_type = "Clock", .inputs = {after_all()}, .outputs = {{.name = "now", .type = "timestamp"}}, .run = clock});
  add({.op_type = "DeadlineCheck",
       .inputs = {after_all()},
       .outputs = {trigger()},
       .parameters = {{.name = std::string(attribute::kDeadline), .required = true}},
       .run = deadline_check,
       .prepare = prepare_deadline_check});
  add({.op_type = "RngU64", .inputs = {after_all()}, .outputs = {{.name = "value", .type = "u64"}}, .run = rng_u64});
  add({.op_type = "CorrelateTag",
       .inputs = {after_all()},
       .outputs = {{.name = "token", .type = "correlation_token"}},
       .run = correlate_tag});
  return add.status();
}

Status add_signals(Registry& registry) {
  Adder add(registry, domain::kSyscall);
  add({.op_type = "Pulse", .inputs = {after_all()}, .outputs = {trigger()}, .source = OpSource::pulse, .run = source_trigger});
  add({.op_type = "OnTrigger", .inputs = {value()}, .outputs = {trigger()}, .run = on_trigger});
  add({.op_type = "EventSource",
       .inputs = {after_all()},
       .outputs = {{.name = "event", .type = "trigger"}},
       .required_attributes = {std::string(attribute::kEventKind)},
       .source = OpSource::event,
       .run = source_trigger,
       .prepare = prepare_event_source});
  add({.op_type = "LifecyclePhase",
       .inputs = {after_all()},
       .outputs = {trigger()},
       .required_attributes = {std::string(attribute::kPhase)},
       .source = OpSource::lifecycle,
       .run = source_trigger,
       .prepare = prepare_lifecycle_phase});
  add({.op_type = "AppEmit", .inputs = {optional_value()}, .run = app_emit, .prepare = prepare_topic});
  add({.op_type = "AppNotify", .inputs = {after_all()}, .run = app_notify, .prepare = prepare_topic});
  add({.op_type = "BootstrapDispatch",
       .inputs = {after_all()},
       .outputs = {{.name = "cmd", .type = "command_id"}},
       .run = bootstrap_dispatch});
  add({.op_type = "BootstrapOutput",
       .inputs = {{.name = "cmd", .type = "command_id"}},
       .outputs = {{.name = "output"}},
       .run = bootstrap_output});
  return add.status();
}

Status add_gates(Registry& registry) {
  Adder add(registry, domain::kSyscall);
  const std::pair<const char*, OpFunction> inbound[] = {
      {"DedupGateRx", dedup_gate_rx}, {"PeerHealthGateRx", peer_health_gate_rx}, {"BackoffGateRx", backoff_gate_rx}};
  for (const auto& [name, run] : inbound)
    add({.op_type = name, .inputs = {value()}, .outputs = {value()}, .same_type_as_input0 = true, .run = run});
  const std::pair<const char*, OpFunction> outbound[] = {{"PeerHealthGateTx", peer_health_gate_tx},
                                                         {"BackoffGateTx", backoff_gate_tx}};
  for (const auto& [name, run] : outbound)
    add({.op_type = name,
         .inputs = {after_all()},
         .outputs = {trigger()},
         .required_attributes = {std::string(attribute::kPeer)},
         .run = run,
         .prepare = prepare_gate_tx});
  return add.status();
}

Status add_composites(Registry& registry) {
  Adder add(registry, domain::kComposite);
  add({.op_type = "Bundle",
       .inputs = {{.name = "parts", .variadic = true}},
       .outputs = {{.name = "bundle", .type = "composite"}},
       .run = bundle});
  add({.op_type = "Unbundle",
       .inputs = {{.name = "bundle", .type = "composite"}},
       .outputs = {{.name = "child"}},
       .variadic_outputs = true,
       .parameters = {number(attribute::kChildCount)},
       .run = unbundle,
       .prepare = prepare_unbundle});
  return add.status();
}

Status add_address_book(Registry& registry) {
  Adder add(registry, domain::kAddressBook);
  const Port peer{.name = "peer", .type = "peer_id"};
  const Port ack{.name = "ack", .type = "trigger"};
  const Port addresses{.name = "addresses", .type = "address_vec"};
  add({.op_type = "Insert",
       .inputs = {peer, {.name = "addr", .type = "multiaddress"}},
       .outputs = {ack},
       .run = address_book_insert});
  add({.op_type = "InsertMany", .inputs = {peer, addresses}, .outputs = {ack}, .run = address_book_insert_many});
  add({.op_type = "Lookup", .inputs = {peer}, .outputs = {addresses}, .run = address_book_lookup});
  return add.status();
}

}  // namespace

Status add_syscall_ops(Registry& registry) {
  for (auto* add : {add_flow, add_stores, add_time_and_numbers, add_signals, add_gates, add_composites, add_address_book})
    BB_CHECK(add(registry));
  return {};
}

}  // namespace bb::ops
