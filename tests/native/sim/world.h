// A simulated world: nodes, their hosts, the links between them and everything that goes wrong, in one thread and from one seed.
// Actions wait in a heap by (time, tie, ...); the tie is a hash of the seed and a count, so each seed has its own order among equals.
#pragma once

#include <map>
#include <memory>

#include "sim/components.h"
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
  path_swapped,
  bit_flipped,
  read_failed,
  recovery_failed,
};
inline constexpr std::uint32_t kFaults = 17;
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
  std::uint64_t contributions = 0;     // counted by aggregators
  std::uint64_t losses_told = 0;       // restarts that did not get back to what had been durable, and knew it
  std::uint64_t twins = 0, words = 0;  // runs that were compared, and what was compared of them
  std::uint64_t faults[kFaults] = {};
  std::array<std::uint8_t, 32> hash{};
  std::string failure;  // empty: none
};

class World {
 public:
  World(const Programs& programs, std::uint64_t seed, const Options& options, bool silent = false);
  ~World();
  Report run();
  /// What honest nodes say to each other and to their hosts, in a twin world. `silent`: up to the given time, its hostile peers
  /// say nothing.
  struct Word {
    std::uint64_t time_ns = 0, hash = 0;
    std::uint32_t who = 0, to = 0;
    bool operator==(const Word&) const = default;
  };
  const std::vector<Word>& words() const { return words_; }
  std::uint64_t cut_ns() const { return cut_ns_; }
  std::string run_silently(std::uint64_t until_ns);

  // For hosts.
  enum class Action : std::uint8_t {
    poll,
    frame,
    sync,
    act,
    restart,
    send_failed,
    partition,
    crash,
    trouble,
    hostile,
    check,
    swap
  };
  void at(std::uint64_t time_ns, Action action, std::uint32_t who, std::uint64_t what = 0);
  std::uint64_t now_ns() const { return now_ns_; }
  bool faulty() const { return faulty_; }
  std::uint64_t seed() const { return seed_; }
  /// For what looks at nodes and leaves them as they were.
  Chance& check_chance() { return check_chance_; }
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
  void say(std::uint32_t who, std::uint32_t to, Bytes word);
  /// What an honest node contributes, under a number of its own; and whether that is what was counted.
  void give(std::uint32_t who, std::uint64_t token, const Contribution& data) { given_[who].insert_or_assign(token, data); }
  const Contribution* given(std::uint32_t who, std::uint64_t token) const;
  Host& host(std::uint32_t who) { return *hosts_[who]; }

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
    std::uint32_t from = 0, to = 0, path = 0;
    ByteBuffer bytes;
  };
  // I1 for one direction of a link: sent + duplicated = arrived + lost + queued.
  struct Link {
    explicit Link(std::uint64_t seed) : chance(seed) {}
    Chance chance;  // its own, so that nothing on one link shows on another
    bool bursting = false;
    std::uint32_t path = 0;
    std::uint64_t delay_min_ns = 0, delay_max_ns = 0, bytes_per_second = 0;
    std::uint64_t cut_until_ns = 0, free_at_ns = 0, last_arrival_ns = 0;
    std::uint64_t sent = 0, duplicated = 0, arrived = 0, lost = 0, queued = 0;
  };

  Link& link(std::uint32_t from, std::uint32_t to) { return links_[from * peers() + to]; }
  void schedule(std::uint32_t lane, std::uint64_t time_ns, Action action, std::uint32_t who, std::uint64_t what);
  void start();
  void apply(const Event& event);
  void arrive(std::uint32_t index);
  std::uint32_t keep_frame(std::uint32_t from, std::uint32_t to, Bytes bytes);
  void schedule_frame(std::uint32_t from, std::uint32_t to, Bytes bytes);
  static void corrupt(ByteBuffer& bytes, Chance& chance);
  void swap_path();
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
  const bool silent_;
  Chance chance_, check_chance_;
  std::vector<Chance> hostile_chances_;
  Trace trace_;
  Report report_;
  std::uint64_t now_ns_ = 1'000'000'000;
  std::vector<std::uint64_t> ties_;  // by whoever causes an action, so that nobody's shift another's
  bool faulty_ = true;
  std::vector<Event> heap_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::vector<Link> links_;
  std::vector<Frame> frames_;
  std::vector<std::uint32_t> free_frames_;
  ByteBuffer outgoing_;
  std::vector<ByteBuffer> overheard_;  // by hostile peers
  std::vector<Word> words_;
  std::uint64_t cut_ns_ = UINT64_MAX;
  std::vector<std::map<std::uint64_t, Contribution>> given_;
};

Report run(const Programs& programs, std::uint64_t seed, const Options& options = {});

}  // namespace bb::sim
