// SPDX-License-Identifier: Apache-2.0
// RFC 1951 read aloud: a bit at a time, a symbol at a time, no table. The judge where no zlib is at hand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

struct PlainInflated {
  enum class End : std::uint8_t { whole, bad, missing, full } end;  // full: more than `most` bytes
  std::size_t consumed;  // bytes of input up to and with the last bit used
  std::vector<std::uint8_t> bytes;
};

[[nodiscard]] PlainInflated plain_inflate(std::span<const std::uint8_t> data, std::size_t most);
