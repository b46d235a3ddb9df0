// SPDX-License-Identifier: Apache-2.0
// The symbols of one fixed or dynamic block (RFC 1951 3.2.3).
#pragma once

#include <cstddef>
#include <cstdint>

#include "bit_source.hpp"
#include "decode_table.hpp"

namespace framedeflate {

// The bytes of a Frame, of which those before `next` are written.
struct Output {
  std::uint8_t* begin;
  std::uint8_t* next;
  std::uint8_t* end;
  std::uint8_t* sure;  // what was written when the input had last been seen not to be overrun

  [[nodiscard]] std::size_t nbytes() const noexcept { return static_cast<std::size_t>(next - begin); }
  [[nodiscard]] std::size_t room() const noexcept { return static_cast<std::size_t>(end - next); }
};

// How the matches of a block are copied, as far as its codes tell what they are like. It makes a difference
// to the speed alone.
struct CopyHabit {
  bool wide = false;   // many are longer than 32 bytes
  bool mixed = false;  // runs of a byte are so frequent that it cannot be predicted whether a match is one
};

// How a block ended. Only to be believed where the input is not overrun.
enum class Block : std::uint8_t { ended, bad, too_long };

// Writes up to the end of the block, its first defect, or the end of the output.
[[nodiscard]] Block inflate_coded_block(const LiteralTable& literals, const DistanceTable& distances,
                                        CopyHabit habit, BitSource& input, Output& output) noexcept;

}  // namespace framedeflate
