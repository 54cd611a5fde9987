// A node's host: its journal, its snapshots, and how a node comes back.
#include <algorithm>

#include "sim/components.h"
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
  for (Made& made : made_)
    if (made.sequence == UINT64_MAX) made.sequence = part->sequence;
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
    const bool forgotten = world_.faulty() && chance_.happens(swarm.forgotten_slot);
    if (forgotten) world_.count(Fault::slot_forgotten);
    store_.write_snapshot(*snapshot, ledger_, forgotten);
  }
  store_.begin_sync();
  syncing_ = true;
  world_.at(world_.now_ns() + chance_.between(50'000, swarm.sync_max_ns), World::Action::sync, who_, life_);
}

void Host::synced(std::uint64_t life) {
  if (life != life_ || !up()) return;
  syncing_ = false;
  if (world_.faulty() && chance_.happens(world_.swarm().sync_failure)) {
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
    if (chance_.flip()) {
      const auto snapshot = node_->snapshot();
      if (!snapshot) return fail("snapshot: " + snapshot.error().text());
      if (chance_.flip()) {
        kept_snapshot_.assign(snapshot->begin(), snapshot->end());
        kept_ledger_ = ledger_;
      }
    }
  } else {
    if (chance_.below(3) == 0) {
      take_journal();
      const auto snapshot = node_->snapshot();
      if (!snapshot) return fail("snapshot: " + snapshot.error().text());
      last_words_.assign(snapshot->begin(), snapshot->end());
    }
    store_.crash(chance_);
    world_.count(Fault::torn_or_lost_tail);
    if (world_.faulty() && chance_.happens(world_.swarm().flipped_bit)) flip_bits();
  }
  node_.reset();
  ++life_;
  syncing_ = false;
  poll_at_ns_ = UINT64_MAX;
  calls_.clear();
  waiting_.clear();
  ended_.clear();
  made_.clear();
  over_exec_ = next_exec_ = 0;
  told_all_ = false;
  accepted_ = duplicates_ = malformed_ = refused_ = shipped_ = 0;
  const std::uint64_t down =
      world_.faulty() ? chance_.between(1'000, std::max<std::uint64_t>(1'000, world_.swarm().down_max_ns)) : 1'000;
  world_.at(world_.now_ns() + down, World::Action::restart, who_, life_);
}

void Host::keep_ledger(Node& node) {
  if (Component* const aggregator = node.component("aggregator")) static_cast<SimAggregator*>(aggregator)->ledger = &ledger_;
}

void Host::flip_bits() {
  const bool journal = chance_.flip();
  const bool flipped = journal ? store_.flip_journal(chance_) : store_.flip_slot(chance_.below(3) == 0 ? 1 : 0, chance_);
  if (!flipped) return;
  world_.count(Fault::bit_flipped);
  (journal ? damaged_journal_ : damaged_slot_) = true;
}

// A node as the newest snapshot has it that is whole. A snapshot that is refused has changed nothing. nullptr: no snapshot is left.
std::unique_ptr<Node> Host::restore_slot(std::uint32_t& slot) {
  auto node = install();
  if (!node) return nullptr;
  const auto before = node->snapshot();
  if (!before) return fail("snapshot: " + before.error().text()), nullptr;
  for (slot = 0; slot < 2; ++slot) {
    const Bytes bytes = store_.slot(slot);
    if (bytes.empty()) continue;
    const auto restored = node->restore(bytes, {.same_incarnation = true});
    if (restored && store_.flipped(slot)) return fail("I8: a snapshot with another bit was taken for whole"), nullptr;
    if (restored) return node;
    if (!damaged_slot_ && restored.error().kind != RestoreError::Kind::malformed)
      return fail("I8: restore: " + restored.error().text()), nullptr;
    const auto after = node->snapshot();
    if (!after || !equal(*before, *after)) return fail("I8: a snapshot that was refused has changed the node"), nullptr;
  }
  return nullptr;
}

// False when the journal is refused.
bool Host::replay(Node& node, bool ship, std::size_t& journal_end) {
  const auto replayed = node.replay(store_.journal(), [&](const Poll& poll) {
    if (!ship) return;
    for (const Step& step : poll.steps)
      if (const auto* message = std::get_if<SendEnvelope>(&step)) send(node, *message);
  });
  if (!replayed) {
    if (!damaged_journal_) fail("I7: replay: " + replayed.error().text());
    return false;
  }
  if (damaged_journal_ && !replayed->torn) return fail("I7: a journal with another bit was taken for whole"), false;
  journal_end = replayed->torn ? static_cast<std::size_t>(replayed->torn_at) : store_.journal().size();
  return true;
}

// A node out of what the disk holds: the newest snapshot that is whole, and all of the journal that is.
std::unique_ptr<Node> Host::rebuild(bool ship, std::uint32_t& slot, std::size_t& journal_end) {
  auto node = restore_slot(slot);
  if (!node && !world_.failed() && !damaged_slot_) fail("no snapshot is left");
  if (!node) return nullptr;
  if (ship) {
    ledger_ = store_.ledger(slot);
    keep_ledger(*node);
  }
  if (replay(*node, ship, journal_end)) return node;
  if (world_.failed()) return nullptr;
  // The journal is not what was written. Nothing of it counts, and the snapshot is what there is to go on from.
  node = restore_slot(slot);
  if (!node) return nullptr;
  ledger_ = store_.ledger(slot);
  keep_ledger(*node);
  store_.drop_journal();
  journal_end = 0;
  return node;
}

// False when the host is not up: it failed, or tries again.
bool Host::recover() {
  if (world_.faulty() && chance_.happens(world_.swarm().read_failure)) {
    world_.count(Fault::read_failed);
    world_.at(world_.now_ns() + chance_.between(1'000, 1'000'000'000), World::Action::restart, who_, life_);
    return false;
  }
  std::uint32_t slot = 0;
  std::size_t journal_end = 0;
  node_ = rebuild(true, slot, journal_end);
  const auto tell_loss = [&] {
    ++world_.report().losses_told;
    forgot_token_ = tokens_;
  };
  if (!node_) {
    // Every snapshot was refused: the host begins anew, and knows that it does.
    if (world_.failed()) return false;
    tell_loss();
    return start();
  }
  const auto part = node_->journal();
  if (!part) return fail("journal"), false;
  if (part->sequence < committed_) {
    if (!damaged_slot_ && !damaged_journal_)
      return fail("I12: input " + std::to_string(committed_) + " was reported as durable, and the node is back at " +
                  std::to_string(part->sequence)),
             false;
    tell_loss();
  }
  if (!last_words_.empty() && part->sequence == last_sequence_) {
    const auto snapshot = node_->snapshot();
    if (!snapshot || !equal(*snapshot, last_words_)) return fail("I8: a node is back at its last input, and is another"), false;
    ++world_.report().rebuilds;
  }
  damaged_slot_ = damaged_journal_ = false;
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
  if (!snapshot) return fail("snapshot: " + snapshot.error().text()), false;
  store_.write_snapshot(*snapshot, ledger_, false);
  store_.begin_sync();
  if (world_.faulty() && chance_.happens(world_.swarm().recovery_failure)) {
    world_.count(Fault::recovery_failed);
    crash();
    last_words_.clear();  // of a life that may never have begun
    return false;
  }
  store_.end_sync();
  store_.forget_earlier_life();
  committed_ = store_.durable_sequence();
  if (!node_->committed(committed_)) return fail("committed"), false;
  return true;
}

void Host::restart() {
  if (up()) return;
  ++world_.report().restarts;
  incarnation_ += 2;
  if (durability_ != Durability::none) {
    if (!recover()) return;
  } else if (kept_snapshot_.empty() || chance_.flip()) {
    start();
  } else {
    node_ = install();
    if (!node_) return;
    const auto restored = node_->restore(
        kept_snapshot_,
        {.now_ns = clock(), .pending = chance_.flip() ? RestoreOptions::Pending::keep : RestoreOptions::Pending::fail});
    if (!restored) return fail("I8: restore: " + restored.error().text());
    ledger_ = kept_ledger_;
    keep_ledger(*node_);
    node_->reincarnate(++incarnation_);
    handles_.assign(world_.peers(), {});
    introduce(*node_);
    at_start_ = node_->stats();
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
    if (world_.check_chance().flip()) {
      node_ = std::move(copy);
      keep_ledger(*node_);
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
