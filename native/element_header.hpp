// SPDX-License-Identifier: Apache-2.0
// The header of one Data Element, in each encoding of PS3.5 7.1.
#pragma once

#include <cstdint>
#include <span>

namespace framedeflate {

constexpr std::uint32_t kUndefinedLength = 0xFFFFFFFF;
constexpr std::uint32_t kPixelData = 0x7FE00010;
constexpr std::uint32_t kItem = 0xFFFEE000;
constexpr std::uint32_t kItemDelimitation = 0xFFFEE00D;
constexpr std::uint32_t kSequenceDelimitation = 0xFFFEE0DD;

struct ElementEncoding {
  bool implicit_vr;
  bool big_endian;
};

struct ElementHeader {
  std::uint32_t tag;
  std::uint8_t vr[2];  // zero where the header has none
  std::uint32_t value_nbytes;
  std::uint32_t nbytes;  // of the header itself: 8 or 12
};

constexpr unsigned vr_code(char first, char second) {
  return static_cast<unsigned>(first) << 8 | static_cast<unsigned>(second);
}
inline unsigned vr_code(const ElementHeader& header) {
  return static_cast<unsigned>(header.vr[0] << 8 | header.vr[1]);
}

// Reads the header that begins with `bytes`. Returns 0, or how many bytes must be there where they are fewer.
[[nodiscard]] std::uint32_t read_element_header(std::span<const std::uint8_t> bytes, ElementEncoding encoding,
                                                ElementHeader& header);

}  // namespace framedeflate
