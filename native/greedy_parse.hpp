// SPDX-License-Identifier: Apache-2.0
// Level 1's way through a frame: one greedy pass over the two bitmaps that leaves a plain array of items,
// literals and matches alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "block.hpp"

namespace framedeflate {

// An item is a literal (below 256) or a match: 256 for distance 1 or 512 for the row, plus length - 3.
using Item = std::uint16_t;
inline constexpr std::size_t kMatchItems = 256, kItemKinds = 768;

constexpr Item match_item(std::size_t row, std::size_t length) {
  return static_cast<Item>(kMatchItems + 256 * row + length - kMinMatch);
}

// What parse_block needs to write into for a frame of nbytes.
[[nodiscard]] std::size_t item_room(std::size_t nbytes) noexcept;

struct ItemBlock {
  std::size_t stop;    // the bytes before it are done
  std::size_t nitems;  // that stand for the bytes from start to stop
};

// Fills `items` from `start` on, until the frame ends or there are enough of them for a block.
[[nodiscard]] ItemBlock parse_block(std::span<const std::uint8_t> frame, std::size_t start,
                                    const std::uint64_t* run_map, const std::uint64_t* row_map,
                                    std::span<Item> items) noexcept;

}  // namespace framedeflate
