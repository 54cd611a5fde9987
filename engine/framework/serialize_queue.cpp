// Named queues of values.
#include "framework/serialize_queue.h"

namespace bb::framework {

Result<SerializeQueue::Queue*> SerializeQueue::find_or_insert(std::uint32_t name) {
  if (Queue* found = queues_.find(name)) return found;
  if (queues_.size() >= options_.queues_max) return fail(Code::over_cap, options_.queues_max);
  Queue* made = queues_.try_insert(name, {});
  if (!made) return fail(Code::no_memory);
  return made;
}

Result<SerializeQueue::Enqueued> SerializeQueue::enqueue(std::uint32_t name, Value& value) {
  value.release_charge();
  Queue fresh;
  Queue* queue = queues_.find(name);
  if (!queue && queues_.size() >= options_.queues_max) return fail(Code::over_cap, options_.queues_max);
  if (!queue && !queues_.try_reserve(1)) return fail(Code::no_memory);
  Queue& target = queue ? *queue : fresh;
  Enqueued result;
  if (!target.waiters.empty()) {
    result.waiter = target.waiters.pop();
    queue_of_.erase(result.waiter.v);
    return result;
  }
  result.dropped_oldest = target.values.size() >= options_.values_max;
  if (!result.dropped_oldest && !target.values.try_reserve(1)) return fail(Code::no_memory);
  if (result.dropped_oldest) ++target.drops;
  if (result.dropped_oldest && !target.values.empty()) target.values.pop();
  if (options_.values_max > 0) target.values.push_reserved(std::move(value));
  if (!queue) queues_.insert_reserved(name, std::move(fresh));
  return result;
}

Value SerializeQueue::dequeue(std::uint32_t name) {
  Queue* queue = queues_.find(name);
  return queue && !queue->values.empty() ? queue->values.pop() : Value();
}

Status SerializeQueue::wait(std::uint32_t name, CommandId command) {
  if (queue_of_.find(command.v)) return fail(Code::duplicate);
  if (queue_of_.size() >= options_.waiters_max) return fail(Code::over_cap, options_.waiters_max);
  if (!queue_of_.try_reserve(1)) return fail(Code::no_memory);
  const bool known = queues_.find(name) != nullptr;
  BB_TRY(queue, find_or_insert(name));
  if (!queue->waiters.try_push(command)) {
    if (!known) queues_.erase(name);
    return fail(Code::no_memory);
  }
  queue_of_.insert_reserved(command.v, name);
  return {};
}

void SerializeQueue::abandon(CommandId command) {
  const std::uint32_t* of = queue_of_.find(command.v);
  if (!of) return;
  Ring<CommandId>& waiters = queues_.find(*of)->waiters;
  queue_of_.erase(command.v);
  for (std::uint32_t left = waiters.size(); left > 0; --left) {
    const CommandId waiter = waiters.pop();
    if (waiter != command) waiters.push_reserved(waiter);
  }
}

std::uint32_t SerializeQueue::size(std::uint32_t name) const {
  const Queue* queue = queues_.find(name);
  return queue ? queue->values.size() : 0;
}

std::uint64_t SerializeQueue::drops(std::uint32_t name) const {
  const Queue* queue = queues_.find(name);
  return queue ? queue->drops : 0;
}

bool SerializeQueue::save(StateWriter& writer) const {
  Array<std::uint64_t> names;
  if (!queues_.sorted_keys(names)) return writer.out_of_memory();
  writer.number(names.size());
  for (const std::uint64_t name : names) {
    const Queue& queue = *queues_.find(name);
    writer.number(name);
    writer.number(queue.drops);
    writer.number(queue.values.size());
    for (std::uint32_t i = 0; i < queue.values.size(); ++i)
      if (!save_value(writer, queue.values.at(i))) return false;
    writer.number(queue.waiters.size());
    for (std::uint32_t i = 0; i < queue.waiters.size(); ++i) writer.fixed_u64(queue.waiters.at(i).v);
  }
  return true;
}

Status SerializeQueue::load(StateReader& reader, Memory& memory) {
  const std::uint32_t count = reader.count(options_.queues_max, 4);
  std::uint64_t previous = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t name = reader.number_u32();
    if (i > 0 && name <= previous) reader.fail(Code::invalid_value);
    BB_CHECK(reader.status());
    previous = name;
    Queue made;
    made.drops = reader.number();
    const std::uint32_t values = reader.count(options_.values_max);
    if (!made.values.try_reserve(values)) return fail(Code::no_memory, reader.position());
    for (std::uint32_t j = 0; j < values; ++j) {
      Value value;
      BB_CHECK(load_value(reader, memory, value));
      made.values.push_reserved(std::move(value));
    }
    if (!queues_.try_insert(name, std::move(made))) return fail(Code::no_memory, reader.position());
    const std::uint32_t waiters = reader.count(options_.waiters_max, 8);
    if (values > 0 && waiters > 0) reader.fail(Code::invalid_value);
    for (std::uint32_t j = 0; j < waiters; ++j) {
      const CommandId command{reader.fixed_u64()};
      BB_CHECK(reader.status());
      BB_CHECK(wait(name, command));
    }
  }
  return reader.status();
}

}  // namespace bb::framework
