// SPDX-License-Identifier: Apache-2.0
// A raw DEFLATE stream (RFC 1951) into a buffer whose size is known: the Frame's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace framedeflate {

enum class Defect : std::uint8_t {
  none = 0,
  bad_data = 1,  // a bit pattern that no encoder writes: reserved block type, broken code, distance too far
  short_output = 2,    // the final block ended before `out` was full
  excess_output = 3,   // the stream holds more than `out`
  not_terminated = 4,  // the input ended before the final block did
};

struct Inflated {
  Defect defect;
  std::size_t consumed;  // bytes of input up to and with the last bit used
  std::size_t produced;  // bytes of output written
};

// Never reads outside `data`, never writes outside `out`, and takes time linear in both.
[[nodiscard]] Inflated inflate_exact(std::span<const std::uint8_t> data,
                                     std::span<std::uint8_t> out) noexcept;

}  // namespace framedeflate
