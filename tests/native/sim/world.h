// A simulated world: nodes, their hosts, the links between them and everything that goes wrong, in one thread and from one seed.
// Actions wait in a heap by (time, tie, ...); the tie is a hash of the seed and a count, so each seed has its own order among equals.
#pragma once

#include <memory>

#include "sim/host.h"
#include "sim/programs.h"
#include "sim/swarm.h"
#include "sim/trace.h"

namespace bb::sim {

enum class Fault : std::uint8_t {
  lost,
  duplicated,
  corrupted,
  partition,
  reported_lost,
  crash,
  torn_or_lost_tail,
  sync_failed,
  slot_forgotten,
  freeze,
  clock_step,
  hostile_frame,
  meddling,
};
inline constexpr std::uint32_t kFaults = 13;
std::string_view fault_name(Fault fault);

struct Options {
  std::uint64_t steps = 10'000;  // of the safety phase
  std::uint32_t nodes = 0;       // 0: drawn
  std::uint32_t checks = 1;      // how often a node is rebuilt from its disk and its snapshot, against the usual
};

struct Report {
  std::uint64_t seed = 0;
  std::uint32_t nodes = 0;
  std::uint64_t steps = 0, rebuilds = 0, restarts = 0, answers = 0, merges = 0, envelopes = 0, failed_ops = 0;
  std::uint64_t faults[kFaults] = {};
  std::array<std::uint8_t, 32> hash{};
  std::string failure;  // empty: none
};

class World {
 public:
  World(const Programs& programs, std::uint64_t seed, const Options& options);
  ~World();
  Report run();

  // For hosts.
  enum class Action : std::uint8_t { poll, frame, sync, act, restart, send_failed, partition, crash, trouble, hostile, check };
  void at(std::uint64_t time_ns, Action action, std::uint32_t who, std::uint64_t what = 0);
  std::uint64_t now_ns() const { return now_ns_; }
  bool faulty() const { return faulty_; }
  Chance& chance() { return chance_; }
  Trace& trace() { return trace_; }
  const Swarm& swarm() const { return swarm_; }
  const Programs& programs() const { return programs_; }
  Report& report() { return report_; }
  std::uint32_t peers() const { return swarm_.nodes + swarm_.hostile; }
  void count(Fault fault) { ++report_.faults[static_cast<std::size_t>(fault)]; }
  /// An oracle is not satisfied; the run ends.
  void fail(std::uint32_t who, std::string text);
  bool failed() const { return !report_.failure.empty(); }
  /// A buffer for a frame, to be given to `ship`.
  ByteBuffer& frame_buffer();
  void ship(std::uint32_t from, std::uint32_t to, std::uint64_t request_id);

 private:
  struct Event {
    std::uint64_t time_ns = 0, tie = 0, what = 0;
    std::uint32_t who = 0;
    Action action = Action::poll;
    bool operator<(const Event& other) const {  // the heap's top is the greatest
      return time_ns != other.time_ns ? time_ns > other.time_ns : tie > other.tie;
    }
  };
  struct Frame {
    std::uint32_t from = 0, to = 0;
    ByteBuffer bytes;
  };
  // I1 for one direction of a link: sent + duplicated = arrived + lost + queued.
  struct Link {
    bool bursting = false;
    std::uint64_t cut_until_ns = 0, free_at_ns = 0, last_arrival_ns = 0;
    std::uint64_t sent = 0, duplicated = 0, arrived = 0, lost = 0, queued = 0;
  };

  Link& link(std::uint32_t from, std::uint32_t to) { return links_[from * peers() + to]; }
  Host& host(std::uint32_t who) { return *hosts_[who]; }
  void apply(const Event& event);
  void arrive(std::uint32_t index);
  std::uint32_t keep_frame(std::uint32_t from, std::uint32_t to, Bytes bytes);
  void schedule_frame(std::uint32_t from, std::uint32_t to, Bytes bytes);
  void corrupt(ByteBuffer& bytes);
  void partition();
  void trouble();
  void hostile(std::uint32_t who);
  void heal();
  void run_until(std::uint64_t time_ns, std::uint64_t steps_max);
  void check_links();
  void finish();

  const Programs& programs_;
  const Options options_;
  const Swarm swarm_;
  const std::uint64_t seed_;
  Chance chance_;
  Trace trace_;
  Report report_;
  std::uint64_t now_ns_ = 1'000'000'000;
  std::uint64_t ties_ = 0;
  bool faulty_ = true;
  std::vector<Event> heap_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::vector<Link> links_;
  std::vector<Frame> frames_;
  std::vector<std::uint32_t> free_frames_;
  ByteBuffer outgoing_;
  std::vector<ByteBuffer> overheard_;  // by hostile peers
};

Report run(const Programs& programs, std::uint64_t seed, const Options& options = {});

}  // namespace bb::sim
