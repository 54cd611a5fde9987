// The protocol names of value types and their hashes (spec A §6): fixed strings, independent of C++ names.
#pragma once

#include "bb/hash.h"
#include "bb/value.h"

namespace bb::wire {

inline constexpr std::string_view kCarrierNames[] = {
    "",
    "bb_runtime::syscall::values::TriggerValue",
    "bb_runtime::syscall::values::PeerIdValue",
    "bb_runtime::syscall::values::PeerIdVecValue",
    "bb_runtime::syscall::values::WireReqIdValue",
    "bb_runtime::syscall::values::BytesValue",
    "bb_runtime::syscall::values::AddressValue",
    "bb_runtime::syscall::values::AddressVecValue",
    "bb_runtime::syscall::values::CompositeValue",
    "bb_ops::backends::cpu::tensor::CpuTensor",
    "bb_runtime::syscall::values::CommandIdValue",
    "bb_runtime::syscall::values::TimestampValue",
    "bb_runtime::syscall::values::CorrelationTokenValue",
    "bb_runtime::syscall::values::U64Value",
    "bb_ops::aggregators::fedavg::FedAvgMeta",
    "u32",
    "u64",
    "i64",
    "f32",
    "f64",
    "bool",
    "()",
    "alloc::string::String",
    "alloc::vec::Vec<(u64, f32)>",
    "",
};
inline constexpr std::size_t kCarrierCount = std::size(kCarrierNames);
static_assert(kCarrierCount == static_cast<std::size_t>(Carrier::foreign) + 1);

inline constexpr auto kCarrierHashes = [] {
  std::array<std::uint64_t, kCarrierCount> hashes{};
  for (std::size_t i = 0; i < kCarrierCount; ++i)
    if (!kCarrierNames[i].empty()) hashes[i] = fnv1a64(kCarrierNames[i]);
  return hashes;
}();

inline constexpr std::string_view kAnyTensorName = "bb::AnyTensor";
inline constexpr std::uint64_t kAnyTensorHash = fnv1a64(kAnyTensorName);
// Other spellings that reference peers send for types that we hold in one carrier (spec decisions G6).
inline constexpr std::uint64_t kBoxedCpuTensorHash = fnv1a64("alloc::boxed::Box<bb_ops::backends::cpu::tensor::CpuTensor>");
inline constexpr std::uint64_t kF32BoxHash = fnv1a64("alloc::boxed::Box<[f32]>");
inline constexpr std::uint64_t kF32ListHash = fnv1a64("alloc::vec::Vec<f32>");
inline constexpr std::uint64_t kPeerListHash = fnv1a64("alloc::vec::Vec<bb_ir::ids::PeerId>");
inline constexpr std::uint64_t kBarePeerHash = fnv1a64("bb_ir::ids::PeerId");
inline constexpr std::uint64_t kByteBoxHash = fnv1a64("alloc::boxed::Box<[u8]>");
inline constexpr std::uint64_t kByteListHash = fnv1a64("alloc::vec::Vec<u8>");
inline constexpr std::uint64_t kBackoffNoticeHash = fnv1a64("bb_runtime::framework::backpressure_notice::BackoffNoticePayload");

static_assert(kCarrierHashes[static_cast<std::size_t>(Carrier::tensor)] == 0x2f824195fec34be1ULL);
static_assert(kAnyTensorHash == 0x1e16a91c43c7315cULL);

}  // namespace bb::wire
