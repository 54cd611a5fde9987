// A node's host in the simulation: its clock, its disk, its application, and the oracles over what its node says.
#pragma once

#include <deque>
#include <memory>

#include "bb/node.h"
#include "sim/ledger.h"
#include "sim/once.h"
#include "sim/programs.h"
#include "sim/store.h"

namespace bb::sim {

class World;

class Host {
 public:
  Host(World& world, std::uint32_t who, Durability durability);

  /// A node without a past. False when the world failed.
  bool start();
  bool up() const { return node_ != nullptr; }
  Durability durability() const { return durability_; }

  void poll();
  /// The next poll is not later than this.
  void poll_by(std::uint64_t time_ns);
  /// Soon, as the host sees fit.
  void poll_soon();
  bool poll_is_due(std::uint64_t number) const { return up() && number == poll_number_; }
  void receive(std::uint32_t from, Bytes frame);
  void send_failed(std::uint32_t to, std::uint64_t request_id);
  /// Does something; how long until the next time.
  std::uint64_t act();
  void synced(std::uint64_t life);
  void crash();
  void restart();
  void freeze(std::uint64_t duration_ns);
  void step_clock(std::int64_t by_ns);
  void drift(std::int64_t ppm);
  void path_swapped(std::uint32_t peer, std::uint8_t path);
  /// A node that is rebuilt from a snapshot, and one from the disk, are this one to the byte.
  void check_rebuilds();
  /// Faults are over: the host admits everybody, listens to everybody, and keeps time.
  void heal();
  /// Asks a peer, and expects an answer.
  void probe(std::uint32_t peer);
  bool probed() const { return probe_answered_; }
  /// Nothing may be left of what was begun.
  void check_rest();
  std::uint64_t life() const { return life_; }
  /// Contributions with a higher number are counted once by whoever gets them: none of them has been forgotten since.
  std::uint64_t counts_once_after() const { return durability_ == Durability::gated ? forgot_token_ : UINT64_MAX; }
  std::string describe() const;

 private:
  struct Call {
    ExecId exec;
    Part part = Part::ask;
    std::uint64_t token = 0;
    std::uint64_t began_ns = 0;
    std::uint64_t sequence = UINT64_MAX;  // of the journal that its beginning is in
  };
  struct Waiting {
    OpRef op;
    ExecId exec;
    CommandId command;
  };

  void do_something();

  // host.cpp
  InstallOptions options() const;
  std::unique_ptr<Node> install();
  void introduce(Node& node);
  PeerHandle handle(std::uint32_t peer);
  std::uint64_t clock() const;
  bool by_the_clock() const;
  bool poll_once();
  void send(const Node& node, const SendEnvelope& send);
  void record(std::uint8_t kind, std::uint64_t a = 0, std::uint64_t b = 0);
  void fail(std::string text);

  // oracles.cpp
  void see(const Step& step);
  void see_event(const AppEvent& event);
  void see_merged(const AppEvent& event);
  void see_send(const SendEnvelope& send);
  void ended(OpRef op, ExecId exec, bool failed);
  void alive(ExecId exec);
  void check_counted();
  void check_bounds(bool quiet);
  void check_nothing_left(const EngineStats& stats);
  void check_waits(const EngineStats& stats);
  void check_quiet(const EngineStats& stats);

  // host_disk.cpp
  void sync(bool moved);
  bool moved(const EngineStats& before) const;
  void keep_ledger(Node& node);
  void flip_bits();
  std::unique_ptr<Node> restore_slot(std::uint32_t& slot);
  bool replay(Node& node, bool ship, std::size_t& journal_end);
  std::unique_ptr<Node> rebuild(bool ship, std::uint32_t& slot, std::size_t& journal_end);
  bool recover();
  void take_journal();

  // script.cpp
  void call(Part part, std::string_view target, std::span<NamedValue> inputs, std::uint64_t token);
  Value peers(std::span<const std::uint32_t> numbers);
  Value numbers(std::span<const float> data);
  Value question(std::uint64_t token);
  void ask(Part part, std::string_view target, std::span<const std::uint32_t> servers);
  void meddle();

  World& world_;
  const std::uint32_t who_;
  const Durability durability_;
  Chance chance_;
  std::unique_ptr<Node> node_;
  std::vector<PeerHandle> handles_;

  // The clock shows `clock_base_ns_` at `base_ns_`, and runs so much faster.
  std::uint64_t base_ns_ = 0, clock_base_ns_ = 0;
  std::int64_t drift_ppm_ = 0;
  std::uint64_t frozen_until_ns_ = 0;
  std::uint64_t latest_clock_ns_ = 0;  // that the node was shown
  std::uint64_t poll_at_ns_ = UINT64_MAX, poll_number_ = 0;

  SimStore store_;
  ByteBuffer kept_snapshot_;  // what a host without a journal goes on from
  Ledger kept_ledger_;
  bool damaged_slot_ = false, damaged_journal_ = false;  // bits were turned over since the last recovery
  bool syncing_ = false;
  bool told_ = false;  // since the last sync, something but polls
  std::uint64_t syncs_ = 0, committed_ = 0, life_ = 0, incarnation_ = 0;
  ByteBuffer last_words_;  // the snapshot of the moment of a crash, where it was taken
  std::uint64_t last_sequence_ = 0;

  std::vector<Call> calls_;
  std::uint64_t tokens_ = 0, round_ = 0, forgot_token_ = 0;
  std::uint64_t probe_token_ = 0;
  bool probe_answered_ = false;

  // The last things that were done to the node, for whoever looks into a failure.
  struct Done {
    std::uint8_t kind = 0;
    std::uint64_t a = 0, b = 0;
  };
  Done recent_[8];
  std::uint64_t recent_count_ = 0;

  // What the oracles remember of the node's present life.
  Once ended_;
  std::vector<Waiting> waiting_;
  bool told_all_ = false;        // of every op that waits: the node began without a past
  std::uint64_t over_exec_ = 0;  // executions with a smaller number have ended, and nothing more is to be said of them
  std::uint64_t next_exec_ = 0;  // above all that were heard of
  Ledger ledger_;
  // Envelopes that polls made, and the end of the journal that holds those polls.
  struct Made {
    std::uint64_t envelopes = 0, sequence = UINT64_MAX;
  };
  std::deque<Made> made_;
  std::uint64_t polls_ = 0;
  EngineStats at_start_;
  std::uint64_t accepted_ = 0, duplicates_ = 0, malformed_ = 0, refused_ = 0, shipped_ = 0;
};

}  // namespace bb::sim
