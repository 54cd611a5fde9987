// Whether a value may travel through a declared port.
#pragma once

#include "bb/component.h"

namespace bb::op {

/// By the output's declared TypeNode; storage ports ("$tensor") and abstract types take what their bound says.
bool port_accepts(const OpDeclaration& declaration, std::uint32_t output, const Value& value);
/// The same for a type: concrete nodes by hash, `tensor` by carrier, other abstract ones anything.
bool type_accepts(const TypeNode& type, const Value& value);

}  // namespace bb::op
