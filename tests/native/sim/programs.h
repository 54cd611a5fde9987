// What simulated nodes run: one small program for each part of the engine, compiled once and shared by all nodes.
#pragma once

#include "bb/node.h"

namespace bb::sim {

/// Parts of a scenario; each is a program or two.
enum class Part : std::uint8_t { mesh, ask, gather, timers, ticker, stores, setup };
inline constexpr std::uint32_t kParts = 7;
constexpr std::uint32_t part_bit(Part part) { return 1u << static_cast<std::uint32_t>(part); }

/// How long anything in a program waits at most.
inline constexpr std::uint64_t kDeadlineNs = 2'000'000'000;

struct Programs {
  Registry registry;
  struct Program {
    Part part = Part::mesh;
    ByteBuffer artifact;
    std::vector<std::string> targets;
  };
  std::vector<Program> programs;
  std::string error;  // empty when all compiled

  Programs();
  /// The artifacts and targets of the parts in `parts`.
  InstallOptions options(std::uint32_t parts) const;
};

}  // namespace bb::sim
