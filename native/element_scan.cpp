// SPDX-License-Identifier: Apache-2.0
#include "element_scan.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace framedeflate {
namespace {

constexpr std::uint32_t kUndefinedLength = 0xFFFFFFFF;
constexpr std::uint32_t kPixelData = 0x7FE00010;
constexpr std::uint32_t kItem = 0xFFFEE000;
constexpr std::uint32_t kItemDelimitation = 0xFFFEE00D;
constexpr std::uint32_t kSequenceDelimitation = 0xFFFEE0DD;

std::uint32_t load16(const std::uint8_t* p, bool big_endian) {
  return big_endian ? static_cast<std::uint32_t>(p[0] << 8 | p[1])
                    : static_cast<std::uint32_t>(p[1] << 8 | p[0]);
}
std::uint32_t load32(const std::uint8_t* p, bool big_endian) {
  return big_endian ? load16(p, true) << 16 | load16(p + 2, true)
                    : load16(p + 2, false) << 16 | load16(p, false);
}
std::uint32_t load_tag(const std::uint8_t* p, bool big_endian) {
  return load16(p, big_endian) << 16 | load16(p + 2, big_endian);
}

constexpr unsigned vr_code(char first, char second) {
  return static_cast<unsigned>(first) << 8 | static_cast<unsigned>(second);
}
unsigned vr_code(const std::uint8_t* vr) { return static_cast<unsigned>(vr[0] << 8 | vr[1]); }

// PS3.5 Table 7.1-2: the VRs with a 16-bit length. All others, and any defined later (6.2), have 32 bits.
bool has_short_length(unsigned vr) {
  constexpr std::array kShort = {vr_code('A', 'E'), vr_code('A', 'S'), vr_code('A', 'T'), vr_code('C', 'S'),
                                 vr_code('D', 'A'), vr_code('D', 'S'), vr_code('D', 'T'), vr_code('F', 'D'),
                                 vr_code('F', 'L'), vr_code('I', 'S'), vr_code('L', 'O'), vr_code('L', 'T'),
                                 vr_code('P', 'N'), vr_code('S', 'H'), vr_code('S', 'L'), vr_code('S', 'S'),
                                 vr_code('S', 'T'), vr_code('T', 'M'), vr_code('U', 'I'), vr_code('U', 'L'),
                                 vr_code('U', 'S')};
  return std::find(kShort.begin(), kShort.end(), vr) != kShort.end();
}

bool is_upper(std::uint8_t c) { return c >= 'A' && c <= 'Z'; }

}  // namespace

ItemScan scan_items(std::span<const std::uint8_t> window, std::uint64_t start) {
  ItemScan scan{{}, {}, start, ItemScan::Status::more};
  while (scan.resume <= window.size() && window.size() - scan.resume >= 8) {
    const std::uint8_t* const header = window.data() + scan.resume;
    const std::uint32_t tag = load_tag(header, false);
    const std::uint32_t nbytes = load32(header + 4, false);
    if (tag == kSequenceDelimitation) {
      scan.resume += 8;
      scan.status = ItemScan::Status::delimited;
      return scan;
    }
    if (tag != kItem || nbytes == kUndefinedLength) {
      scan.status = ItemScan::Status::other_tag;
      return scan;
    }
    scan.value_positions.push_back(scan.resume + 8);
    scan.value_nbytes.push_back(nbytes);
    scan.resume += 8 + std::uint64_t{nbytes};
  }
  return scan;
}

ElementScan::ElementScan(Options options)
    : stop_(options.stop),
      wanted_(std::move(options.wanted)),
      descend_(options.descend),
      next_(options.start) {
  levels_.reserve(2 * kMaxDepth + 1);
  levels_.push_back({Level::Kind::data_set, false, options.implicit_vr, options.big_endian, options.stop});
  if (next_ == stop_) status_ = Status::done;
}

void ElementScan::fail(Status status, std::uint64_t position) noexcept {
  status_ = status;
  defect_position_ = static_cast<std::int64_t>(position);
}

// Something reaches beyond the innermost end: that of the whole Data Set, or of a sequence or Item of defined
// length.
void ElementScan::fail_at_end(std::uint64_t position) noexcept {
  fail(levels_.back().end == stop_ ? Status::truncated : Status::bad_structure, position);
}

void ElementScan::feed(std::span<const std::uint8_t> window, std::uint64_t position) {
  while (status_ == Status::more) {
    const Level& level = levels_.back();
    if (next_ == level.end && !level.delimited) {
      if (levels_.size() == 1) {
        status_ = Status::done;
        return;
      }
      if (level.kind == Level::Kind::sequence) --depth_;
      levels_.pop_back();
      continue;
    }
    Header header;
    if (!read_header(window, position, header)) return;
    if (header.tag >> 16 == 0xFFFE || level.kind != Level::Kind::data_set) {
      take_item(header);
    } else {
      take_element(header);
    }
  }
}

// False where the window does not hold the whole header, or there is none before the end of the level.
bool ElementScan::read_header(std::span<const std::uint8_t> window, std::uint64_t position, Header& header) {
  const Level& level = levels_.back();
  const std::uint64_t left = level.end - next_;
  const std::uint64_t there = next_ - position < window.size() ? window.size() - (next_ - position) : 0;
  if (left < 8) {
    fail_at_end(next_);
    return false;
  }
  if (there < 8) return false;
  const std::uint8_t* const p = window.data() + (next_ - position);
  header = {load_tag(p, level.big_endian), {0, 0}, load32(p + 4, level.big_endian), 8};
  // Where a VR ought to be and is none, some writers fell back to Implicit VR: the length follows the tag.
  if (level.implicit_vr || header.tag >> 16 == 0xFFFE || !is_upper(p[4]) || !is_upper(p[5])) return true;
  header.vr[0] = p[4];
  header.vr[1] = p[5];
  if (has_short_length(vr_code(header.vr))) {
    header.value_nbytes = load16(p + 6, level.big_endian);
    return true;
  }
  if (left < 12) {
    fail_at_end(next_);
    return false;
  }
  if (there < 12) return false;
  header.value_nbytes = load32(p + 8, level.big_endian);
  header.nbytes = 12;
  return true;
}

// Items and delimitation Items (PS3.5 7.5): their place is between Data Elements, which are not among them.
void ElementScan::take_item(const Header& header) {
  const Level& level = levels_.back();
  const bool in_data_set = level.kind == Level::Kind::data_set;
  if (header.tag == (in_data_set ? kItemDelimitation : kSequenceDelimitation) && level.delimited) {
    if (level.kind == Level::Kind::sequence) --depth_;
    levels_.pop_back();
    next_ += header.nbytes;
    return;
  }
  const bool undefined = header.value_nbytes == kUndefinedLength;
  if (header.tag != kItem || in_data_set || (undefined && level.kind == Level::Kind::fragments)) {
    fail(Status::bad_structure, next_);
    return;
  }
  const std::uint64_t value = next_ + header.nbytes;
  if (!undefined && header.value_nbytes > level.end - value) {
    fail_at_end(next_);
    return;
  }
  if (undefined || (descend_ && level.kind == Level::Kind::sequence)) {
    push(Level::Kind::data_set, header, level.implicit_vr, level.big_endian);
  } else {
    next_ = value + header.value_nbytes;
  }
}

void ElementScan::take_element(const Header& header) {
  const Level& level = levels_.back();
  const std::uint64_t value = next_ + header.nbytes;
  if (header.value_nbytes == kUndefinedLength) {
    open(header);
    return;
  }
  if (depth_ == 0) record(header, false);
  if (header.value_nbytes > level.end - value) {
    fail_at_end(next_);
    return;
  }
  if (descend_ && vr_code(header.vr) == vr_code('S', 'Q')) {
    push(Level::Kind::sequence, header, level.implicit_vr, level.big_endian);
  } else {
    next_ = value + header.value_nbytes;
  }
}

// A value of undefined length: Pixel Data in Fragments, or a sequence.
void ElementScan::open(const Header& header) {
  const Level& level = levels_.back();
  if (header.tag == kPixelData && depth_ == 0) {
    record(header, true);
    next_ += header.nbytes;
    status_ = Status::pixel_data;
    return;
  }
  if (depth_ == 0) record(header, false);
  switch (vr_code(header.vr)) {
    case 0:  // Implicit VR
      if (header.tag == kPixelData) break;
      [[fallthrough]];
    case vr_code('S', 'Q'):
      push(Level::Kind::sequence, header, level.implicit_vr, level.big_endian);
      return;
    case vr_code('U', 'N'):
      // PS3.5 6.2.2: its Items are in Implicit VR Little Endian, whatever the Transfer Syntax.
      if (header.tag == kPixelData) break;
      push(Level::Kind::sequence, header, true, false);
      return;
    case vr_code('O', 'B'):
    case vr_code('O', 'W'):
      break;
    default:
      fail(Status::bad_structure, next_);
      return;
  }
  if (depth_ != 0 && header.tag == kPixelData && descend_ && nested_pixel_data_ < kMaxNestedPixelData) {
    ++nested_pixel_data_;
    record(header, true);
  }
  push(Level::Kind::fragments, header, level.implicit_vr, level.big_endian);
}

// Goes into the value of `header`, whose end was checked where it is defined.
void ElementScan::push(Level::Kind kind, const Header& header, bool implicit_vr, bool big_endian) {
  if (kind == Level::Kind::sequence && ++depth_ > kMaxDepth) {
    fail(Status::too_deep, next_);
    return;
  }
  const bool undefined = header.value_nbytes == kUndefinedLength;
  next_ += header.nbytes;
  const std::uint64_t end = undefined ? levels_.back().end : next_ + header.value_nbytes;
  levels_.push_back({kind, undefined, implicit_vr, big_endian, end});
}

void ElementScan::record(const Header& header, bool always) {
  // Only a top-level element uses up its tag: an icon's Pixel Data must not hide the image's.
  const bool wanted = depth_ == 0 && wanted_.erase(header.tag) != 0;
  if (!wanted && !always) return;
  const std::int64_t nbytes =
      header.value_nbytes == kUndefinedLength ? -1 : std::int64_t{header.value_nbytes};
  records_.push_back(
      {header.tag, {header.vr[0], header.vr[1]}, next_, next_ + header.nbytes, nbytes, depth_});
}

}  // namespace framedeflate
