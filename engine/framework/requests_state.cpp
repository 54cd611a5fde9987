// Saving and restoring the requests in flight: entries by age, groups by id; slots and links are made anew.
#include "bb/value_state.h"
#include "framework/requests.h"

namespace bb::framework {

bool Requests::save(StateWriter& writer) const {
  save_random(writer, ids_);
  writer.number(next_serial_);
  writer.number(in_flight());
  for (std::uint32_t at = oldest_; at != kNone; at = entries_[at].newer) {
    const Entry& entry = entries_[at];
    writer.number(entry.serial);
    writer.fixed_u64(entry.target.request_id);
    writer.number(entry.target.peer);
    writer.fixed_u64(entry.target.site);
    writer.flag(entry.target.chain.has_value());
    if (entry.target.chain) {
      writer.fixed_u64(entry.target.chain->chain_id);
      writer.byte(entry.target.chain->hop);
    }
    writer.number(entry.target.ttl_ns);
    writer.number(entry.started_ns);
    writer.flag(entry.answered);
  }
  Array<std::uint64_t> ids;
  if (!groups_.sorted_keys(ids)) return writer.out_of_memory();
  writer.number(ids.size());
  for (const std::uint64_t id : ids) {
    const Group& group = *groups_.find(id);
    writer.fixed_u64(id);
    writer.fixed_u64(group.waiter.v);
    writer.number(group.quorum);
    writer.number(group.answers.size());
    for (const Answer& answer : group.answers) {
      writer.number(answer.peer);
      if (!save_value(writer, answer.value)) return false;
    }
  }
  return true;
}

Status Requests::load(StateReader& reader, Memory& memory) {
  BB_CHECK(load_random(reader, ids_));
  next_serial_ = reader.number();
  BB_CHECK(load_entries(reader));
  BB_CHECK(load_groups(reader, memory));
  std::uint32_t timers = 0;
  scheduler_->for_each(Timer::Kind::request_expiry, [&](std::uint64_t key, TimerId timer, std::uint64_t) {
    const std::uint32_t* at = by_serial_.find(key);
    if (!at || entries_[*at].timer.valid()) return reader.fail(Code::invalid_value);
    entries_[*at].timer = timer;
    ++timers;
  });
  if (timers != in_flight()) reader.fail(Code::invalid_value);
  return reader.status();
}

Status Requests::load_entries(StateReader& reader) {
  const std::uint32_t count = reader.count(requests_max_, 23);
  if (!entries_.try_reserve(count) || !by_serial_.try_reserve(count)) return fail(Code::no_memory, reader.position());
  std::uint64_t previous = 0;
  for (std::uint32_t at = 0; at < count; ++at) {
    Entry entry{.serial = reader.number()};
    entry.target.request_id = reader.fixed_u64();
    entry.target.peer = reader.number_u32();
    entry.target.site = reader.fixed_u64();
    if (reader.flag()) entry.target.chain = ChainContext{.chain_id = reader.fixed_u64(), .hop = reader.byte()};
    entry.target.ttl_ns = reader.number();
    entry.started_ns = reader.number();
    entry.answered = reader.flag();
    if (entry.serial <= previous || entry.serial >= next_serial_) reader.fail(Code::invalid_value);
    BB_CHECK(reader.status());
    previous = entry.serial;
    entries_.push_reserved(entry);
    Group* group = groups_.find(entry.target.request_id);
    if (!group) group = groups_.try_insert(entry.target.request_id, {});
    if (!group) return fail(Code::no_memory, reader.position());
    link(at, *group);
  }
  return reader.status();
}

Status Requests::load_groups(StateReader& reader, Memory& memory) {
  const std::uint32_t with_entries = groups_.size();
  std::uint32_t matched = 0;
  const std::uint32_t count = reader.count(requests_max_, 18);
  std::uint64_t previous = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t id = reader.fixed_u64();
    const CommandId waiter{reader.fixed_u64()};
    const std::uint32_t quorum = reader.number_u32();
    const std::uint32_t answers = reader.count(requests_max_, 2);
    if (i > 0 && id <= previous) reader.fail(Code::invalid_value);
    BB_CHECK(reader.status());
    previous = id;
    Group* group = groups_.find(id);
    const bool gathers = waiter.valid() && quorum > 0;
    // A request that is over lives on only until its gatherer has taken the answers.
    if (!group && !gathers) return fail(Code::invalid_value, reader.position());
    if (group) ++matched;
    if (!group) group = groups_.try_insert(id, {});
    if (!group || !group->answers.try_reserve(std::uint64_t{answers} + group->unanswered))
      return fail(Code::no_memory, reader.position());
    group->waiter = waiter;
    group->quorum = quorum;
    for (std::uint32_t j = 0; j < answers; ++j) {
      Answer answer{.peer = reader.number_u32()};
      BB_CHECK(load_value(reader, memory, answer.value));
      group->answers.push_reserved(std::move(answer));
    }
  }
  if (matched != with_entries) reader.fail(Code::invalid_value);
  return reader.status();
}

}  // namespace bb::framework
