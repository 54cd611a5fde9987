// φ by a running sum, and its inverse by bisection over φ itself, so that rounding cannot make the two disagree.
#include "framework/phi_accrual.h"

#include <numbers>

#include "framework/saturating.h"

namespace bb::framework {

bool PhiAccrual::try_reserve(AllocationSite site) {
  return !heard() || intervals_.size() == kHistoryMax || intervals_.try_reserve(1, site);
}

void PhiAccrual::heartbeat(std::uint64_t now_ns) {
  if (heard()) {
    if (intervals_.size() == kHistoryMax) sum_ns_ -= intervals_.pop();
    const std::uint64_t interval_ns = saturating_subtract(now_ns, last_seen_ns_);
    intervals_.push_reserved(interval_ns);
    sum_ns_ += interval_ns;
  }
  last_seen_ns_ = now_ns;
}

double PhiAccrual::phi(std::uint64_t now_ns) const {
  if (sum_ns_ == 0 || !heard()) return 0;
  const double mean_ns = static_cast<double>(sum_ns_) / intervals_.size();
  return static_cast<double>(saturating_subtract(now_ns, last_seen_ns_)) / (mean_ns * std::numbers::ln10);
}

std::uint64_t PhiAccrual::crossing_ns(double threshold) const {
  if (phi(kNever) <= threshold) return kNever;
  std::uint64_t below = last_seen_ns_;  // φ is 0 here, and grows with time
  std::uint64_t above = kNever;
  // The time by arithmetic is off by rounding only, so bisection starts close to it where it can.
  const double mean_ns = static_cast<double>(sum_ns_) / intervals_.size();
  const double guess = threshold * mean_ns * std::numbers::ln10;
  if (guess >= 1 && guess < 0x1p63) {
    const auto elapsed_ns = static_cast<std::uint64_t>(guess);
    const std::uint64_t slack_ns = (elapsed_ns >> 48) + 2;
    const std::uint64_t low = saturating_add(last_seen_ns_, saturating_subtract(elapsed_ns, slack_ns));
    const std::uint64_t high = saturating_add(last_seen_ns_, elapsed_ns + slack_ns);
    if (phi(low) <= threshold) below = low;
    if (phi(high) > threshold) above = high;
  }
  if (phi(below) > threshold) return below;
  while (above - below > 1) {
    const std::uint64_t middle = below + (above - below) / 2;
    (phi(middle) > threshold ? above : below) = middle;
  }
  return above;
}

void PhiAccrual::save(StateWriter& writer) const {
  writer.number(last_seen_ns_);
  writer.number(intervals_.size());
  for (std::uint32_t i = 0; i < intervals_.size(); ++i) writer.number(intervals_.at(i));
}

Status PhiAccrual::load(StateReader& reader) {
  last_seen_ns_ = reader.number();
  const std::uint32_t count = reader.count(kHistoryMax);
  if (!intervals_.try_reserve(count)) return fail(Code::no_memory, reader.position());
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
    const std::uint64_t interval_ns = reader.number();
    intervals_.push_reserved(interval_ns);
    sum_ns_ += interval_ns;
  }
  return reader.status();
}

}  // namespace bb::framework
