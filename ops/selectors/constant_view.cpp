// The view is the config.
#include "ops/selectors/constant_view.h"

#include <algorithm>
#include <set>

#include "bb/config.h"
#include "ops/selectors/pool_selector.h"

namespace bb::ops {
namespace {

constexpr std::size_t kPeersMax = 16'384;

class ConstantView final : public PoolSelector {
 public:
  ConstantView(std::vector<PeerId> peers, std::uint64_t seed) : PoolSelector(seed), peers_(std::move(peers)) {}

 private:
  void collect(OpContext&, std::vector<PeerId>& pool) const override { pool = peers_; }
  std::string_view empty_text() const override { return "ConstantView has no peers configured"; }

  std::vector<PeerId> peers_;
};

std::expected<std::unique_ptr<Component>, std::string> construct(const Config& config) {
  ConfigReader reader(config);
  const auto* const list = reader.list("peers");
  const std::uint64_t seed = reader.integer("seed", 0, 0, UINT64_MAX);
  if (std::string error = reader.finish(); !error.empty()) return std::unexpected(std::move(error));
  const std::size_t count = list ? list->size() : 0;
  if (count > kPeersMax)
    return std::unexpected("ConstantView: " + std::to_string(count) + " peers are over " + std::to_string(kPeersMax));
  std::vector<PeerId> peers;
  std::set<PeerId> seen;
  for (std::size_t i = 0; i < count; ++i) {
    const auto peer = PeerId::from_bytes((*list)[i]);
    if (!peer)
      return std::unexpected("config type mismatch: `peers` entry " + std::to_string(i) + " is no peer id: " +
                             std::string(code_name(peer.error().code)) + " at " + std::to_string(peer.error().at));
    if (seen.insert(*peer).second) peers.push_back(*peer);
  }
  return std::make_unique<ConstantView>(std::move(peers), seed);
}

}  // namespace

ComponentClass constant_view_class() { return {.type_name = "ConstantView", .role = Role::peer_selector, .construct = construct}; }

}  // namespace bb::ops
