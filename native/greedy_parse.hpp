// SPDX-License-Identifier: Apache-2.0
// Level 1's way through a frame: one greedy pass over the bitmaps that leaves a plain array of items,
// literals and matches alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "block.hpp"

namespace framedeflate {

// An item is a literal (below 256) or a match: 256 times the place of its distance among the maps, from 1 on,
// plus length - 3.
using Item = std::uint16_t;
inline constexpr std::size_t kMatchItems = 256, kItemKinds = 768;

constexpr Item match_item(std::size_t map, std::size_t length) {
  return static_cast<Item>(kMatchItems * (map + 1) + length - kMinMatch);
}

// The maps of a frame, at the distance of runs and at that of rows.
struct ParseMaps {
  const std::uint64_t* run;
  const std::uint64_t* row;
};

// Which matches are taken. Where literals are cheap, as in noise and among dots, short matches cost more than
// they save.
enum class Matches : std::uint8_t { all, long_ones };

// What parse_block needs to write into for a frame of nbytes.
[[nodiscard]] std::size_t item_room(std::size_t nbytes) noexcept;

struct ItemBlock {
  std::size_t stop;    // the bytes before it are done
  std::size_t nitems;  // that stand for the bytes from start to stop
};

// Parses some of the frame from `start` on, with all matches, where that may tell which to take: not where
// the frame is small or mostly background. A block may go on behind it.
[[nodiscard]] ItemBlock parse_probe(std::span<const std::uint8_t> frame, std::size_t start,
                                    const ParseMaps& maps, std::span<Item> items) noexcept;

// Fills `items`, of which there are nitems, from `start` on, until the frame ends or there are enough of them
// for a block.
[[nodiscard]] ItemBlock parse_block(std::span<const std::uint8_t> frame, std::size_t start,
                                    const ParseMaps& maps, Matches matches, std::size_t nitems,
                                    std::span<Item> items) noexcept;

}  // namespace framedeflate
