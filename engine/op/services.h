// What framework ops reach through their context: the node's peers, requests, outbound queue and clock, and the three things only
// the runtime can do.
#pragma once

#include "bb/component.h"
#include "framework/outbound.h"
#include "framework/peers.h"
#include "framework/requests.h"
#include "framework/scheduler.h"
#include "wire/envelope_writer.h"

namespace bb::op {

/// The seam to the runtime, which is a layer below.
class Runtime {
 public:
  virtual Result<CommandId> open_command(OpContext& ctx, std::uint64_t deadline_ns) = 0;
  /// The instance bound at a slot that `from` depends on, or nullptr.
  virtual Component* sibling(ComponentRef from, std::string_view slot, ComponentRef& found) = 0;
  virtual void peer_unresolved(const PeerId& peer, OpRef op, ExecId exec) = 0;

 protected:
  ~Runtime() = default;
};

struct Services {
  Runtime& runtime;
  framework::Scheduler& scheduler;
  framework::PeerTable& peers;
  framework::Outbound& outbound;
  framework::Requests& requests;
  // Scratch of Send: kept between sends, so that a warm one allocates nothing.
  std::vector<wire::FillFields> fills;
};

}  // namespace bb::op
