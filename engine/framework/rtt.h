// Round-trip times by site, by edge of a chain, by chain and over all, and which sites have gone silent. A site is the hash of a
// peer's id. Silence is found by one timer per site, set for the moment at which φ crosses its next threshold.
#pragma once

#include <optional>

#include "framework/lru_table.h"
#include "framework/phi_accrual.h"
#include "framework/rtt_ema.h"
#include "framework/scheduler.h"

namespace bb::framework {

enum class PhiState : std::uint8_t { live, suspect, down };

struct PhiTransition {
  std::uint64_t site = 0;
  PhiState state = PhiState::live;
  double phi = 0;
};

class RttTracker {
 public:
  struct Options {
    std::uint32_t sites_max = 4'096;
    std::uint32_t edges_max = 4'096;
    std::uint32_t chains_max = 1'024;
    std::uint32_t reports_per_site_max = 16;
    double suspect_phi = 8;
    double down_phi = 16;
  };
  /// What a site reported about its own way to another.
  struct Report {
    std::uint64_t next_hop = 0;
    std::uint64_t chain_id = 0;
    RttEma ema;
  };
  struct Site {
    RttEma stats;
    PhiAccrual phi;
    PhiState state = PhiState::live;
    TimerId timer;          // invalid while no threshold can be crossed
    Array<Report> reports;  // the oldest first
  };

  explicit RttTracker(Options options)
      : options_(options), sites_(options.sites_max), edges_(options.edges_max), chains_(options.chains_max) {}

  /// An answer came after `elapsed_ns`. At a limit, what was used longest ago is forgotten. The transition is `live`, for a site that
  /// was suspect or down. Errors: no_memory, over_cap (no timer, or a limit of 0); nothing is changed then.
  Result<std::optional<PhiTransition>> observe_round_trip(std::uint64_t site, std::optional<ChainContext> chain,
                                                          std::uint64_t elapsed_ns, std::uint64_t now_ns, Scheduler& scheduler);
  /// How long an answer may take: of the edge, the site, the chain or all sites, the first that has samples enough.
  std::uint64_t estimate_budget(std::uint64_t site, std::optional<ChainContext> chain, std::uint64_t static_default_ns) const;
  /// Replaces what `site` reported before about the same way. Ignored for a site without a round trip of its own. Errors: no_memory.
  Status ingest_reported_outgoing(std::uint64_t site, std::uint64_t next_hop, std::uint64_t chain_id, const RttEma& ema);
  /// The site's `silence` timer matured; its key is the site.
  std::optional<PhiTransition> silence_due(std::uint64_t site, Scheduler& scheduler);
  /// Its round trips, reports and timer go; edges age out.
  void forget(std::uint64_t site, Scheduler& scheduler);

  const Site* find(std::uint64_t site) const { return sites_.find(site); }
  const RttEma* edge(std::uint64_t site, ChainContext chain) const;
  const RttEma* chain_prior(std::uint64_t chain_id) const { return chains_.find(chain_id); }
  const RttEma& global_prior() const { return global_; }
  std::uint32_t sites() const { return sites_.size(); }
  std::uint32_t edges() const { return edges_.size(); }
  std::uint32_t chains() const { return chains_.size(); }

  void save(StateWriter& writer) const;
  /// Into a new tracker, after the scheduler was loaded. Errors: those of the reader, no_memory, invalid_value (also timers that do not
  /// match the sites).
  Status load(StateReader& reader, const Scheduler& scheduler);

 private:
  struct Edge {
    std::uint64_t site = 0;
    ChainContext chain;
    RttEma ema;
  };
  static std::uint64_t edge_key(std::uint64_t site, ChainContext chain);
  PhiState state_at(double phi) const;
  std::uint64_t next_crossing(const Site& site) const;
  void move_timer(std::uint64_t key, Site& site, Scheduler& scheduler) const;
  Status load_edges(StateReader& reader);

  Options options_;
  LruTable<Site> sites_;
  LruTable<Edge> edges_;
  LruTable<RttEma> chains_;
  RttEma global_;
};

}  // namespace bb::framework
