// The world's heap and its links.
#include "sim/world.h"

#include <algorithm>

namespace bb::sim {

std::string_view fault_name(Fault fault) {
  constexpr std::string_view kNames[] = {
      "frames lost", "frames duplicated",  "frames corrupted",  "partitions",      "losses reported",
      "crashes",     "tails lost or torn", "syncs failed",      "slots forgotten", "freezes",
      "clock steps", "hostile frames",     "calls out of turn",
  };
  static_assert(std::size(kNames) == kFaults);
  return kNames[static_cast<std::size_t>(fault)];
}

World::World(const Programs& programs, std::uint64_t seed, const Options& options)
    : programs_(programs), options_(options), swarm_(draw_swarm(seed, options.nodes)), seed_(seed), chance_(mix(seed)) {
  report_.seed = seed;
  report_.nodes = swarm_.nodes;
  links_.resize(std::size_t{peers()} * peers());
}
World::~World() = default;

void World::fail(std::uint32_t who, std::string text) {
  if (failed()) return;
  report_.failure = "step " + std::to_string(report_.steps) + ", " + std::to_string(now_ns_ / 1'000'000) + " ms, node " +
                    std::to_string(who + 1) + ": " + std::move(text);
}

void World::at(std::uint64_t time_ns, Action action, std::uint32_t who, std::uint64_t what) {
  heap_.push_back(
      {.time_ns = std::max(time_ns, now_ns_), .tie = mix(seed_ ^ mix(++ties_)), .what = what, .who = who, .action = action});
  std::push_heap(heap_.begin(), heap_.end());
}

ByteBuffer& World::frame_buffer() {
  outgoing_.clear();
  return outgoing_;
}

std::uint32_t World::keep_frame(std::uint32_t from, std::uint32_t to, Bytes bytes) {
  if (free_frames_.empty()) {
    free_frames_.push_back(static_cast<std::uint32_t>(frames_.size()));
    frames_.emplace_back();
  }
  const std::uint32_t index = free_frames_.back();
  free_frames_.pop_back();
  Frame& frame = frames_[index];
  frame.from = from;
  frame.to = to;
  frame.bytes.assign(bytes.begin(), bytes.end());
  return index;
}

void World::schedule_frame(std::uint32_t from, std::uint32_t to, Bytes bytes) {
  Link& way = link(from, to);
  const std::uint32_t index = keep_frame(from, to, bytes);
  std::uint64_t arrival = now_ns_ + 1'000'000;
  if (faulty_) {
    if (chance_.happens(swarm_.corrupt)) {
      count(Fault::corrupted);
      corrupt(frames_[index].bytes);
    }
    const std::uint64_t transfer = bytes.size() * 1'000'000'000 / swarm_.bytes_per_second;
    way.free_at_ns = std::max(way.free_at_ns, now_ns_) + transfer;
    arrival = way.free_at_ns + chance_.between(swarm_.delay_min_ns, swarm_.delay_max_ns);
    if (swarm_.in_order) arrival = std::max(arrival, way.last_arrival_ns);
    way.last_arrival_ns = arrival;
  }
  ++way.queued;
  at(arrival, Action::frame, to, index);
}

void World::ship(std::uint32_t from, std::uint32_t to, std::uint64_t request_id) {
  Link& way = link(from, to);
  ++way.sent;
  if (to >= swarm_.nodes) {  // a hostile peer listens
    if (overheard_.size() < 32) overheard_.emplace_back();
    ByteBuffer& kept = overheard_[chance_.below(overheard_.size())];
    kept.assign(outgoing_.begin(), outgoing_.end());
    ++way.arrived;
    return;
  }
  if (faulty_) {
    if (chance_.happens(way.bursting ? 200'000 : swarm_.burst)) way.bursting = !way.bursting;
    const bool cut = way.cut_until_ns > now_ns_;
    if (cut || chance_.happens(way.bursting ? 900'000 : swarm_.loss)) {
      count(Fault::lost);
      ++way.lost;
      if (chance_.happens(swarm_.report_loss)) {
        count(Fault::reported_lost);
        at(now_ns_ + chance_.between(1'000'000, 500'000'000), Action::send_failed, from | to << 16, request_id);
      }
      return;
    }
    if (chance_.happens(swarm_.duplicate)) {
      count(Fault::duplicated);
      ++way.duplicated;
      schedule_frame(from, to, outgoing_);
    }
  }
  schedule_frame(from, to, outgoing_);
}

void World::arrive(std::uint32_t index) {
  const std::uint32_t from = frames_[index].from, to = frames_[index].to;
  Link& way = link(from, to);
  --way.queued;
  if (host(to).up()) {
    ++way.arrived;
    host(to).receive(from, frames_[index].bytes);
  } else {
    ++way.lost;
  }
  free_frames_.push_back(index);
}

void World::check_links() {
  for (std::uint32_t from = 0; from < peers(); ++from) {
    for (std::uint32_t to = 0; to < peers(); ++to) {
      const Link& way = link(from, to);
      if (way.sent + way.duplicated != way.arrived + way.lost + way.queued)
        fail(to, "I1: frames of node " + std::to_string(from + 1));
    }
  }
}

void World::apply(const Event& event) {
  now_ns_ = event.time_ns;
  const std::uint32_t who = event.who;
  switch (event.action) {
    case Action::poll:
      if (!host(who).poll_is_due(event.what)) return;
      host(who).poll();
      break;
    case Action::frame: arrive(static_cast<std::uint32_t>(event.what)); break;
    case Action::sync: host(who).synced(event.what); break;
    case Action::act:
      if (!faulty_) return;
      host(who).act();
      at(now_ns_ + chance_.between(swarm_.think_ns / 2, swarm_.think_ns * 2), Action::act, who);
      break;
    case Action::restart:
      if (event.what == host(who).life()) host(who).restart();
      break;
    case Action::send_failed:
      if (host(who & 0xffff).up()) host(who & 0xffff).send_failed(who >> 16, event.what);
      break;
    case Action::partition:
      if (!faulty_) return;
      partition();
      at(now_ns_ + chance_.between(1, 2 * swarm_.partition_every_ns), Action::partition, 0);
      return;
    case Action::crash:
      if (!faulty_) return;
      count(Fault::crash);
      host(static_cast<std::uint32_t>(chance_.below(swarm_.nodes))).crash();
      at(now_ns_ + chance_.between(1, 2 * swarm_.crash_every_ns), Action::crash, 0);
      break;
    case Action::trouble:
      if (!faulty_) return;
      trouble();
      at(now_ns_ + chance_.between(1, 20'000'000'000), Action::trouble, 0);
      return;
    case Action::hostile:
      if (!faulty_) return;
      hostile(who);
      at(now_ns_ + chance_.between(1, 2 * swarm_.hostile_every_ns), Action::hostile, who);
      return;
    case Action::check:
      if (options_.checks >= 500)
        for (const auto& one : hosts_) one->check_rebuilds();
      host(static_cast<std::uint32_t>(chance_.below(swarm_.nodes))).check_rebuilds();
      return;
  }
  ++report_.steps;
  if (report_.steps >= options_.steps * 10 + 100'000) {
    std::string nodes;
    for (const auto& one : hosts_) nodes += "; " + one->describe();
    fail(who, "no end is in sight" + nodes);
  }
  if ((report_.steps & 1'023) == 0) check_links();
  if (report_.steps % (500 / std::max(options_.checks, 1U)) == 0) at(now_ns_, Action::check, 0);
}

void World::run_until(std::uint64_t time_ns, std::uint64_t steps_max) {
  while (!failed() && !heap_.empty() && heap_.front().time_ns <= time_ns && report_.steps < steps_max) {
    std::pop_heap(heap_.begin(), heap_.end());
    const Event event = heap_.back();
    heap_.pop_back();
    apply(event);
  }
  if (time_ns != UINT64_MAX) now_ns_ = std::max(now_ns_, time_ns);  // nothing is due before
}

Report World::run() {
  for (std::uint32_t who = 0; who < swarm_.nodes; ++who)
    hosts_.push_back(std::make_unique<Host>(*this, who, swarm_.durability[who % 3]));
  for (const auto& host : hosts_)
    if (!host->start()) return report_;
  for (std::uint32_t who = 0; who < swarm_.nodes; ++who) at(now_ns_ + chance_.between(1, swarm_.think_ns), Action::act, who);
  for (std::uint32_t who = swarm_.nodes; who < peers(); ++who)
    at(now_ns_ + chance_.between(1, swarm_.hostile_every_ns), Action::hostile, who);
  if (swarm_.partition_every_ns > 0) at(now_ns_ + chance_.between(1, swarm_.partition_every_ns), Action::partition, 0);
  if (swarm_.crash_every_ns > 0) at(now_ns_ + chance_.between(1, swarm_.crash_every_ns), Action::crash, 0);
  at(now_ns_ + chance_.between(1, 20'000'000'000), Action::trouble, 0);
  run_until(UINT64_MAX, options_.steps);
  if (!failed()) finish();
  check_links();
  report_.hash = trace_.finish();
  return report_;
}

Report run(const Programs& programs, std::uint64_t seed, const Options& options) { return World(programs, seed, options).run(); }

}  // namespace bb::sim
