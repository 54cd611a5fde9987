// Named permits and the lines for them.
#include "framework/peer_gate.h"

namespace bb::framework {

PeerGate::Name* PeerGate::find_or_insert(std::uint32_t name, Code& error) {
  if (Name* found = names_.find(name)) return found;
  error = names_.size() >= options_.names_max ? Code::over_cap : Code::no_memory;
  return error == Code::over_cap ? nullptr : names_.try_insert(name, {});
}

void PeerGate::drop_if_idle(std::uint32_t name) {
  const Name* found = names_.find(name);
  if (found && found->held == 0 && found->waiters.empty()) names_.erase(name);
}

bool PeerGate::acquire(std::uint32_t name, std::uint32_t permits_max) {
  const Name* known = names_.find(name);
  if ((known ? known->held : 0) >= permits_max) return false;
  Code error = Code::ok;
  Name* found = find_or_insert(name, error);
  if (found) ++found->held;
  return found != nullptr;
}

std::optional<CommandId> PeerGate::next_holder(std::uint32_t name) {
  Name* found = names_.find(name);
  if (!found || found->waiters.empty() || found->held >= found->waiters.front().permits_max) return std::nullopt;
  ++found->held;
  const CommandId command = found->waiters.pop().command;
  name_of_.erase(command.v);
  return command;
}

std::optional<CommandId> PeerGate::release(std::uint32_t name) {
  Name* found = names_.find(name);
  if (!found || found->held == 0) return std::nullopt;
  --found->held;
  const std::optional<CommandId> holder = next_holder(name);
  drop_if_idle(name);
  return holder;
}

Status PeerGate::wait(std::uint32_t name, std::uint32_t permits_max, CommandId command) {
  if (name_of_.find(command.v)) return fail(Code::duplicate);
  if (name_of_.size() >= options_.waiters_max) return fail(Code::over_cap, options_.waiters_max);
  if (!name_of_.try_reserve(1)) return fail(Code::no_memory);
  Code error = Code::ok;
  Name* found = find_or_insert(name, error);
  if (!found) return fail(error);
  if (!found->waiters.try_push({command, permits_max})) {
    drop_if_idle(name);
    return fail(Code::no_memory);
  }
  name_of_.insert_reserved(command.v, name);
  return {};
}

std::optional<CommandId> PeerGate::abandon(CommandId command) {
  const std::uint32_t* of = name_of_.find(command.v);
  if (!of) return std::nullopt;
  const std::uint32_t name = *of;
  name_of_.erase(command.v);
  Ring<Waiter>& waiters = names_.find(name)->waiters;
  for (std::uint32_t left = waiters.size(); left > 0; --left) {
    const Waiter waiter = waiters.pop();
    if (waiter.command != command) waiters.push_reserved(waiter);
  }
  const std::optional<CommandId> holder = next_holder(name);
  drop_if_idle(name);
  return holder;
}

std::uint32_t PeerGate::inflight(std::uint32_t name) const {
  const Name* found = names_.find(name);
  return found ? found->held : 0;
}

bool PeerGate::save(StateWriter& writer) const {
  Array<std::uint64_t> names;
  if (!names_.sorted_keys(names)) return writer.out_of_memory();
  writer.number(names.size());
  for (const std::uint64_t name : names) {
    const Name& found = *names_.find(name);
    writer.number(name);
    writer.number(found.held);
    writer.number(found.waiters.size());
    for (std::uint32_t i = 0; i < found.waiters.size(); ++i) {
      writer.fixed_u64(found.waiters.at(i).command.v);
      writer.number(found.waiters.at(i).permits_max);
    }
  }
  return true;
}

Status PeerGate::load(StateReader& reader) {
  const std::uint32_t count = reader.count(options_.names_max, 3);
  std::uint64_t previous = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t name = reader.number_u32();
    const std::uint32_t held = reader.number_u32();
    const std::uint32_t waiters = reader.count(options_.waiters_max, 9);
    if ((i > 0 && name <= previous) || (held == 0 && waiters == 0)) reader.fail(Code::invalid_value);
    BB_CHECK(reader.status());
    previous = name;
    Name* made = names_.try_insert(name, {});
    if (!made) return fail(Code::no_memory, reader.position());
    made->held = held;
    for (std::uint32_t j = 0; j < waiters; ++j) {
      const CommandId command{reader.fixed_u64()};
      const std::uint32_t permits_max = reader.number_u32();
      BB_CHECK(reader.status());
      BB_CHECK(wait(name, permits_max, command));
    }
  }
  return reader.status();
}

}  // namespace bb::framework
