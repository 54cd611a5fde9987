// The trainable model that ships.
#pragma once

#include "bb/registry.h"

namespace bb::ops {

/// `Mlp`. Config: `layers` (required: a text like "784-64-10", or a list of such numbers as text), `learning_rate` 0.05,
/// `momentum` 0.9, `seed` 0, `loss` "cross_entropy" or "squared_error", `bias` true. Train draws from the data source at slot `data`.
///
/// Forward takes [batch, inputs] or one sample [inputs] and answers logits of the same rank. ComputeLoss keeps what Backward needs;
/// Backward updates the parameters, and fails when no loss is pending. Params is one rank-1 tensor, LoadParameters takes such a one.
ComponentClass mlp_class();

}  // namespace bb::ops
