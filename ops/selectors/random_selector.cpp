// The pool is the node's peer table at the time of the call.
#include "ops/selectors/random_selector.h"

#include "base/heap_sort.h"
#include "bb/config.h"
#include "op/services.h"
#include "ops/selectors/pool_selector.h"

namespace bb::ops {
namespace {

class RandomSelector final : public PoolSelector {
 public:
  using PoolSelector::PoolSelector;

 private:
  void collect(OpContext& ctx, std::vector<PeerId>& pool) const override {
    const framework::PeerTable& table = ctx.services().peers;
    for (std::uint32_t i = 0; i < table.capacity(); ++i) {
      if (!table.live(i)) continue;
      const framework::PeerRecord& record = table.at(i);
      if (record.id != ctx.self() && (record.references > 0 || record.admitted)) pool.push_back(record.id);
    }
    heap_sort(pool.begin(), pool.end());  // the table's order depends on who came when
  }
  std::string_view empty_text() const override { return "RandomSelector knows no peers"; }
};

}  // namespace

ComponentClass random_selector_class() {
  return {.type_name = "RandomSelector",
          .role = Role::peer_selector,
          .construct = [](const Config& config) -> std::expected<std::unique_ptr<Component>, std::string> {
            ConfigReader reader(config);
            const std::uint64_t seed = reader.integer("seed", 0, 0, UINT64_MAX);
            if (std::string error = reader.finish(); !error.empty()) return std::unexpected(std::move(error));
            return std::make_unique<RandomSelector>(seed);
          }};
}

}  // namespace bb::ops
