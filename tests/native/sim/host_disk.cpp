// A node's host: its journal, its snapshots, and how a node comes back.
#include <algorithm>

#include "sim/host.h"
#include "sim/world.h"

namespace bb::sim {
namespace {

// Past the header, which holds the length.
std::string first_difference(Bytes a, Bytes b) {
  std::size_t at = 40;
  while (at < a.size() && at < b.size() && a[at] == b[at]) ++at;
  const auto around = [&](Bytes bytes) {
    return to_hex(bytes.subspan(at - 12, std::min<std::size_t>(24, bytes.size() - (at - 12))));
  };
  return "byte " + std::to_string(at) + " of " + std::to_string(a.size()) + " and " + std::to_string(b.size()) + ": " + around(a) +
         " / " + around(b);
}

}  // namespace

void Host::take_journal() {
  auto part = node_->journal();
  if (!part) return fail("journal");
  if (!part->bytes.empty()) store_.append({part->bytes.data(), part->bytes.size()}, part->sequence);
  last_sequence_ = part->sequence;
  for (Call& call : calls_)
    if (call.sequence == UINT64_MAX) call.sequence = part->sequence;
}

// A poll that did nothing waits for company: were it synced, the poll after the sync would be the next of its kind, for ever.
void Host::sync(bool moved) {
  told_ |= moved;
  if (syncing_ || !told_) return;
  told_ = false;
  take_journal();
  if (last_sequence_ == store_.durable_sequence()) return;
  const Swarm& swarm = world_.swarm();
  if (++syncs_ % swarm.snapshot_every_syncs == 0) {
    const auto snapshot = node_->snapshot();
    if (!snapshot) return fail("snapshot: " + snapshot.error().text());
    const bool forgotten = world_.faulty() && world_.chance().happens(swarm.forgotten_slot);
    if (forgotten) world_.count(Fault::slot_forgotten);
    store_.write_snapshot(*snapshot, last_sequence_, forgotten);
  }
  store_.begin_sync();
  syncing_ = true;
  world_.at(world_.now_ns() + world_.chance().between(50'000, swarm.sync_max_ns), World::Action::sync, who_, life_);
}

void Host::synced(std::uint64_t life) {
  if (life != life_ || !up()) return;
  syncing_ = false;
  if (world_.faulty() && world_.chance().happens(world_.swarm().sync_failure)) {
    // The disk is not to be trusted any more, and with it all that the node would say.
    world_.count(Fault::sync_failed);
    return crash();
  }
  store_.end_sync();
  committed_ = store_.durable_sequence();
  if (!node_->committed(committed_)) return fail("committed: the node does not know of its own inputs");
  record(4, committed_);
  sync(false);
  poll_soon();
}

void Host::crash() {
  if (!up()) return;
  record(5);
  last_words_.clear();
  if (durability_ == Durability::none) {
    if (world_.chance().flip()) {
      const auto snapshot = node_->snapshot();
      if (!snapshot) return fail("snapshot: " + snapshot.error().text());
      if (world_.chance().flip()) kept_snapshot_.assign(snapshot->begin(), snapshot->end());
    }
  } else {
    if (world_.chance().below(3) == 0) {
      take_journal();
      const auto snapshot = node_->snapshot();
      if (!snapshot) return fail("snapshot: " + snapshot.error().text());
      last_words_.assign(snapshot->begin(), snapshot->end());
    }
    store_.crash(world_.chance());
    world_.count(Fault::torn_or_lost_tail);
  }
  node_.reset();
  ++life_;
  syncing_ = false;
  poll_at_ns_ = UINT64_MAX;
  calls_.clear();
  waiting_.clear();
  ended_.clear();
  accepted_ = duplicates_ = malformed_ = refused_ = shipped_ = 0;
  const std::uint64_t down =
      world_.faulty() ? world_.chance().between(1'000, std::max<std::uint64_t>(1'000, world_.swarm().down_max_ns)) : 1'000;
  world_.at(world_.now_ns() + down, World::Action::restart, who_, life_);
}

// A node out of what the disk holds: the newest snapshot that is whole, and all of the journal that is.
std::unique_ptr<Node> Host::rebuild(bool ship, std::uint32_t& slot, std::size_t& journal_end) {
  auto node = install();
  if (!node) return nullptr;
  for (slot = 0; slot < 2; ++slot) {
    const Bytes bytes = store_.slot(slot);
    if (bytes.empty()) continue;
    const auto restored = node->restore(bytes, {.same_incarnation = true});
    if (restored) break;
    if (restored.error().kind != RestoreError::Kind::malformed) {
      fail("I8: restore: " + restored.error().text());
      return nullptr;
    }
  }
  if (slot == 2) {
    fail("no snapshot is left");
    return nullptr;
  }
  const auto replayed = node->replay(store_.journal(), [&](const Poll& poll) {
    if (!ship) return;
    for (const Step& step : poll.steps)
      if (const auto* message = std::get_if<SendEnvelope>(&step)) send(*node, *message);
  });
  if (!replayed) {
    fail("I7: replay: " + replayed.error().text());
    return nullptr;
  }
  journal_end = replayed->torn_at > 0 ? static_cast<std::size_t>(replayed->torn_at) : store_.journal().size();
  return node;
}

void Host::restart() {
  if (up()) return;
  ++world_.report().restarts;
  incarnation_ += 2;
  if (durability_ == Durability::none) {
    if (kept_snapshot_.empty() || world_.chance().flip()) {
      start();
    } else {
      node_ = install();
      if (!node_) return;
      const auto restored = node_->restore(
          kept_snapshot_,
          {.now_ns = clock(), .pending = world_.chance().flip() ? RestoreOptions::Pending::keep : RestoreOptions::Pending::fail});
      if (!restored) return fail("I8: restore: " + restored.error().text());
      node_->reincarnate(++incarnation_);
      handles_.assign(world_.peers(), {});
      introduce(*node_);
      at_start_ = node_->stats();
    }
  } else {
    std::uint32_t slot = 0;
    std::size_t journal_end = 0;
    node_ = rebuild(true, slot, journal_end);
    if (!node_) return;
    const auto part = node_->journal();
    if (!part) return fail("journal");
    if (part->sequence < committed_)
      return fail("I12: input " + std::to_string(committed_) + " was reported as durable, and the node is back at " +
                  std::to_string(part->sequence));
    if (!last_words_.empty() && part->sequence == last_sequence_) {
      const auto snapshot = node_->snapshot();
      if (!snapshot || !equal(*snapshot, last_words_)) return fail("I8: a node is back at its last input, and is another");
      ++world_.report().rebuilds;
    }
    store_.went_on_from(slot);
    store_.truncate(journal_end);
    last_sequence_ = committed_ = part->sequence;
    store_.set_sequence(committed_);
    node_->reincarnate(++incarnation_);
    handles_.assign(world_.peers(), {});
    at_start_ = node_->stats();
    introduce(*node_);
    // The number of this life has to be kept before anything is said under it.
    take_journal();
    const auto snapshot = node_->snapshot();
    if (!snapshot) return fail("snapshot: " + snapshot.error().text());
    store_.write_snapshot(*snapshot, last_sequence_, false);
    store_.begin_sync();
    store_.end_sync();
    committed_ = store_.durable_sequence();
    if (!node_->committed(committed_)) return fail("committed");
  }
  record(6, incarnation_);
  poll_soon();
}

void Host::check_rebuilds() {
  if (!up()) return;
  const auto now = node_->snapshot();
  if (!now) return fail("snapshot: " + now.error().text());
  auto copy = install();
  if (!copy) return;
  if (const auto restored = copy->restore(*now, {.same_incarnation = true}); !restored)
    return fail("I8: restore: " + restored.error().text());
  const auto again = copy->snapshot();
  if (!again || !equal(*now, *again))
    return fail("I8: a restored node's snapshot is another, from " + first_difference(*now, *again));
  ++world_.report().rebuilds;
  if (durability_ == Durability::none) {
    // It lives on as the copy: whatever it does from now on has to be the same.
    if (world_.chance().flip()) {
      node_ = std::move(copy);
      handles_.assign(world_.peers(), {});
    }
    return;
  }
  take_journal();
  std::uint32_t slot = 0;
  std::size_t journal_end = 0;
  const auto rebuilt = rebuild(false, slot, journal_end);
  if (!rebuilt) return;
  const auto replayed = rebuilt->snapshot();
  if (!replayed || !equal(*now, *replayed))
    return fail("I7: a replay of the journal makes another node, from " + first_difference(*now, *replayed));
  ++world_.report().rebuilds;
}

}  // namespace bb::sim
