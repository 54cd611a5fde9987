// The envelope scanner (spec A §4). Varints are read here: protobuf's streams ask for their position after each.
#include "wire/envelope_view.h"

namespace bb::wire {
namespace {

constexpr std::uint32_t kNestingMax = 100;
constexpr std::uint32_t kVarintBytesMax = 10;

enum WireType : std::uint32_t { kVarint = 0, kFixed64 = 1, kLength = 2, kStartGroup = 3, kEndGroup = 4, kFixed32 = 5 };

// Reads within [position, end); every reader returns false on the first malformed byte.
class Scanner {
 public:
  explicit Scanner(Bytes bytes) : bytes_(bytes), end_(static_cast<std::uint32_t>(bytes.size())) {}

  std::uint32_t position() const { return position_; }
  bool at_end() const { return position_ >= end_; }

  bool varint(std::uint64_t& value) {
    const std::uint8_t* const from = bytes_.data() + position_;
    const std::uint32_t left = end_ - position_;
    if (left > 0 && from[0] < 0x80) [[likely]] {
      value = from[0];
      ++position_;
      return true;
    }
    std::uint64_t read = 0;
    for (std::uint32_t i = 0; i < left && i < kVarintBytesMax; ++i) {
      read |= static_cast<std::uint64_t>(from[i] & 0x7f) << (7 * i);
      if (from[i] >= 0x80) continue;
      // Ten bytes carry 70 bits: the last may only hold the 64th.
      if (i + 1 == kVarintBytesMax && from[i] > 1) return false;
      value = read;
      position_ += i + 1;
      return true;
    }
    return false;
  }
  bool key(std::uint32_t& field, std::uint32_t& type) {
    std::uint64_t key = 0;
    if (!varint(key) || key > UINT32_MAX) return false;
    field = static_cast<std::uint32_t>(key >> 3);
    type = static_cast<std::uint32_t>(key & 7);
    return field != 0 && type <= kFixed32;
  }
  bool length(std::uint32_t type, std::uint32_t& length) {
    std::uint64_t read = 0;
    if (type != kLength || !varint(read) || read > end_ - position_) return false;
    length = static_cast<std::uint32_t>(read);
    return true;
  }
  bool span(std::uint32_t type, Bytes& out) {
    std::uint32_t size = 0;
    if (!length(type, size)) return false;
    out = bytes_.subspan(position_, size);
    position_ += size;
    return true;
  }
  bool number(std::uint32_t type, std::uint64_t& value) { return type == kVarint && varint(value); }

  // Runs `field(number, type)` for each field of the message of `size` bytes that starts here.
  template <class Field>
  bool message(std::uint32_t type, Field field) {
    std::uint32_t size = 0;
    if (!length(type, size)) return false;
    const std::uint32_t outer = end_;
    end_ = position_ + size;
    ++level_;
    std::uint32_t number = 0, inner = 0;
    while (!at_end())
      if (!key(number, inner) || !field(number, inner)) return false;
    --level_;
    end_ = outer;
    return true;
  }

  /// Passes over as many `12 00` as follow, a fill with nothing in it, and says how many.
  std::uint64_t skip_empty_fills() {
    static constexpr std::uint8_t kEmpty[] = {0x12, 0x00, 0x12, 0x00, 0x12, 0x00, 0x12, 0x00};
    const std::uint8_t* const from = bytes_.data() + position_;
    const std::uint8_t* const end = bytes_.data() + end_;
    const std::uint8_t* at = from;
    const auto four = load_le<std::uint64_t>(kEmpty);
    while (end - at >= 8 && load_le<std::uint64_t>(at) == four) at += 8;
    while (end - at >= 2 && at[0] == kEmpty[0] && at[1] == kEmpty[1]) at += 2;
    position_ += static_cast<std::uint32_t>(at - from);
    return static_cast<std::uint64_t>(at - from) / 2;
  }

  bool skip(std::uint32_t field, std::uint32_t type) {
    std::uint32_t open[kNestingMax];
    std::uint32_t depth = 0;
    for (;;) {
      if (!skip_one(field, type, open, depth)) return false;
      if (depth == 0) return true;
      if (at_end() || !key(field, type)) return false;
    }
  }

 private:
  bool skip_one(std::uint32_t field, std::uint32_t type, std::uint32_t (&open)[kNestingMax], std::uint32_t& depth) {
    std::uint64_t ignored = 0;
    Bytes unused;
    switch (type) {
      case kVarint: return varint(ignored);
      case kFixed64: return fixed(8);
      case kFixed32: return fixed(4);
      case kLength: return span(kLength, unused);
      case kStartGroup:
        if (level_ + depth == kNestingMax) return false;
        open[depth++] = field;
        return true;
      default: return depth > 0 && open[--depth] == field;
    }
  }
  bool fixed(std::uint32_t size) {
    if (end_ - position_ < size) return false;
    position_ += size;
    return true;
  }

  Bytes bytes_;
  std::uint32_t position_ = 0;
  std::uint32_t end_;
  std::uint32_t level_ = 0;  // messages around the position
};

// What a parse counts, to judge once all of the bytes are known to be well formed.
struct Counts {
  std::uint64_t fills = 0;
  std::uint64_t source_addresses = 0;
  std::uint64_t destinations = 0;
  std::uint64_t reports = 0;
  bool fill_is_over = false;
  EnvelopeError fill_over;
  std::uint64_t address_over = 0;
  bool out_of_memory = false;
};

bool read_fill(Scanner& scan, std::uint32_t type, FillView& fill) {
  return scan.message(type, [&](std::uint32_t field, std::uint32_t inner) {
    std::uint64_t number = 0;
    switch (field) {
      case 1: return scan.span(inner, fill.suffix);
      case 2: return scan.span(inner, fill.payload);
      case 3:
        if (!scan.number(inner, number)) return false;
        fill.trigger_only = number != 0;
        return true;
      case 4: return scan.number(inner, fill.type_hash);
      default: return scan.skip(field, inner);
    }
  });
}

bool read_report(Scanner& scan, std::uint32_t type, RttReport& report) {
  return scan.message(type, [&](std::uint32_t field, std::uint32_t inner) {
    std::uint64_t number = 0;
    switch (field) {
      case 1: return scan.number(inner, report.next_hop_site_id);
      case 2: return scan.number(inner, report.chain_id);
      case 3:
        if (!scan.number(inner, number)) return false;
        report.hop_index = static_cast<std::uint32_t>(number);
        return true;
      case 4: return scan.number(inner, report.srtt_ns);
      case 5: return scan.number(inner, report.rttvar_ns);
      case 6: return scan.number(inner, report.sample_count);
      default: return scan.skip(field, inner);
    }
  });
}

bool read_correlation(Scanner& scan, std::uint32_t type, EnvelopeView& view) {
  view.has_correlation = true;
  return scan.message(type, [&](std::uint32_t field, std::uint32_t inner) {
    std::uint64_t number = 0;
    switch (field) {
      case 1:
        if (!scan.number(inner, number)) return false;
        view.correlation_kind = static_cast<std::int32_t>(number);
        return true;
      case 2: return scan.number(inner, view.request_id);
      default: return scan.skip(field, inner);
    }
  });
}

void check_fill(const FillView& fill, const EnvelopeCaps& caps, Counts& counts) {
  if (counts.fill_is_over) return;
  if (fill.payload.size() > caps.fill_bytes_max) {
    counts.fill_is_over = true;
    counts.fill_over = {EnvelopeError::Kind::oversize_payload, caps.fill_bytes_max, fill.payload.size(), 0};
  } else if (fill.suffix.size() > caps.suffix_bytes_max) {
    counts.fill_is_over = true;
    counts.fill_over = {EnvelopeError::Kind::oversize_suffix, caps.suffix_bytes_max, fill.suffix.size(), 0};
  }
}

bool read_field(Scanner& scan, std::uint32_t field, std::uint32_t type, const EnvelopeCaps& caps, EnvelopeView& view,
                Counts& counts) {
  std::uint64_t number = 0;
  Bytes span;
  switch (field) {
    case 1:
      if (!scan.span(type, span)) return false;
      if (counts.destinations++ < caps.destinations_max) counts.out_of_memory |= !view.destinations.try_push(span);
      return true;
    case 2: {
      FillView fill;
      if (!read_fill(scan, type, fill)) return false;
      check_fill(fill, caps, counts);
      if (counts.fills++ < caps.fills_max) {
        counts.out_of_memory |= !view.fills.try_push(fill);
      } else {
        // The envelope is refused, but for how many; the cheapest way to say "too many" must not be dear to read.
        counts.fills += scan.skip_empty_fills();
      }
      return true;
    }
    case 3: return read_correlation(scan, type, view);
    case 4: return scan.number(type, view.remaining_deadline_ns);
    case 5: {
      RttReport report;
      if (!read_report(scan, type, report)) return false;
      if (counts.reports++ < caps.reports_max) counts.out_of_memory |= !view.reports.try_push(report);
      return true;
    }
    case 6: return scan.span(type, view.source_peer);
    case 7:
      if (!scan.number(type, number)) return false;
      view.schema_version = static_cast<std::uint32_t>(number);
      return true;
    case 8:
      if (!scan.span(type, span)) return false;
      if (span.size() > caps.source_address_bytes_max && counts.address_over == 0) counts.address_over = span.size();
      if (counts.source_addresses++ < caps.source_addresses_max) counts.out_of_memory |= !view.source_addresses.try_push(span);
      return true;
    case 9: return scan.number(type, view.incarnation);
    case 10: return scan.number(type, view.sequence);
    default: return scan.skip(field, type);
  }
}

std::unexpected<EnvelopeError> refuse(EnvelopeError::Kind kind, std::uint64_t cap, std::uint64_t got) {
  return std::unexpected(EnvelopeError{kind, cap, got, 0});
}

}  // namespace

void EnvelopeView::reset() {
  destinations.clear();
  fills.clear();
  reports.clear();
  source_addresses.clear();
  has_correlation = false;
  correlation_kind = 0;
  request_id = remaining_deadline_ns = incarnation = sequence = 0;
  source_peer = {};
  schema_version = 0;
}

std::expected<void, EnvelopeError> EnvelopeView::parse(Bytes bytes, const EnvelopeCaps& caps) {
  using Kind = EnvelopeError::Kind;
  reset();
  if (bytes.size() > caps.total_bytes_max || bytes.size() > INT32_MAX)
    return refuse(Kind::oversize_envelope, caps.total_bytes_max, bytes.size());
  Counts counts;
  Scanner scan(bytes);
  std::uint32_t field = 0, type = 0;
  while (!scan.at_end()) {
    const std::uint32_t at = scan.position();
    if (!scan.key(field, type) || !read_field(scan, field, type, caps, *this, counts))
      return std::unexpected(EnvelopeError{Kind::malformed, 0, 0, at});
  }
  if (schema_version > kSchemaVersion) return refuse(Kind::version_mismatch, kSchemaVersion, schema_version);
  if (counts.fills > caps.fills_max) return refuse(Kind::too_many_fills, caps.fills_max, counts.fills);
  if (counts.fill_is_over) return std::unexpected(counts.fill_over);
  if (counts.source_addresses > caps.source_addresses_max)
    return refuse(Kind::too_many_source_addresses, caps.source_addresses_max, counts.source_addresses);
  if (counts.address_over > 0) return refuse(Kind::oversize_source_address, caps.source_address_bytes_max, counts.address_over);
  if (counts.destinations > caps.destinations_max)
    return refuse(Kind::too_many_destinations, caps.destinations_max, counts.destinations);
  if (counts.reports > caps.reports_max) return refuse(Kind::too_many_reports, caps.reports_max, counts.reports);
  if (counts.out_of_memory) return refuse(Kind::no_memory, 0, bytes.size());
  return {};
}

}  // namespace bb::wire
