// The built-in type nodes (spec A §9.2), the ones the framework adds, and the type hashes that a value of each may carry on the wire.
#include "bb/types.h"

#include <initializer_list>

#include "bb/hash.h"

namespace bb {
namespace {

struct Builtin {
  const char* id;
  const char* parent;
  const char* foreign_name;
  std::uint32_t wire_hash;  // 0: abstract
  const char* denotation;
  std::initializer_list<const char*> carriers;  // protocol names of the wire types (spec A §6, decisions G6)
};

constexpr const char* kAnyTensor = "bb::AnyTensor";

const Builtin kBuiltins[] = {
    {"any", "", "", 0, "", {}},
    {"tensor", "any", "", 0, "", {}},
    {"tensor.f32",
     "tensor",
     "bb_tensor_f32_t",
     0x0101,
     "ai.bytesandbrains.tensor.f32",
     {"bb_ops::backends::cpu::tensor::CpuTensor", "alloc::boxed::Box<bb_ops::backends::cpu::tensor::CpuTensor>",
      "alloc::boxed::Box<[f32]>", "alloc::vec::Vec<f32>"}},
    {"tensor.f64", "tensor", "bb_tensor_f64_t", 0x0102, "ai.bytesandbrains.tensor.f64", {kAnyTensor}},
    {"tensor.f16", "tensor", "bb_tensor_f16_t", 0x0103, "ai.bytesandbrains.tensor.f16", {kAnyTensor}},
    {"tensor.u8", "tensor", "bb_tensor_u8_t", 0x0104, "ai.bytesandbrains.tensor.u8", {kAnyTensor}},
    {"tensor.i32", "tensor", "bb_tensor_i32_t", 0x0105, "ai.bytesandbrains.tensor.i32", {kAnyTensor}},
    {"tensor.bool", "tensor", "bb_tensor_bool_t", 0x0106, "ai.bytesandbrains.tensor.bool", {kAnyTensor}},
    {"tensor.bf16", "tensor", "bb_tensor_bf16_t", 0x0107, "ai.bytesandbrains.tensor.bf16", {kAnyTensor}},
    {"tensor.i8", "tensor", "bb_tensor_i8_t", 0x0108, "ai.bytesandbrains.tensor.i8", {kAnyTensor}},
    {"tensor.i16", "tensor", "bb_tensor_i16_t", 0x0109, "ai.bytesandbrains.tensor.i16", {kAnyTensor}},
    {"tensor.i64", "tensor", "bb_tensor_i64_t", 0x010A, "ai.bytesandbrains.tensor.i64", {kAnyTensor}},
    {"tensor.u16", "tensor", "bb_tensor_u16_t", 0x010B, "ai.bytesandbrains.tensor.u16", {kAnyTensor}},
    {"tensor.u32", "tensor", "bb_tensor_u32_t", 0x010C, "ai.bytesandbrains.tensor.u32", {kAnyTensor}},
    {"tensor.u64", "tensor", "bb_tensor_u64_t", 0x010D, "ai.bytesandbrains.tensor.u64", {kAnyTensor}},
    {"scalar", "any", "", 0, "", {}},
    {"scalar.f32", "scalar", "bb_f32_t", 0x0201, "bb.f32", {"f32"}},
    {"scalar.f64", "scalar", "bb_f64_t", 0x0202, "bb.f64", {"f64"}},
    {"scalar.f16", "scalar", "bb_f16_t", 0x0203, "bb.f16", {"u16"}},
    {"scalar.u8", "scalar", "bb_u8_t", 0x0204, "bb.u8", {"u8"}},
    {"scalar.i32", "scalar", "bb_i32_t", 0x0205, "bb.i32", {"i32"}},
    {"peer_id", "any", "bb_peer_id_t", 0x0010, "bb.peer_id", {"bb_runtime::syscall::values::PeerIdValue", "bb_ir::ids::PeerId"}},
    {"peer_id_vec",
     "any",
     "bb_peer_id_vec_t",
     0x0012,
     "bb.peer_id_vec",
     {"bb_runtime::syscall::values::PeerIdVecValue", "alloc::vec::Vec<bb_ir::ids::PeerId>"}},
    {"trigger", "any", "bb_trigger_t", 0x000A, "bb.trigger", {"bb_runtime::syscall::values::TriggerValue"}},
    {"bytes",
     "any",
     "bb_bytes_t",
     0x000B,
     "ai.bytesandbrains.opaque",
     {"bb_runtime::syscall::values::BytesValue", "alloc::boxed::Box<[u8]>", "alloc::vec::Vec<u8>"}},
    {"wire_req_id", "any", "bb_wire_req_id_t", 0x0011, "bb.wire_req_id", {"bb_runtime::syscall::values::WireReqIdValue"}},
    {"multiaddress",
     "any",
     "bb_multiaddress_t",
     0x0301,
     "ai.bytesandbrains.multiaddress",
     {"bb_runtime::syscall::values::AddressValue"}},
    {"address_vec",
     "any",
     "bb_address_vec_t",
     0x0303,
     "ai.bytesandbrains.address_vec",
     {"bb_runtime::syscall::values::AddressVecValue"}},
    {"composite", "any", "bb_composite_t", 0x0302, "ai.bytesandbrains.composite", {"bb_runtime::syscall::values::CompositeValue"}},
    // Beyond the 29: types of the framework's own ops and aggregators, which reference peers know as carriers without a node.
    {"fedavg_meta", "any", "bb_fedavg_meta_t", 0x0401, "bb.fedavg_meta", {"bb_ops::aggregators::fedavg::FedAvgMeta"}},
    {"u64", "scalar", "bb_u64_t", 0x0206, "bb.u64", {"u64", "bb_runtime::syscall::values::U64Value"}},
    {"u32", "scalar", "bb_u32_t", 0x0207, "bb.u32", {"u32"}},
    {"timestamp", "any", "bb_timestamp_t", 0x0013, "bb.timestamp", {"bb_runtime::syscall::values::TimestampValue"}},
    {"command_id", "any", "bb_command_id_t", 0x0014, "bb.command_id", {"bb_runtime::syscall::values::CommandIdValue"}},
    {"correlation_token",
     "any",
     "bb_correlation_token_t",
     0x0015,
     "bb.correlation_token",
     {"bb_runtime::syscall::values::CorrelationTokenValue"}},
    {"search_results", "any", "bb_search_results_t", 0x0402, "bb.search_results", {"alloc::vec::Vec<(u64, f32)>"}},
};

}  // namespace

TypeTree TypeTree::builtin() {
  TypeTree tree;
  for (const Builtin& entry : kBuiltins) {
    TypeNode node;
    node.id = entry.id;
    node.concrete = entry.wire_hash != 0;
    node.wire_hash = entry.wire_hash;
    node.denotation = entry.denotation;
    node.foreign_name = entry.foreign_name;
    for (const char* carrier : entry.carriers) node.accepted_hashes.push_back(fnv1a64(std::string_view(carrier)));
    const auto added = tree.add(std::move(node), entry.parent);
    BB_ASSERT(added.has_value());
  }
  return tree;
}

Result<const TypeNode*> TypeTree::add(TypeNode node, std::string_view parent_id) {
  const auto position = nodes_.size();
  if (node.id.empty()) return fail(Code::bad_argument, position);
  if (find(node.id)) return fail(Code::duplicate, position);
  if (!node.denotation.empty() && find_denotation(node.denotation)) return fail(Code::duplicate, position);
  node.parent = nullptr;
  if (!parent_id.empty()) {
    node.parent = find(parent_id);
    if (!node.parent) return fail(Code::unknown_type, position);
  }
  return &nodes_.emplace_back(std::move(node));
}

const TypeNode* TypeTree::find(std::string_view id) const {
  for (const TypeNode& node : nodes_)
    if (node.id == id) return &node;
  return nullptr;
}

const TypeNode* TypeTree::find_denotation(std::string_view denotation) const {
  if (denotation.empty()) return nullptr;
  for (const TypeNode& node : nodes_)
    if (node.denotation == denotation) return &node;
  return nullptr;
}

bool TypeTree::is_subtype(const TypeNode& child, const TypeNode& parent) {
  for (const TypeNode* at = &child; at; at = at->parent)
    if (at == &parent) return true;
  return false;
}

}  // namespace bb
