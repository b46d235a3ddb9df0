// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "checksum.hpp"
#include "tests.hpp"

namespace {

// RFC 1950, 9, and RFC 1952, 8: byte by byte and bit by bit.
std::uint32_t plain_adler32(std::span<const std::uint8_t> data) {
  std::uint32_t a = 1, b = 0;
  for (const std::uint8_t byte : data) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return b << 16 | a;
}

std::uint32_t plain_crc32(std::span<const std::uint8_t> data) {
  std::uint32_t remainder = 0xFFFFFFFF;
  for (const std::uint8_t byte : data) {
    remainder ^= byte;
    for (int i = 0; i < 8; ++i)
      remainder = (remainder & 1) != 0 ? remainder >> 1 ^ 0xEDB88320 : remainder >> 1;
  }
  return ~remainder;
}

}  // namespace

void test_checksum(Digest& digest) {
  Numbers numbers(9);
  for (std::size_t nbytes = 0; nbytes < 20000; nbytes += nbytes < 400 ? 1 : nbytes / 9) {
    for (const bool is_noise : {true, false}) {
      std::vector<std::uint8_t> data(nbytes, 0xFF);
      if (is_noise) {
        for (std::uint8_t& byte : data) byte = static_cast<std::uint8_t>(numbers.next());
      }
      const std::uint32_t adler32 = framedeflate::adler32(data);
      const std::uint32_t crc32 = framedeflate::crc32(data);
      CHECK(adler32 == plain_adler32(data), "Adler-32 of %zu bytes", nbytes);
      CHECK(crc32 == plain_crc32(data), "CRC-32 of %zu bytes", nbytes);
      digest.add(std::uint64_t{adler32} << 32 | crc32);
    }
  }
}
