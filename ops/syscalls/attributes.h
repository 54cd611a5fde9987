// What framework ops share: attributes read and checked at link time, names interned there, and refusals of the node's stores.
#pragma once

#include "bb/component.h"
#include "ir/metadata.h"
#include "op/prepare.h"
#include "op/services.h"

namespace bb::ops {

/// The name an op works on, and whether its optional value is wired: one that is wired and never comes holds the op back, one
/// that is not wired stands for empty bytes.
struct NamedState : OpState {
  std::uint32_t name = 0;
  bool wired = false;
};

/// Fails the preparation with a text for the host.
std::unexpected<Error> bad_attribute(PrepareContext& context, const onnx::NodeProto& node, std::string_view text);
/// The bytes of a STRING attribute; empty when it is absent. Errors: bad_argument for another type.
Result<std::string_view> text_attribute(const onnx::NodeProto& node, std::string_view name, PrepareContext& context);
/// An INT attribute of at least 0. Errors: bad_argument for another type or a negative number.
Result<std::uint64_t> number_attribute(const onnx::NodeProto& node, std::string_view name, std::uint64_t otherwise,
                                       PrepareContext& context);
/// A state with the name that the STRING attribute gives.
Result<std::unique_ptr<NamedState>> named_state(const onnx::NodeProto& node, std::string_view attribute, PrepareContext& context);
inline const NamedState& named(const OpContext& ctx) { return *static_cast<const NamedState*>(ctx.state()); }

/// Whether an op whose inputs only say when it runs must not run, because the first of them never comes in this execution.
inline bool held_back(const OpContext& ctx) { return ctx.input_count() > 0 && !ctx.input(0).present(); }

/// What an op with one optional value stores: the value, empty bytes where none is wired, nothing where it never comes.
Result<Value> optional_value(OpContext& ctx, const NamedState& state);

/// Fails with `no_memory`, or with the store's limit as reason.
Outcome refused(OpContext& ctx, const Error& error, std::string_view limit, std::string_view what);
/// Fails an op that could not be parked.
Outcome not_parked(OpContext& ctx, const Error& error);
/// Writes a trigger to output 0.
Outcome triggered(OpContext& ctx);

}  // namespace bb::ops
