// Ops on the node's address book.
#pragma once

#include "bb/component.h"

namespace bb::ops {

Outcome address_book_insert(OpContext& ctx);
Outcome address_book_insert_many(OpContext& ctx);
Outcome address_book_lookup(OpContext& ctx);

}  // namespace bb::ops
