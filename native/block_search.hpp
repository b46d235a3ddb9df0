// SPDX-License-Identifier: Apache-2.0
// From the graph of a segment to its blocks: parses again and again with the costs of the parse before, first
// with near matches alone, then with far ones where these may pay; then cuts the block where two codes would
// serve better and parses both sides anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "encoder_parts.hpp"

namespace framedeflate {

// How hard a level tries.
struct SearchPlan {
  unsigned near_rounds = 1;  // parses with run and row matches alone
  struct {
    unsigned rounds = 0;    // parses with all matches
    std::size_t depth = 0;  // of FarMatches
    std::size_t from = 1;   // tried where more than this part of the bytes is left
    std::size_t below = 0;  // not looked for where a near match is this long
  } far;
  MatchEnds ends = MatchEnds::longest;
  std::size_t literal_below = 16;  // deep in longer matches no literal is tried
  unsigned code_rounds = 0;        // of plan_block_with_care
  struct {
    unsigned depth = 0;      // how often a block may be cut in two, and its halves again
    std::size_t places = 0;  // where a cut is tried
    std::size_t hope = 0;    // bits that parsing anew may gain
  } cuts;
};

// A block as it will be written.
struct Block {
  std::size_t start, stop;
  std::vector<Step> steps;
  Histogram histogram;
  BlockPlan plan;
};

// Appends the blocks of the frame's bytes from `start` (a multiple of 2^18) to `stop`. `seed` has the symbols
// of another parse of them.
void search_segment(const FrameMaps& maps, std::size_t start, std::size_t stop, const SearchPlan& plan,
                    const Histogram& seed, EncoderScratch::Buffers& buffers, std::vector<Block>& blocks);

}  // namespace framedeflate
