// layer: op
// Spans of a poll, for profilers and tracing adapters. A node without a hook pays one branch per span.
#pragma once

#include <string_view>

#include "bb/ids.h"

namespace bb {

/// `engine.poll`, `engine.ingress`, `engine.frontier`, `engine.completions`, `engine.outbound`, `engine.op` (spec B §11).
struct Span {
  std::string_view name;
  OpRef op;     // `engine.op` only
  ExecId exec;  // `engine.op` only
};

/// Called on the poll's own thread; must not call into the node.
struct SpanHook {
  void (*enter)(void* context, const Span& span) = nullptr;
  void (*exit)(void* context, const Span& span) = nullptr;
  void* context = nullptr;
};

}  // namespace bb
