// A smoothed round-trip time and its deviation, in integers and shifts only, so that every machine gets the same (spec B §6.6).
#pragma once

#include "bb/state_codec.h"
#include "framework/saturating.h"

namespace bb::framework {

/// Which hop of which chain of Sends a round trip belongs to.
struct ChainContext {
  std::uint64_t chain_id = 0;
  std::uint8_t hop = 0;
  bool operator==(const ChainContext&) const = default;
};

struct RttEma {
  static constexpr std::uint64_t kWarmSamples = 3;
  std::uint64_t srtt_ns = 0;
  std::uint64_t rttvar_ns = 0;
  std::uint64_t sample_count = 0;

  bool operator==(const RttEma&) const = default;
  bool is_warm() const { return sample_count >= kWarmSamples; }
  std::uint64_t budget_ns() const { return saturating_add(srtt_ns, saturating_multiply(4, rttvar_ns)); }
  /// The weights of a sample are 2^-time_shift and 2^-deviation_shift: 3 and 2 for a site, 6 and 5 for the prior of all sites.
  void observe(std::uint64_t sample_ns, unsigned time_shift = 3, unsigned deviation_shift = 2) {
    if (sample_count == 0) {
      srtt_ns = sample_ns;
      rttvar_ns = sample_ns >> 1;
    } else {
      const std::uint64_t deviation_ns = sample_ns > srtt_ns ? sample_ns - srtt_ns : srtt_ns - sample_ns;
      rttvar_ns = rttvar_ns - (rttvar_ns >> deviation_shift) + (deviation_ns >> deviation_shift);
      srtt_ns = srtt_ns - (srtt_ns >> time_shift) + (sample_ns >> time_shift);
    }
    sample_count = saturating_add(sample_count, 1);
  }
  void save(StateWriter& writer) const {
    writer.number(srtt_ns);
    writer.number(rttvar_ns);
    writer.number(sample_count);
  }
  Status load(StateReader& reader) {
    srtt_ns = reader.number();
    rttvar_ns = reader.number();
    sample_count = reader.number();
    return reader.status();
  }
};

}  // namespace bb::framework
