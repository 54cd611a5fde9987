// Nothing registers itself: what is not named here does not exist.
#include "ops/registry.h"

#include "ops/aggregators/fedavg.h"
#include "ops/backends/cpu/cpu_backend.h"
#include "ops/data/dataset.h"
#include "ops/models/mlp.h"
#include "ops/roles.h"
#include "ops/selectors/constant_view.h"
#include "ops/selectors/random_selector.h"
#include "ops/syscalls/syscalls.h"
#include "ops/wire/wire_ops.h"

namespace bb::ops {

Registry builtin_registry() {
  Registry registry;
  add_role_ops(registry);
  // A duplicate can only be two declarations of ours.
  const bool framework_ops_added = add_syscall_ops(registry) && add_wire_ops(registry);
  BB_ASSERT(framework_ops_added);
  for (auto* make : {cpu_backend_class, mlp_class, fedavg_class, constant_view_class, random_selector_class, dataset_class}) {
    const Status added = registry.add(make());
    BB_ASSERT(added.has_value());
  }
  return registry;
}

}  // namespace bb::ops
