// Bootstrap jobs: bodies that run one at a time, in the order they were asked for, while everything else of the node waits
// (spec B §8). Install only registers them; nothing runs until the host asks.
#pragma once

#include "base/ring.h"
#include "runtime/activation.h"

namespace bb::runtime {

enum class BootstrapStatus : std::uint8_t { idle, running, waiting_for_input };

class Bootstrap {
 public:
  /// A registered body. A component's own bootstrap is an op of its service graph.
  struct Body {
    LinkedGraph* graph = nullptr;
    std::uint32_t op = kNone;       // of a service graph
    LinkedGraph* target = nullptr;  // starts once its body is done
    bool done = false;
    bool skipped = false;  // `all` found no inputs for it
  };
  struct Job {
    Activation* activation = nullptr;
    std::uint32_t body = kNone;
  };

  explicit Bootstrap(std::uint32_t jobs_max) : jobs_(jobs_max) {}

  std::vector<Body> bodies;  // in install order; components' after targets'
  Activation* current = nullptr;
  std::uint32_t current_body = kNone;
  Array<std::string_view> finished;  // since the poll began
  bool announced = false;            // the host was told that the current job waits

  bool pending() const { return current != nullptr || !jobs_.empty(); }
  BootstrapStatus status() const {
    if (pending()) return BootstrapStatus::running;
    for (const Body& body : bodies)
      if (body.skipped) return BootstrapStatus::waiting_for_input;
    return BootstrapStatus::idle;
  }
  Ring<Job>& jobs() { return jobs_; }
  const Ring<Job>& jobs() const { return jobs_; }

 private:
  Ring<Job> jobs_;
};

}  // namespace bb::runtime
