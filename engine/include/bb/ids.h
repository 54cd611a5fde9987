// layer: base
// Strong ids: invalid by default, comparable only to their own kind (spec A §1.1).
#pragma once

#include <compare>
#include <cstdint>

namespace bb {

template <class Tag, class Repr = std::uint64_t>
struct Id {
  Repr v = static_cast<Repr>(~Repr{0});
  constexpr auto operator<=>(const Id&) const = default;
  constexpr bool valid() const { return v != static_cast<Repr>(~Repr{0}); }
};

/// A value slot: local ones count from 0 in install order, stable ones are site keys of 2^32 and above.
using SiteId = Id<struct SiteTag>;
/// One execution of a target.
using ExecId = Id<struct ExecTag>;
/// A parked op, waiting for its completion.
using CommandId = Id<struct CommandTag>;
/// A component instance of one node, dense from 0 in bind order.
using ComponentRef = Id<struct ComponentTag, std::uint32_t>;
/// An installed target and an input of it, so that a host need not look up their names again; good while their node lives.
using TargetId = Id<struct TargetTag, std::uint32_t>;
using InputId = Id<struct InputTag, std::uint32_t>;
/// A peer that the host admitted to a node; carries a generation, so a retired handle is refused, never another peer's.
using PeerHandle = Id<struct PeerHandleTag, std::uint32_t>;

/// One op of one installed graph: graph index in the high half, position in the low.
struct OpRef {
  std::uint64_t v = 0;
  static constexpr OpRef pack(std::uint32_t graph, std::uint32_t op) { return {(std::uint64_t{graph} << 32) | op}; }
  constexpr std::uint32_t graph() const { return static_cast<std::uint32_t>(v >> 32); }
  constexpr std::uint32_t op() const { return static_cast<std::uint32_t>(v); }
  constexpr auto operator<=>(const OpRef&) const = default;
};

}  // namespace bb
