// Subscriptions by kind, and the queue of events.
#include "framework/event_bus.h"

namespace bb::framework {

Status EventBus::subscribe(EventKind kind, Subscription subscription) {
  Subscribers* list = subscribers_.find(kind.v);
  if (list)
    for (const Subscription& known : *list)
      if (known == subscription) return {};
  if (subscriptions_ >= options_.subscriptions_max) return fail(Code::over_cap, options_.subscriptions_max);
  Subscribers fresh;
  if (!(list ? *list : fresh).try_push(subscription)) return fail(Code::no_memory);
  if (!list && !subscribers_.try_insert(kind.v, std::move(fresh))) return fail(Code::no_memory);
  ++subscriptions_;
  return {};
}

bool EventBus::unsubscribe(EventKind kind, Subscription subscription) {
  Subscribers* list = subscribers_.find(kind.v);
  for (std::uint32_t i = 0; list && i < list->size(); ++i) {
    if ((*list)[i] != subscription) continue;
    list->erase_at(i);
    if (list->empty()) subscribers_.erase(kind.v);
    --subscriptions_;
    return true;
  }
  return false;
}

std::span<const EventBus::Subscription> EventBus::subscribers(EventKind kind) const {
  const Subscribers* list = subscribers_.find(kind.v);
  if (!list) return {};
  return {list->data(), list->size()};
}

Status EventBus::publish(EventKind kind, Value payload) {
  if (!subscribers_.find(kind.v)) return {};
  payload.release_charge();
  if (queue_.size() >= queue_.limit()) {
    ++dropped_;
    if (queue_.empty()) return {};
    queue_.pop();
    queue_.push_reserved({kind, std::move(payload)});
    return {};
  }
  if (queue_.has_room(1) || queue_.try_reserve(1)) {
    queue_.push_reserved({kind, std::move(payload)});
    return {};
  }
  ++dropped_;
  return fail(Code::no_memory);
}

bool EventBus::save(StateWriter& writer) const {
  Array<std::uint64_t> kinds;
  if (!subscribers_.sorted_keys(kinds)) return writer.out_of_memory();
  writer.number(kinds.size());
  for (const std::uint64_t kind : kinds) {
    const Subscribers& list = *subscribers_.find(kind);
    writer.number(kind);
    writer.number(list.size());
    for (const Subscription& subscription : list) {
      writer.number(subscription.graph);
      writer.number(subscription.value);
    }
  }
  writer.number(dropped_);
  writer.number(queue_.size());
  for (std::uint32_t i = 0; i < queue_.size(); ++i) {
    writer.number(queue_.at(i).kind.v);
    if (!save_value(writer, queue_.at(i).payload)) return false;
  }
  return true;
}

Status EventBus::load_subscriptions(StateReader& reader) {
  const std::uint32_t kinds = reader.count(options_.subscriptions_max, 4);
  std::uint64_t previous = 0;
  for (std::uint32_t i = 0; i < kinds; ++i) {
    const EventKind kind{reader.number()};
    const std::uint32_t count = reader.count(options_.subscriptions_max - subscriptions_, 2);
    if ((i > 0 && kind.v <= previous) || count == 0) reader.fail(Code::invalid_value);
    previous = kind.v;
    for (std::uint32_t j = 0; j < count; ++j) {
      const Subscription subscription{.graph = reader.number_u32(), .value = reader.number_u32()};
      BB_CHECK(reader.status());
      const std::uint32_t before = subscriptions_;
      BB_CHECK(subscribe(kind, subscription));
      if (subscriptions_ == before) return fail(Code::invalid_value, reader.position());
    }
  }
  return reader.status();
}

Status EventBus::load(StateReader& reader, Memory& memory) {
  BB_CHECK(load_subscriptions(reader));
  dropped_ = reader.number();
  const std::uint32_t count = reader.count(queue_.limit(), 2);
  if (!queue_.try_reserve(count)) return fail(Code::no_memory, reader.position());
  for (std::uint32_t i = 0; i < count; ++i) {
    Event event{.kind = {reader.number()}};
    BB_CHECK(load_value(reader, memory, event.payload));
    queue_.push_reserved(std::move(event));
  }
  return reader.status();
}

}  // namespace bb::framework
