// Checks first, changes after: a refused contribution leaves the buffer as it was.
#include "ops/aggregators/round_buffer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/number_text.h"
#include "bb/value_state.h"
#include "ops/inputs.h"

namespace bb::ops {
namespace {

std::unexpected<OpError> bad_input(std::string_view reason, std::string detail) {
  return std::unexpected(OpError{OpErrorKind::bad_input, reason, "FedAvg::contribute: " + std::move(detail)});
}

std::unexpected<OpError> at_limit(std::string_view reason, std::string detail) {
  return std::unexpected(OpError{OpErrorKind::cooldown, reason, "FedAvg::contribute: " + std::move(detail)});
}

std::uint64_t bytes_of(const Value& tensor) { return tensor.as_tensor().data.size(); }

auto entries_of(std::vector<Contribution>& list, const PeerId& source) {
  return std::ranges::equal_range(list, source, {}, &Contribution::source);
}

}  // namespace

RoundBuffer::RoundBuffer(const RoundOptions& options) : options_(options) {
  // Now, so that a peer's contribution never grows them.
  current_.reserve(options_.contributions_max);
  next_.reserve(options_.contributions_max);
}

std::uint32_t RoundBuffer::distinct(const List& list) {
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < list.size(); ++i)
    if (i == 0 || list[i].source != list[i - 1].source) ++count;
  return count;
}

std::uint64_t RoundBuffer::total_samples(const List& list) {
  std::uint64_t total = 0;
  for (const Contribution& contribution : list) total += contribution.samples;  // `insert` keeps it below 2^64
  return total;
}

std::expected<void, OpError> RoundBuffer::check_round(std::uint64_t round) const {
  if (round > kRoundMax)
    return bad_input("round_out_of_range", "round " + std::to_string(round) + " is over " + std::to_string(kRoundMax));
  if (round > round_ && round - round_ > options_.max_round_jump)
    return bad_input("round_too_far", "round " + std::to_string(round) + ", current " + std::to_string(round_));
  if (round < round_ && round_ - round > options_.max_staleness)
    return bad_input("stale_round", "round " + std::to_string(round) + ", current " + std::to_string(round_));
  return {};
}

std::expected<void, OpError> RoundBuffer::check_tensor(const Value& tensor) const {
  const TensorView view = tensor.as_tensor();
  const List& reference = current_.empty() ? next_ : current_;
  if (!reference.empty()) {
    const TensorView first = reference.front().tensor.as_tensor();
    if (!std::ranges::equal(first.shape, view.shape))
      return bad_input("shape_mismatch", "shape " + shape_text(view.shape) + ", the first has " + shape_text(first.shape));
  }
  double squares = 0.0;
  for (const float value : view.f32()) {
    if (options_.reject_non_finite && !std::isfinite(value)) return bad_input("non_finite", "a number is not finite");
    squares += static_cast<double>(value) * static_cast<double>(value);
  }
  if (options_.max_norm > 0.0f && !(std::sqrt(squares) <= static_cast<double>(options_.max_norm)))
    return bad_input("norm_exceeded", "norm " + number_text(std::sqrt(squares)) + " is over " + number_text(options_.max_norm));
  if (bytes_of(tensor) > options_.bytes_max)
    return at_limit("contribution_limit",
                    std::to_string(bytes_of(tensor)) + " bytes are over " + std::to_string(options_.bytes_max));
  return {};
}

std::expected<void, OpError> RoundBuffer::contribute(const PeerId& source, Value tensor, FedAvgMeta meta) {
  if (meta.samples == 0) return bad_input("zero_weight", "num_samples = 0");
  const std::uint64_t round = meta.round == FedAvgMeta::kCurrentRound ? round_ : meta.round;
  if (auto checked = check_round(round); !checked) return checked;
  if (auto checked = check_tensor(tensor); !checked) return checked;
  // A fast neighbour is one round ahead and must not wipe what slower ones sent; further ahead it is this peer that is late.
  const bool ahead = round > round_;
  const bool hold = ahead && round == round_ + 1 && !current_.empty();
  if (ahead && !hold) catch_up(round);
  return insert(hold ? next_ : current_, {.source = source, .tensor = std::move(tensor), .samples = meta.samples, .round = round});
}

std::expected<void, OpError> RoundBuffer::insert(List& list, Contribution contribution) {
  const auto present = entries_of(list, contribution.source);
  const bool known = !present.empty();
  if (known && options_.on_duplicate == OnDuplicate::reject)
    return bad_input("duplicate", "peer " + contribution.source.to_text() + " has contributed to this round");
  const bool replaces = known && options_.on_duplicate == OnDuplicate::replace;
  if (replaces && present.back().round > contribution.round)
    return bad_input("stale_round",
                     "round " + std::to_string(contribution.round) + ", the peer has sent " + std::to_string(present.back().round));
  if (!known && options_.expected > 0 && distinct(list) >= options_.expected)
    return at_limit("round_full", "the round has its " + std::to_string(options_.expected) + " peers");
  // With `replace` a peer has one entry, whose count, bytes and weight are free again.
  const std::uint64_t freed_bytes = replaces ? bytes_of(present.front().tensor) : 0;
  const std::uint64_t freed_samples = replaces ? present.front().samples : 0;
  if (current_.size() + next_.size() - (replaces ? 1 : 0) >= options_.contributions_max)
    return at_limit("contribution_limit", "the buffer holds its " + std::to_string(options_.contributions_max) + " contributions");
  const std::uint64_t bytes = bytes_of(contribution.tensor);
  if (bytes > options_.bytes_max - (bytes_ - freed_bytes))
    return at_limit("contribution_limit", "the buffer would hold over " + std::to_string(options_.bytes_max) + " bytes");
  if (contribution.samples > UINT64_MAX - (total_samples(list) - freed_samples))
    return bad_input("weight_overflow", "the sum of samples is over 64 bits");
  bytes_ += bytes - freed_bytes;
  if (replaces) {
    present.front() = std::move(contribution);
  } else {
    list.insert(present.end(), std::move(contribution));
  }
  return {};
}

void RoundBuffer::release(const Contribution& contribution) { bytes_ -= bytes_of(contribution.tensor); }

void RoundBuffer::catch_up(std::uint64_t round) {
  round_ = round;
  for (List* list : {&current_, &next_}) {
    std::erase_if(*list, [&](const Contribution& contribution) {
      const bool stale = round - contribution.round > options_.max_staleness;
      if (stale) release(contribution);
      return stale;
    });
  }
  for (Contribution& contribution : next_) {
    const auto present = entries_of(current_, contribution.source);
    for (const Contribution& older : present) release(older);
    current_.insert(current_.erase(present.begin(), present.end()), std::move(contribution));
  }
  next_.clear();
}

Status RoundBuffer::save(StateWriter& out) const {
  out.number(round_);
  for (const List* list : {&current_, &next_}) {
    out.number(list->size());
    for (const Contribution& contribution : *list) {
      std::uint8_t peer[PeerId::kBytesMax];
      out.bytes({peer, contribution.source.write(peer)});
      if (!save_value(out, contribution.tensor)) return fail(Code::not_encodable);
      out.number(contribution.samples);
      out.number(contribution.round);
    }
  }
  return {};
}

Status RoundBuffer::load(StateReader& in, Memory& memory) {
  round_ = in.number_to(kRoundMax);
  BB_CHECK(load_list(in, memory, current_));
  return load_list(in, memory, next_);
}

// Each contribution goes through the checks that it passed when it came.
Status RoundBuffer::load_list(StateReader& in, Memory& memory, List& list) {
  const std::uint32_t count = in.count(options_.contributions_max, 4);
  for (std::uint32_t i = 0; i < count; ++i) {
    Contribution contribution;
    const auto source = PeerId::from_bytes(in.bytes(PeerId::kBytesMax));
    BB_CHECK(in.status());
    if (!source) return fail(Code::invalid_value, in.position());
    contribution.source = *source;
    BB_CHECK(load_value(in, memory, contribution.tensor));
    contribution.samples = in.number();
    contribution.round = in.number_to(kRoundMax);
    BB_CHECK(in.status());
    if (!contribution.tensor.is_f32_tensor() || contribution.samples == 0 || !check_tensor(contribution.tensor))
      return fail(Code::invalid_value, in.position());
    if (i > 0 && contribution.source < list[i - 1].source) return fail(Code::invalid_value, in.position());
    if (!insert(list, std::move(contribution)) || list.size() != i + 1u) return fail(Code::invalid_value, in.position());
  }
  return in.status();
}

void RoundBuffer::advance() {
  for (const Contribution& contribution : current_) release(contribution);
  current_.clear();
  std::swap(current_, next_);
  if (round_ < kRoundMax) ++round_;
}

}  // namespace bb::ops
