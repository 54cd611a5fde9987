// The world's heap and its links.
#include "sim/world.h"

#include <algorithm>

namespace bb::sim {

namespace {
constexpr std::uint64_t kStepsPerCheck = 125;
}

std::string_view fault_name(Fault fault) {
  constexpr std::string_view kNames[] = {
      "frames lost",        "frames duplicated", "frames corrupted", "partitions",        "losses reported",   "crashes",
      "tails lost or torn", "syncs failed",      "slots forgotten",  "freezes",           "clock steps",       "hostile frames",
      "calls out of turn",  "paths swapped",     "bits flipped",     "disk reads failed", "recoveries failed",
  };
  static_assert(std::size(kNames) == kFaults);
  return kNames[static_cast<std::size_t>(fault)];
}

World::World(const Programs& programs, std::uint64_t seed, const Options& options, bool silent)
    : programs_(programs),
      options_(options),
      swarm_(draw_swarm(seed, options.nodes)),
      seed_(seed),
      silent_(silent),
      chance_(mix(seed)),
      check_chance_(mix(seed ^ 0xc4ec)),
      ties_(peers() + 1),
      given_(peers()) {
  report_.seed = seed;
  report_.nodes = swarm_.nodes;
  for (std::uint32_t i = 0; i < swarm_.hostile; ++i) hostile_chances_.emplace_back(mix(seed ^ mix(0x40571 + i)));
  for (std::uint32_t i = 0; i < peers() * peers(); ++i) {
    Link& way = links_.emplace_back(mix(seed ^ mix(0x11472 + i)));
    way.delay_min_ns = swarm_.delay_min_ns;
    way.delay_max_ns = swarm_.delay_max_ns;
    way.bytes_per_second = swarm_.bytes_per_second;
  }
}
World::~World() = default;

void World::fail(std::uint32_t who, std::string text) {
  if (failed()) return;
  report_.failure = "step " + std::to_string(report_.steps) + ", " + std::to_string(now_ns_ / 1'000'000) + " ms, node " +
                    std::to_string(who + 1) + ": " + std::move(text);
}

void World::at(std::uint64_t time_ns, Action action, std::uint32_t who, std::uint64_t what) {
  schedule(who, time_ns, action, who, what);
}

void World::schedule(std::uint32_t lane, std::uint64_t time_ns, Action action, std::uint32_t who, std::uint64_t what) {
  const std::uint64_t tie = mix(seed_ ^ mix(++ties_[lane] << 8 | lane));
  heap_.push_back({.time_ns = std::max(time_ns, now_ns_), .tie = tie, .what = what, .who = who, .action = action});
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
  frame.path = link(from, to).path;
  frame.bytes.assign(bytes.begin(), bytes.end());
  return index;
}

void World::schedule_frame(std::uint32_t from, std::uint32_t to, Bytes bytes) {
  Link& way = link(from, to);
  const std::uint32_t index = keep_frame(from, to, bytes);
  std::uint64_t arrival = now_ns_ + 1'000'000;
  if (faulty_) {
    if (way.chance.happens(swarm_.corrupt)) {
      count(Fault::corrupted);
      corrupt(frames_[index].bytes, way.chance);
    }
    const std::uint64_t transfer = std::uint64_t{bytes.size()} * 1'000'000'000 / way.bytes_per_second;
    way.free_at_ns = std::max(way.free_at_ns, now_ns_) + transfer;
    arrival = way.free_at_ns + way.chance.between(way.delay_min_ns, way.delay_max_ns);
    if (swarm_.in_order) arrival = std::max(arrival, way.last_arrival_ns);
    way.last_arrival_ns = arrival;
  }
  ++way.queued;
  schedule(from, arrival, Action::frame, to, index);
}

void World::ship(std::uint32_t from, std::uint32_t to, std::uint64_t request_id) {
  Link& way = link(from, to);
  ++way.sent;
  if (to >= swarm_.nodes || swarm_.twin) {  // a hostile peer listens; in a twin world to everything, since nobody talks to it
    if (overheard_.size() < 32) overheard_.emplace_back();
    ByteBuffer& kept = overheard_[hostile_chances_[0].below(overheard_.size())];
    kept.assign(outgoing_.begin(), outgoing_.end());
  }
  if (to >= swarm_.nodes) {
    ++way.arrived;
    return;
  }
  if (faulty_) {
    if (way.chance.happens(way.bursting ? 200'000 : swarm_.burst)) way.bursting = !way.bursting;
    const bool cut = way.cut_until_ns > now_ns_;
    if (cut || way.chance.happens(way.bursting ? 900'000 : swarm_.loss)) {
      count(Fault::lost);
      ++way.lost;
      if (way.chance.happens(swarm_.report_loss)) {
        count(Fault::reported_lost);
        schedule(from, now_ns_ + way.chance.between(1'000'000, 500'000'000), Action::send_failed, from | to << 16, request_id);
      }
      return;
    }
    if (way.chance.happens(swarm_.duplicate)) {
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
  const bool stranded = frames_[index].path != way.path && way.chance.flip();
  if (stranded) count(Fault::lost);
  if (host(to).up() && !stranded) {
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
      at(now_ns_ + host(who).act(), Action::act, who);
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
      at(now_ns_ + chance_.between(1, 2 * swarm_.partition_every_ns), Action::partition, peers());
      return;
    case Action::swap:
      if (!faulty_) return;
      swap_path();
      at(now_ns_ + chance_.between(1, 2 * swarm_.swap_every_ns), Action::swap, peers());
      return;
    case Action::crash:
      if (!faulty_) return;
      count(Fault::crash);
      host(static_cast<std::uint32_t>(chance_.below(swarm_.nodes))).crash();
      at(now_ns_ + chance_.between(1, 2 * swarm_.crash_every_ns), Action::crash, peers());
      break;
    case Action::trouble:
      if (!faulty_) return;
      trouble();
      at(now_ns_ + chance_.between(1, 20'000'000'000), Action::trouble, peers());
      return;
    case Action::hostile:
      if (!faulty_) return;
      hostile(who);
      at(now_ns_ + hostile_chances_[who - swarm_.nodes].between(1, 2 * swarm_.hostile_every_ns), Action::hostile, who);
      return;
    case Action::check:
      if (options_.checks >= kStepsPerCheck)
        for (const auto& one : hosts_) one->check_rebuilds();
      host(static_cast<std::uint32_t>(check_chance_.below(swarm_.nodes))).check_rebuilds();
      return;
  }
  ++report_.steps;
  if (report_.steps >= options_.steps * 10 + 100'000) {
    std::string nodes;
    for (const auto& one : hosts_) nodes += "; " + one->describe();
    fail(who, "no end is in sight" + nodes);
  }
  if ((report_.steps & 1'023) == 0) check_links();
  if (report_.steps % (kStepsPerCheck / std::clamp<std::uint64_t>(options_.checks, 1, kStepsPerCheck)) == 0)
    at(now_ns_, Action::check, peers());
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

void World::start() {
  for (std::uint32_t who = 0; who < swarm_.nodes; ++who)
    hosts_.push_back(std::make_unique<Host>(*this, who, swarm_.durability[who % 3]));
  for (const auto& host : hosts_)
    if (!host->start()) return;
  for (std::uint32_t who = 0; who < swarm_.nodes; ++who) at(now_ns_ + chance_.between(1, swarm_.think_ns), Action::act, who);
  for (std::uint32_t who = swarm_.nodes; who < peers() && !silent_; ++who)
    at(now_ns_ + hostile_chances_[who - swarm_.nodes].between(1, swarm_.hostile_every_ns), Action::hostile, who);
  if (swarm_.partition_every_ns > 0) at(now_ns_ + chance_.between(1, swarm_.partition_every_ns), Action::partition, peers());
  if (swarm_.swap_every_ns > 0) at(now_ns_ + chance_.between(1, swarm_.swap_every_ns), Action::swap, peers());
  if (swarm_.crash_every_ns > 0) at(now_ns_ + chance_.between(1, swarm_.crash_every_ns), Action::crash, peers());
  at(now_ns_ + chance_.between(1, 20'000'000'000), Action::trouble, peers());
}

Report World::run() {
  start();
  if (failed()) return report_;
  run_until(UINT64_MAX, options_.steps);
  cut_ns_ = now_ns_;
  if (!failed()) finish();
  check_links();
  report_.hash = trace_.finish();
  return report_;
}

std::string World::run_silently(std::uint64_t until_ns) {
  start();
  if (!failed()) run_until(until_ns, UINT64_MAX);
  cut_ns_ = until_ns;
  return report_.failure;
}

void World::say(std::uint32_t who, std::uint32_t to, Bytes word) {
  if (swarm_.twin && now_ns_ < cut_ns_) words_.push_back({.time_ns = now_ns_, .hash = fnv1a64(word), .who = who, .to = to});
}

const Contribution* World::given(std::uint32_t who, std::uint64_t token) const {
  const auto found = given_[who].find(token);
  return found == given_[who].end() ? nullptr : &found->second;
}

namespace {

// I11: what honest nodes said before `cut_ns`, each in its order. Empty: the same.
std::string compare(const World& loud, const World& silent, std::uint32_t nodes, std::uint64_t cut_ns, std::uint64_t& words) {
  for (std::uint32_t who = 0; who < nodes; ++who) {
    std::vector<World::Word> said[2];
    for (std::uint32_t i = 0; i < 2; ++i)
      std::ranges::copy_if((i == 0 ? loud : silent).words(), std::back_inserter(said[i]),
                           [&](const World::Word& word) { return word.who == who && word.time_ns < cut_ns; });
    words += said[0].size();
    const auto [one, other] = std::ranges::mismatch(said[0], said[1]);
    if (one == said[0].end() && other == said[1].end()) continue;
    for (int i = 0; i < 2; ++i)
      for (auto& w : said[i])
        fprintf(stderr, "%d: %llu to %u %llx\n", i, (unsigned long long)w.time_ns, w.to, (unsigned long long)w.hash);  //DBG
    const World::Word& word = one != said[0].end() ? *one : *other;
    return "I11: word " + std::to_string(one - said[0].begin()) + " of " + std::to_string(said[0].size()) + " of node " +
           std::to_string(who + 1) + ", to " + std::to_string(word.to + 1) + " at " + std::to_string(word.time_ns / 1'000'000) +
           " ms, is another when hostile peers are silent";
  }
  return {};
}

}  // namespace

Report run(const Programs& programs, std::uint64_t seed, const Options& options) {
  World world(programs, seed, options);
  Report report = world.run();
  if (!report.failure.empty() || !world.swarm().twin) return report;
  World silent(programs, seed, options, true);
  report.failure = silent.run_silently(world.cut_ns());
  if (report.failure.empty()) report.failure = compare(world, silent, world.swarm().nodes, world.cut_ns(), report.words);
  ++report.twins;
  return report;
}

}  // namespace bb::sim
