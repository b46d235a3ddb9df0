// SPDX-License-Identifier: Apache-2.0
#include "element_scan.hpp"

#include <algorithm>
#include <utility>

#include "element_header.hpp"

namespace framedeflate {

ItemScan scan_items(std::span<const std::uint8_t> window, std::uint64_t start) {
  ItemScan scan{{}, {}, start, ItemScan::Status::more};
  while (scan.resume <= window.size() && window.size() - scan.resume >= 8) {
    ElementHeader header;
    (void)read_element_header(window.subspan(static_cast<std::size_t>(scan.resume)), {true, false}, header);
    if (header.tag == kSequenceDelimitation) {
      scan.resume += 8;
      scan.status = ItemScan::Status::delimited;
      return scan;
    }
    if (header.tag != kItem || header.value_nbytes == kUndefinedLength) {
      scan.status = ItemScan::Status::other_tag;
      return scan;
    }
    scan.value_positions.push_back(scan.resume + 8);
    scan.value_nbytes.push_back(header.value_nbytes);
    scan.resume += 8 + std::uint64_t{header.value_nbytes};
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
    ElementHeader header;
    if (!read_header(window, position, header)) return;
    if (header.tag >> 16 == 0xFFFE || level.kind != Level::Kind::data_set) {
      take_item(header);
    } else {
      take_element(header);
    }
  }
}

// False where the window does not hold the whole header, or there is none before the end of the level.
bool ElementScan::read_header(std::span<const std::uint8_t> window, std::uint64_t position,
                              ElementHeader& header) {
  const Level& level = levels_.back();
  const std::uint64_t left = level.end - next_;
  const std::uint64_t offset = next_ - position;
  const std::uint64_t there =
      offset < window.size() ? std::min<std::uint64_t>(window.size() - offset, left) : 0;
  const std::span<const std::uint8_t> bytes =
      there == 0 ? window.first(0)
                 : window.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(there));
  const std::uint32_t needed = read_element_header(bytes, {level.implicit_vr, level.big_endian}, header);
  if (needed > left) fail_at_end(next_);
  return needed == 0;
}

// Items and delimitation Items (PS3.5 7.5): their place is between Data Elements, which are not among them.
void ElementScan::take_item(const ElementHeader& header) {
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
  if (depth_ == 1) ++items_;
  if (undefined || (descend_ && level.kind == Level::Kind::sequence)) {
    push(Level::Kind::data_set, header, level.implicit_vr, level.big_endian);
  } else {
    next_ = value + header.value_nbytes;
  }
}

void ElementScan::take_element(const ElementHeader& header) {
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
  if (descend_ && vr_code(header) == vr_code('S', 'Q')) {
    push(Level::Kind::sequence, header, level.implicit_vr, level.big_endian);
  } else {
    next_ = value + header.value_nbytes;
  }
}

// A value of undefined length: Pixel Data in Fragments, or a sequence.
void ElementScan::open(const ElementHeader& header) {
  const Level& level = levels_.back();
  if (header.tag == kPixelData && depth_ == 0) {
    record(header, true);
    next_ += header.nbytes;
    status_ = Status::pixel_data;
    return;
  }
  if (depth_ == 0) record(header, false);
  switch (vr_code(header)) {
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
void ElementScan::push(Level::Kind kind, const ElementHeader& header, bool implicit_vr, bool big_endian) {
  if (kind == Level::Kind::sequence && ++depth_ > kMaxDepth) {
    fail(Status::too_deep, next_);
    return;
  }
  if (depth_ == 1 && kind == Level::Kind::sequence) items_ = 0;
  const bool undefined = header.value_nbytes == kUndefinedLength;
  next_ += header.nbytes;
  const std::uint64_t end = undefined ? levels_.back().end : next_ + header.value_nbytes;
  levels_.push_back({kind, undefined, implicit_vr, big_endian, end});
}

void ElementScan::record(const ElementHeader& header, bool always) {
  // Only a top-level element uses up its tag: an icon's Pixel Data must not hide the image's.
  const bool wanted = depth_ == 0 && wanted_.erase(header.tag) != 0;
  if (!wanted && !always) return;
  const std::int64_t nbytes =
      header.value_nbytes == kUndefinedLength ? -1 : std::int64_t{header.value_nbytes};
  records_.push_back(
      {header.tag, {header.vr[0], header.vr[1]}, next_, next_ + header.nbytes, nbytes, depth_});
}

}  // namespace framedeflate
