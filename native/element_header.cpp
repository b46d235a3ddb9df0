// SPDX-License-Identifier: Apache-2.0
#include "element_header.hpp"

namespace framedeflate {
namespace {

std::uint32_t load16(const std::uint8_t* p, bool big_endian) {
  return big_endian ? static_cast<std::uint32_t>(p[0] << 8 | p[1])
                    : static_cast<std::uint32_t>(p[1] << 8 | p[0]);
}
std::uint32_t load32(const std::uint8_t* p, bool big_endian) {
  return big_endian ? load16(p, true) << 16 | load16(p + 2, true)
                    : load16(p + 2, false) << 16 | load16(p, false);
}

// PS3.5 Table 7.1-2: the VRs with a 16-bit length. All others, and any defined later (6.2), have 32 bits.
bool has_short_length(unsigned vr) {
  switch (vr) {
    case vr_code('A', 'E'):
    case vr_code('A', 'S'):
    case vr_code('A', 'T'):
    case vr_code('C', 'S'):
    case vr_code('D', 'A'):
    case vr_code('D', 'S'):
    case vr_code('D', 'T'):
    case vr_code('F', 'D'):
    case vr_code('F', 'L'):
    case vr_code('I', 'S'):
    case vr_code('L', 'O'):
    case vr_code('L', 'T'):
    case vr_code('P', 'N'):
    case vr_code('S', 'H'):
    case vr_code('S', 'L'):
    case vr_code('S', 'S'):
    case vr_code('S', 'T'):
    case vr_code('T', 'M'):
    case vr_code('U', 'I'):
    case vr_code('U', 'L'):
    case vr_code('U', 'S'):
      return true;
    default:
      return false;
  }
}

bool is_upper(std::uint8_t c) { return c >= 'A' && c <= 'Z'; }

}  // namespace

std::uint32_t read_element_header(std::span<const std::uint8_t> bytes, ElementEncoding encoding,
                                  ElementHeader& header) {
  if (bytes.size() < 8) return 8;
  const std::uint8_t* const p = bytes.data();
  const std::uint32_t tag = load16(p, encoding.big_endian) << 16 | load16(p + 2, encoding.big_endian);
  header = {tag, {0, 0}, load32(p + 4, encoding.big_endian), 8};
  // Where a VR ought to be and is none, some writers fell back to Implicit VR: the length follows the tag.
  if (encoding.implicit_vr || tag >> 16 == 0xFFFE || !is_upper(p[4]) || !is_upper(p[5])) return 0;
  header.vr[0] = p[4];
  header.vr[1] = p[5];
  if (has_short_length(vr_code(header))) {
    header.value_nbytes = load16(p + 6, encoding.big_endian);
    return 0;
  }
  if (bytes.size() < 12) return 12;
  header.value_nbytes = load32(p + 8, encoding.big_endian);
  header.nbytes = 12;
  return 0;
}

}  // namespace framedeflate
