// Framework ops of the domains syscall, composite and address_book (spec C §2).
#pragma once

#include "bb/registry.h"

namespace bb::ops {

/// Errors: duplicate.
Status add_syscall_ops(Registry& registry);

}  // namespace bb::ops
