// What all workloads share: the installed models of the reference, one clock, and polls that leave nothing to do.
#pragma once

#include <fstream>
#include <iterator>

#include "bb/node.h"
#include "bench/measure.h"
#include "support/attestation.h"

namespace bb::bench {

class Workbench {
 public:
  Workbench(std::string folder, Measure& measure) : measure(measure), folder_(std::move(folder)) {}

  ByteBuffer model(const std::string& name) const {
    std::ifstream file(folder_ + "/" + name + ".onnx", std::ios::binary);
    ByteBuffer bytes{std::istreambuf_iterator<char>(file), {}};
    require(!bytes.empty(), ("cannot read " + folder_ + "/" + name + ".onnx").c_str());
    return bytes;
  }
  /// Everything that a table of the reference left at its default, but for limits that a workload is about.
  static Limits limits() {
    Limits limits;
    limits.ingress_max = 8'192;
    limits.parked_ops_max = 1u << 20;
    limits.executions_max = 1u << 20;
    limits.timers_max = 1u << 20;
    return limits;
  }
  std::unique_ptr<Node> install(const std::string& name, StepMask mask = StepMask::all()) const {
    const ByteBuffer bytes = model(name);
    return install(bytes, name, mask);
  }
  std::unique_ptr<Node> install(Bytes artifact, const std::string& target, StepMask mask = StepMask::all()) const {
    auto node = Node::install(registry, {.peer = PeerId::from(1),
                                         .addresses = {Address::p2p(PeerId::from(1))},
                                         .artifacts = {artifact},
                                         .targets = {target},
                                         .config = {},
                                         .limits = limits(),
                                         .seed = 1,
                                         .incarnation = 1,
                                         .mask = mask});
    if (!node) require(false, node.error().text().c_str());
    return std::move(*node);
  }
  std::size_t poll(Node& node) {
    const Poll result = node.poll(now_ns += 1000, UINT32_MAX);
    require(!result.more, "a poll left work");
    return result.steps.size();
  }
  /// Bytes of 7, as a host hands over what it has.
  Value payload(Node& node, std::size_t size) {
    if (content_.size() < size) content_.resize(size, 7);
    return *Value::bytes(node.memory(), Bytes(content_).first(size));
  }
  void deliver(Node& node, std::string_view target, std::string_view input, std::size_t size) {
    require(node.deliver_event(target, input, payload(node, size)).has_value(), "deliver_event");
  }
  static PeerHandle sender(Node& node) {
    const auto peer = node.admit(PeerAttestation::of(PeerId::from(2)));
    require(peer.has_value(), "admit");
    return *peer;
  }
  static void receive(Node& node, PeerHandle from, Bytes frame) {
    require(node.receive(from, frame).kind == ReceiveStatus::Kind::accepted, "a frame was refused");
  }

  Measure& measure;
  Registry registry;
  std::uint64_t now_ns = 0;

 private:
  std::string folder_;
  ByteBuffer content_;
};

// One function per file of workloads.
void measure_hot_path(Workbench& bench);
void measure_waiting(Workbench& bench);
void measure_tensors(Workbench& bench);
void measure_setup(Workbench& bench);

}  // namespace bb::bench
