// SPDX-License-Identifier: Apache-2.0
// Some values of every Item of a sequence: of Per-Frame Functional Groups what tells where each Frame lies
// (PS3.3 C.7.6.16). All else is walked over, whatever it is nested in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "element_header.hpp"

namespace framedeflate {

// Which value: `tag` in the first Item of `sequence`, or in the Item itself where that is 0.
struct ItemPath {
  std::uint32_t sequence;
  std::uint32_t tag;
  std::uint32_t word_nbytes;  // words of this size are given in Little Endian; 1 for text
};

struct ItemValues {
  enum class Status : std::uint8_t {
    more,  // the Item at resume does not end in the window
    done,
    bad_structure,
    too_deep,
    truncated,
    long_value,  // a wanted value of more than kMaxValueNbytes
    many_items
  };

  std::vector<std::uint8_t> values;  // one behind the other: those of an Item in the order of the paths
  std::vector<std::int16_t> nbytes;  // Items by paths; -1: there is no such value
  std::uint64_t resume = 0;          // first byte behind what was read, from the start of the window
  Status status = Status::more;
  std::int64_t defect_position = -1;  // from the start of the window
};

// What the window holds of a sequence.
struct ItemWindow {
  std::span<const std::uint8_t> bytes;
  bool delimited;  // the sequence has an undefined length: a delimitation Item ends it
  bool last;       // nothing of the sequence lies behind the window
  ElementEncoding encoding;
};

// Deeper nesting than this is refused, as in ElementScan: the sequence itself is the first.
constexpr std::uint32_t kMaxItemDepth = 64;
// Numbers, positions and labels are shorter.
constexpr std::uint32_t kMaxValueNbytes = 1024;

// Reads Items from the start of the window on, at most `max_items`. Memory grows with the Items that are
// there.
[[nodiscard]] ItemValues read_item_values(const ItemWindow& window, std::span<const ItemPath> paths,
                                          std::size_t max_items);

}  // namespace framedeflate
