// What goes wrong in a world, and how it ends: the liveness phase.
#include <algorithm>

#include "sim/world.h"

namespace bb::sim {

namespace {
constexpr std::uint64_t kSecond = 1'000'000'000;
// The longest delay of a frame, and how long a peer that sent too much nonsense is not listened to.
constexpr std::uint64_t kSettleNs = 65 * kSecond;
// I9: what was begun has ended by then.
constexpr std::uint64_t kBoundNs = 3 * kDeadlineNs;

// To a site that nobody may have: the number after the mark of a site is another.
void missend(ByteBuffer& bytes, Chance& chance) {
  constexpr std::uint8_t kSite[] = {0xe2, 0x01};
  const auto found = std::ranges::search(bytes, kSite);
  if (bytes.end() - found.begin() < 10) return;
  for (std::uint32_t i = 2; i < 10; ++i) found.begin()[i] = static_cast<std::uint8_t>(chance.next());
}
}  // namespace

void World::corrupt(ByteBuffer& bytes, Chance& chance) {
  if (bytes.empty()) return;
  for (std::uint64_t left = chance.between(1, 3); left > 0; --left)
    bytes[chance.below(bytes.size())] ^= static_cast<std::uint8_t>(chance.between(1, 255));
}

// Two nodes see each other another way: by a relay, or no longer by one. Half of what was under way is gone, the rest comes late or
// early, and both hosts are told.
void World::swap_path() {
  const auto one = static_cast<std::uint32_t>(chance_.below(swarm_.nodes));
  const auto other = (one + 1 + static_cast<std::uint32_t>(chance_.below(swarm_.nodes - 1))) % swarm_.nodes;
  count(Fault::path_swapped);
  const std::uint64_t delay_min_ns = chance_.magnitude(100'000, 10'000'000);
  for (Link* way : {&link(one, other), &link(other, one)}) {
    ++way->path;
    way->delay_min_ns = delay_min_ns;
    way->delay_max_ns = delay_min_ns + chance_.magnitude(100'000, kSecond);
    way->bytes_per_second = chance_.magnitude(1'000, 1'000'000'000);
  }
  const auto path = static_cast<std::uint8_t>(link(one, other).path);
  host(one).path_swapped(other, path);
  host(other).path_swapped(one, path);
}

// One side cannot reach the other; half of the time it is the same the other way round.
void World::partition() {
  count(Fault::partition);
  const std::uint64_t until = now_ns_ + chance_.between(1, swarm_.partition_max_ns);
  const std::uint64_t side = chance_.next();
  const bool both = chance_.flip();
  for (std::uint32_t from = 0; from < peers(); ++from) {
    for (std::uint32_t to = 0; to < peers(); ++to) {
      const bool left = (side >> (from & 63) & 1) != 0, right = (side >> (to & 63) & 1) != 0;
      if (left != right && (left || both)) link(from, to).cut_until_ns = until;
    }
  }
}

// A host stands still, or its clock jumps, or runs at another speed.
void World::trouble() {
  Host& one = host(static_cast<std::uint32_t>(chance_.below(swarm_.nodes)));
  switch (chance_.below(3)) {
    case 0:
      if (swarm_.freeze_max_ns == 0) return;
      count(Fault::freeze);
      one.freeze(chance_.between(1, swarm_.freeze_max_ns));
      break;
    case 1: {
      if (swarm_.clock_step_max_ns == 0) return;
      count(Fault::clock_step);
      const auto by = static_cast<std::int64_t>(chance_.between(1, swarm_.clock_step_max_ns));
      one.step_clock(chance_.flip() ? by : -by);
      break;
    }
    default:
      if (swarm_.drift_ppm_max > 0)
        one.drift(static_cast<std::int64_t>(chance_.between(0, 2 * swarm_.drift_ppm_max)) -
                  static_cast<std::int64_t>(swarm_.drift_ppm_max));
  }
}

// An admitted peer that says what it likes: noise, what it heard, with other bytes or for other sites, all of it many times over.
void World::hostile(std::uint32_t who) {
  Chance& chance = hostile_chances_[who - swarm_.nodes];
  const auto to = static_cast<std::uint32_t>(chance.below(swarm_.nodes));
  ByteBuffer bytes;
  if (overheard_.empty() || chance.below(4) == 0) {
    bytes.resize(chance.below(200));
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(chance.next());
  } else {
    bytes = overheard_[chance.below(overheard_.size())];
    switch (chance.below(4)) {
      case 0: corrupt(bytes, chance); break;
      case 1: missend(bytes, chance); break;
      default: break;
    }
    if (chance.below(8) == 0) bytes.resize(chance.below(bytes.size() + 1));
  }
  for (std::uint64_t left = chance.below(16) == 0 ? 50 : 1; left > 0; --left) {
    count(Fault::hostile_frame);
    ++link(who, to).sent;
    ++link(who, to).queued;
    schedule(who, now_ns_ + 1'000'000, Action::frame, to, keep_frame(who, to, bytes));
  }
}

void World::heal() {
  faulty_ = false;
  for (Link& way : links_) way.cut_until_ns = 0;
  for (const auto& one : hosts_) one->heal();
}

// Faults stop: what was begun ends, and whoever asks gets an answer.
void World::finish() {
  heal();
  run_until(now_ns_ + kSettleNs, UINT64_MAX);
  if (failed()) return;
  for (const auto& one : hosts_) {
    if (!one->up()) return fail(0, "a node is down for good");
    one->heal();
  }
  run_until(now_ns_ + kBoundNs, UINT64_MAX);
  for (const auto& one : hosts_)
    if (!failed()) one->check_rest();
  if (failed() || (swarm_.parts & part_bit(Part::ask)) == 0) return;
  // A queue of one may lose an answer to what another peer wants; whoever asks again is answered, and each time all ends in time.
  for (int attempt = 0; attempt < 3 && !failed(); ++attempt) {
    for (std::uint32_t who = 0; who < swarm_.nodes && !failed(); ++who) {
      host(who).probe((who + 1) % swarm_.nodes);
      run_until(now_ns_ + 10'000'000, UINT64_MAX);
    }
    run_until(now_ns_ + kBoundNs, UINT64_MAX);
    for (const auto& one : hosts_)
      if (!failed()) one->check_rest();
  }
  for (std::uint32_t who = 0; who < swarm_.nodes && !failed(); ++who) {
    // A garbled number may have been taken for that of a frame to come: nothing but what the links carry says which one is right.
    if (!host(who).probed() && swarm_.corrupt == 0) fail(who, "I9: no answer long after the faults (" + host(who).describe() + ")");
  }
}

}  // namespace bb::sim
