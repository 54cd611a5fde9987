// Federated averaging: the mean of contributions, weighted by their samples.
#pragma once

#include "bb/registry.h"

namespace bb::ops {

/// `FedAvg`. Config: `min_contributions` 1, `expected` 0 (any number), `max_staleness` 0 (rounds behind that are still taken),
/// `max_round_jump` (none), `max_norm` 0 (any), `reject_non_finite` true, `on_duplicate` "replace", "reject" or "sum",
/// `contributions_max` 256, `bytes_max` 256 MiB.
///
/// Contribute: the source is the port `source`, else the envelope's sender, else the node itself; without metadata a contribution weighs
/// 1 in the current round. Aggregate gives the mean and {sum of samples, round}, and starts the next round; below the quorum it fails
/// with Cooldown/`quorum_not_met` and keeps what it has. Sums are made in f64 in PeerId order, so they do not depend on arrival.
ComponentClass fedavg_class();

}  // namespace bb::ops
