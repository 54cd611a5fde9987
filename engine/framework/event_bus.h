// What the engine and graphs tell graphs: events by kind, kept only when somebody subscribed to the kind, drained in order.
#pragma once

#include <algorithm>

#include "base/flat_map.h"
#include "base/ring.h"
#include "bb/value_state.h"

namespace bb::framework {

/// The events of the engine itself (spec B §4.2).
enum class InfraEvent : std::uint32_t {
  wire_response_landed,
  op_failure,
  wire_decode_failure,
  wire_receive_error,
  app_ingress_error,
  bus_overflow,
  peer_resolve_failure,
  peer_suspect,
  peer_down,
  peer_live,
  backoff_notice_sent,
  silent_drop_active,
};

/// An event of the engine, or a topic by its interned name.
struct EventKind {
  std::uint64_t v = 0;
  static constexpr EventKind of(InfraEvent event) { return {static_cast<std::uint64_t>(event)}; }
  static constexpr EventKind topic(std::uint32_t name) { return {(std::uint64_t{1} << 32) | name}; }
  constexpr auto operator<=>(const EventKind&) const = default;
};

class EventBus {
 public:
  struct Options {
    std::uint32_t events_max = 1'024;  // in the queue; 0 drops all
    std::uint32_t subscriptions_max = 16'384;
  };
  /// A value of a graph, which a trigger is written to.
  struct Subscription {
    std::uint32_t graph = 0;
    std::uint32_t value = 0;
    bool operator==(const Subscription&) const = default;
  };
  struct Event {
    EventKind kind;
    Value payload;
  };
  explicit EventBus(Options options) : options_(options), queue_(options.events_max) {}

  /// Again is no error. Errors: over_cap, no_memory.
  Status subscribe(EventKind kind, Subscription subscription);
  /// False when there was no such subscription.
  bool unsubscribe(EventKind kind, Subscription subscription);
  /// In the order in which they subscribed; void after the next change.
  std::span<const Subscription> subscribers(EventKind kind) const;

  /// Whether so many can be published without memory, or would be ignored.
  bool has_room(std::uint32_t more) const { return subscriptions_ == 0 || queue_.has_room(more); }
  /// Room for so many events more, as far as the limit goes.
  [[nodiscard]] bool try_reserve(std::uint32_t more, AllocationSite site = AllocationSite::current()) {
    return subscriptions_ == 0 || queue_.try_reserve(std::min(more, queue_.limit() - queue_.size()), site);
  }
  /// Ignored without a subscriber. A full queue drops its oldest event and counts it. Errors: no_memory; the event counts as dropped.
  Status publish(EventKind kind, Value payload);
  bool empty() const { return queue_.empty(); }
  std::uint32_t size() const { return queue_.size(); }
  /// The oldest event; there must be one.
  Event pop() { return queue_.pop(); }
  std::uint64_t dropped() const { return dropped_; }
  std::uint64_t take_dropped() { return std::exchange(dropped_, 0); }

  /// False without memory, or for a payload that cannot be encoded.
  [[nodiscard]] bool save(StateWriter& writer) const;
  /// Into a new bus. Errors: those of the reader and of values, over_cap, no_memory, invalid_value.
  Status load(StateReader& reader, Memory& memory);

 private:
  using Subscribers = Array<Subscription>;
  Status load_subscriptions(StateReader& reader);

  Options options_;
  std::uint32_t subscriptions_ = 0;
  std::uint64_t dropped_ = 0;
  FlatMap<Subscribers> subscribers_;  // of kinds that have one
  Ring<Event> queue_;
};

}  // namespace bb::framework
