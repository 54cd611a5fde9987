// Tiers of round-trip times, and the timers of silence.
#include "framework/rtt.h"

namespace bb::framework {

// A stranger to the table could collide on purpose, but edges are made by this node's own Sends only; a collision replaces.
std::uint64_t RttTracker::edge_key(std::uint64_t site, ChainContext chain) {
  std::uint64_t hash = site * 0x9e3779b97f4a7c15ULL ^ chain.chain_id;
  hash = (hash ^ (hash >> 31)) * 0xbf58476d1ce4e5b9ULL + chain.hop;
  return (hash ^ (hash >> 29)) * 0x94d049bb133111ebULL;
}

const RttEma* RttTracker::edge(std::uint64_t site, ChainContext chain) const {
  const Edge* edge = edges_.find(edge_key(site, chain));
  return edge && edge->site == site && edge->chain == chain ? &edge->ema : nullptr;
}

PhiState RttTracker::state_at(double phi) const {
  return phi > options_.down_phi ? PhiState::down : phi > options_.suspect_phi ? PhiState::suspect : PhiState::live;
}

std::uint64_t RttTracker::next_crossing(const Site& site) const {
  if (site.state == PhiState::down) return Scheduler::kNever;
  return site.phi.crossing_ns(site.state == PhiState::live ? options_.suspect_phi : options_.down_phi);
}

// Cannot fail for a site that has a timer.
void RttTracker::move_timer(std::uint64_t key, Site& site, Scheduler& scheduler) const {
  const std::uint64_t at_ns = next_crossing(site);
  const Timer timer{Timer::Kind::silence, key};
  if (at_ns == Scheduler::kNever) {
    if (site.timer.valid()) scheduler.cancel(std::exchange(site.timer, TimerId{}));
  } else if (site.timer.valid()) {
    scheduler.move(site.timer, at_ns, timer);
  } else {
    site.timer = scheduler.schedule_reserved(at_ns, timer);  // in the place of the one that brought us here
  }
}

Result<std::optional<PhiTransition>> RttTracker::observe_round_trip(std::uint64_t key, std::optional<ChainContext> chain,
                                                                    std::uint64_t elapsed_ns, std::uint64_t now_ns,
                                                                    Scheduler& scheduler) {
  if (options_.sites_max == 0 || (chain && (options_.edges_max == 0 || options_.chains_max == 0))) return fail(Code::over_cap);
  Site* site = sites_.find(key);
  if (!(site ? site->phi.try_reserve() : sites_.try_reserve()) || (chain && (!edges_.try_reserve() || !chains_.try_reserve())))
    return fail(Code::no_memory);
  if (site && !site->timer.valid() && site->phi.heard()) {
    // The room for the timer of the interval that this observation will record.
    BB_TRY(timer, scheduler.schedule(Scheduler::kNever, {Timer::Kind::silence, key}));
    site->timer = timer;
  }

  if (site) {
    site = sites_.use(key);
  } else {
    if (sites_.full()) forget(sites_.oldest_key(), scheduler);
    site = &sites_.insert_reserved(key, {});
  }
  site->stats.observe(elapsed_ns);
  site->phi.heartbeat(now_ns);
  std::optional<PhiTransition> transition;
  if (site->state != PhiState::live) transition = PhiTransition{key, site->state = PhiState::live, site->phi.phi(now_ns)};
  move_timer(key, *site, scheduler);

  if (chain) {
    const std::uint64_t at = edge_key(key, *chain);
    Edge* edge = edges_.use(at);
    if (!edge) {
      if (edges_.full()) edges_.erase(edges_.oldest_key());
      edge = &edges_.insert_reserved(at, {});
    }
    if (edge->site != key || edge->chain != *chain) *edge = {.site = key, .chain = *chain};
    edge->ema.observe(elapsed_ns);
    RttEma* prior = chains_.use(chain->chain_id);
    if (!prior) {
      if (chains_.full()) chains_.erase(chains_.oldest_key());
      prior = &chains_.insert_reserved(chain->chain_id, {});
    }
    prior->observe(elapsed_ns);
  }
  global_.observe(elapsed_ns, 6, 5);
  return transition;
}

std::uint64_t RttTracker::estimate_budget(std::uint64_t key, std::optional<ChainContext> chain,
                                          std::uint64_t static_default_ns) const {
  const auto warm = [](const RttEma* ema) { return ema && ema->is_warm(); };
  if (chain)
    if (const RttEma* ema = edge(key, *chain); warm(ema)) return ema->budget_ns();
  if (const Site* site = sites_.find(key); site && site->stats.is_warm()) return site->stats.budget_ns();
  if (chain)
    if (const RttEma* ema = chain_prior(chain->chain_id); warm(ema)) return ema->budget_ns();
  return global_.is_warm() ? global_.budget_ns() : static_default_ns;
}

Status RttTracker::ingest_reported_outgoing(std::uint64_t key, std::uint64_t next_hop, std::uint64_t chain_id, const RttEma& ema) {
  Site* site = sites_.find(key);
  if (!site || options_.reports_per_site_max == 0) return {};
  for (Report& report : site->reports) {
    if (report.next_hop != next_hop || report.chain_id != chain_id) continue;
    report.ema = ema;
    return {};
  }
  if (site->reports.size() >= options_.reports_per_site_max) site->reports.erase_at(0);
  return site->reports.try_push({next_hop, chain_id, ema}) ? Status{} : fail(Code::no_memory);
}

std::optional<PhiTransition> RttTracker::silence_due(std::uint64_t key, Scheduler& scheduler) {
  Site* site = sites_.find(key);
  if (!site) return std::nullopt;
  site->timer = {};
  const double phi = site->phi.phi(scheduler.now_ns());
  const PhiState state = state_at(phi);
  std::optional<PhiTransition> transition;
  if (state > site->state) transition = PhiTransition{key, site->state = state, phi};
  move_timer(key, *site, scheduler);
  return transition;
}

void RttTracker::forget(std::uint64_t key, Scheduler& scheduler) {
  const Site* site = sites_.find(key);
  if (!site) return;
  if (site->timer.valid()) scheduler.cancel(site->timer);
  sites_.erase(key);
}

void RttTracker::save(StateWriter& writer) const {
  writer.number(sites_.size());
  sites_.for_each([&](std::uint64_t key, const Site& site) {
    writer.fixed_u64(key);
    site.stats.save(writer);
    site.phi.save(writer);
    writer.byte(static_cast<std::uint8_t>(site.state));
    writer.flag(site.timer.valid());
    writer.number(site.reports.size());
    for (const Report& report : site.reports) {
      writer.fixed_u64(report.next_hop);
      writer.fixed_u64(report.chain_id);
      report.ema.save(writer);
    }
  });
  writer.number(edges_.size());
  edges_.for_each([&](std::uint64_t, const Edge& edge) {
    writer.fixed_u64(edge.site);
    writer.fixed_u64(edge.chain.chain_id);
    writer.byte(edge.chain.hop);
    edge.ema.save(writer);
  });
  writer.number(chains_.size());
  chains_.for_each([&](std::uint64_t chain_id, const RttEma& ema) {
    writer.fixed_u64(chain_id);
    ema.save(writer);
  });
  global_.save(writer);
}

Status RttTracker::load(StateReader& reader, const Scheduler& scheduler) {
  std::uint32_t timers = 0;
  const std::uint32_t sites = reader.count(options_.sites_max, 16);
  for (std::uint32_t i = 0; i < sites; ++i) {
    const std::uint64_t key = reader.fixed_u64();
    Site site;
    BB_CHECK(site.stats.load(reader));
    BB_CHECK(site.phi.load(reader));
    const std::uint8_t state = reader.byte();
    timers += reader.flag() ? 1 : 0;
    const std::uint32_t reports = reader.count(options_.reports_per_site_max, 19);
    if (!site.reports.try_reserve(reports)) return fail(Code::no_memory, reader.position());
    for (std::uint32_t j = 0; j < reports; ++j) {
      Report report{.next_hop = reader.fixed_u64(), .chain_id = reader.fixed_u64()};
      BB_CHECK(report.ema.load(reader));
      for (const Report& other : site.reports)
        if (other.next_hop == report.next_hop && other.chain_id == report.chain_id) reader.fail(Code::invalid_value);
      site.reports.push_reserved(report);
    }
    if (state > static_cast<std::uint8_t>(PhiState::down) || sites_.find(key)) reader.fail(Code::invalid_value);
    BB_CHECK(reader.status());
    site.state = static_cast<PhiState>(state);
    if (!sites_.try_reserve()) return fail(Code::no_memory, reader.position());
    sites_.insert_reserved(key, std::move(site));
  }
  BB_CHECK(load_edges(reader));
  scheduler.for_each(Timer::Kind::silence, [&](std::uint64_t key, TimerId timer, std::uint64_t) {
    Site* site = sites_.find(key);
    if (!site || site->timer.valid()) return reader.fail(Code::invalid_value);
    site->timer = timer;
    --timers;
  });
  if (timers != 0) reader.fail(Code::invalid_value);
  return reader.status();
}

Status RttTracker::load_edges(StateReader& reader) {
  const std::uint32_t edges = reader.count(options_.edges_max, 20);
  for (std::uint32_t i = 0; i < edges; ++i) {
    Edge edge{.site = reader.fixed_u64(), .chain = {.chain_id = reader.fixed_u64(), .hop = reader.byte()}};
    BB_CHECK(edge.ema.load(reader));
    const std::uint64_t key = edge_key(edge.site, edge.chain);
    if (edges_.find(key)) return fail(Code::invalid_value, reader.position());
    if (!edges_.try_reserve()) return fail(Code::no_memory, reader.position());
    edges_.insert_reserved(key, edge);
  }
  const std::uint32_t chains = reader.count(options_.chains_max, 11);
  for (std::uint32_t i = 0; i < chains; ++i) {
    const std::uint64_t chain_id = reader.fixed_u64();
    RttEma ema;
    BB_CHECK(ema.load(reader));
    if (chains_.find(chain_id)) return fail(Code::invalid_value, reader.position());
    if (!chains_.try_reserve()) return fail(Code::no_memory, reader.position());
    chains_.insert_reserved(chain_id, ema);
  }
  BB_CHECK(reader.status());
  return global_.load(reader);
}

}  // namespace bb::framework
