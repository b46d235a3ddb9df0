// SPDX-License-Identifier: Apache-2.0
// What the parts of the encoder share: the buffers behind EncoderScratch, and the two ways to make blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "block.hpp"
#include "encoder.hpp"
#include "shortest_path.hpp"

namespace framedeflate {

struct EncoderScratch::Buffers {
  std::vector<std::uint64_t> run_map, row_map;
  std::size_t run = 1;  // the distance of run_map
  std::size_t row = 0;  // the distance of row_map; 0: none
  std::vector<std::uint16_t> items;
  BlockPlan plan;
  Histogram histogram;
  CostModel costs;
  FarMatches far;
  ParseGraph near, all;
  ShortestPath path;
  Parse parse, best_parse;
  BlockPlan best_plan;

  std::vector<std::uint8_t> uniform_stream;
  std::size_t uniform_nbytes = 0;
  std::uint8_t uniform_value = 0;
  int uniform_level = 0;
};

// The distances in bytes that may stand for "one row up"; 0: none that DEFLATE can express.
//
// Rows that are no whole number of bytes repeat only after two, four or eight of them. The fewest rows that
// make whole bytes explain straight edges best: they beat the nearest distance by 10 to 30 % of the stream
// for rows half or a quarter of a byte off. Where they are eight, the one or three rows that come within a
// bit of whole bytes may do better, as shapes are seldom the same eight rows up, and the data decide.
struct RowDistances {
  std::size_t first, second;
};
[[nodiscard]] RowDistances row_distances(std::size_t nbytes, std::size_t row_nbits) noexcept;

// Fills run_map and row_map for the frame and sets their distances; true if it is known to be of one value.
bool map_frame(std::span<const std::uint8_t> frame, std::size_t row_nbits, EncoderScratch::Buffers& buffers);

// Both write every block of the frame; the maps are filled.
void deflate_fast(std::span<const std::uint8_t> frame, EncoderScratch::Buffers& buffers, BitWriter& writer);
// How often the parse of level 1 uses each symbol from `start` to the end of `frame`: where the others begin.
void fast_histogram(std::span<const std::uint8_t> frame, std::size_t start, EncoderScratch::Buffers& buffers,
                    Histogram& histogram);
void deflate_optimal(std::span<const std::uint8_t> frame, int level, EncoderScratch::Buffers& buffers,
                     BitWriter& writer);

}  // namespace framedeflate
