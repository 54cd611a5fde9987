// Nodes that have lived a little: what snapshots and journals to start from are made of, and what a node must stand after taking one.
#pragma once

#include <memory>

#include "bb/node.h"

namespace bb::fuzz {

/// A fresh node, always installed alike.
std::unique_ptr<Node> new_node(Durability durability);

struct Lived {
  std::vector<ByteBuffer> snapshots;  // along the way
  ByteBuffer journal;                 // from the start to the end
};
/// A scripted life with many kinds of state: each call of it is made, whatever the node says.
Lived live();

/// Polls for a while, delivers, completes and lets time pass; every poll and every snapshot must succeed.
void stand(Node& node);
ByteBuffer snapshot_of(const Node& node);

}  // namespace bb::fuzz
